"""Which classes come together, as people label and as a classifier decides, and which it takes for which."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Z = 1.96
"""Standard deviations of an interval at 95 %."""


def mistaken_for(truth: NDArray[np.bool_], decision: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count, for classes a and b, the frames on which a was missed while b was decided wrongly.

    The diagonal holds the hits. With one class a frame this is the confusion matrix; with several it leaves
    out what a plain product of both tables would count: classes that are rightly found beside each other.

    Parameters
    ----------
    truth, decision : ndarray of shape (n, k), bool

    Returns
    -------
    counts : ndarray of shape (k, k), int64
        Rows true, columns decided.
    """
    missed, added = (truth & ~decision).astype(np.int64), (decision & ~truth).astype(np.int64)
    counts = missed.T @ added
    np.fill_diagonal(counts, (truth & decision).sum(axis=0))
    return counts


def most_confused(
    truth: NDArray[np.bool_], decision: NDArray[np.bool_], classes: list[str]
) -> list[str] | None:
    """Return the two classes that are taken for each other most often, None where none are."""
    counts = mistaken_for(truth, decision)
    np.fill_diagonal(counts, 0)
    both = np.triu(counts + counts.T)
    if not both.any():
        return None
    first, second = np.unravel_index(int(both.argmax()), both.shape)
    return [classes[first], classes[second]]


def co_occurrence(truth: NDArray[np.bool_], decision: NDArray[np.bool_]) -> dict[str, Any]:
    """Return how often a class comes with another one, of the frames that have it.

    Parameters
    ----------
    truth, decision : ndarray of shape (n, k), bool

    Returns
    -------
    table : dict
        ``labelled`` and ``decided``: for each class (row) and each other one (column) `[n, of, low, high]`,
        the frames that have both, those that have the class, and the interval of their share at 95 % after
        E. B. Wilson (J. Am. Stat. Assoc. 22, 209 (1927)).
    """
    return {"labelled": _shares(truth), "decided": _shares(decision)}


def _shares(table: NDArray[np.bool_]) -> list[list[list[float]]]:
    both = table.astype(np.int64).T @ table.astype(np.int64)
    return [[[int(n), int(row[a]), *wilson(int(n), int(row[a]))] for n in row] for a, row in enumerate(both)]


def wilson(n: int, of: int) -> tuple[float, float]:
    """Return the interval of a share at 95 %, (0, 1) of nothing."""
    if not of:
        return 0.0, 1.0
    share, weight = n / of, Z**2 / of
    middle = (share + weight / 2) / (1 + weight)
    reach = Z * np.sqrt(share * (1 - share) / of + weight / (4 * of)) / (1 + weight)
    return round(float(max(middle - reach, 0)), 4), round(float(min(middle + reach, 1)), 4)
