"""How errors fall off with the number of labels: for each class, by its own labels and by the others'.

Error rates of learners fall off as powers of the number of examples (J. Hestness et al., arXiv:1712.00409;
T. Viering and M. Loog, arXiv:2103.10948). Bounds that keep every curve falling, and one exponent for all
classes, are what makes so few and noisy points bear a projection.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

EXPONENTS = (0.25, 0.35, 0.5, 0.7, 1.0)
USUAL_EXPONENT, SPREAD_OF_EXPONENT = 0.5, 0.3
"""Of its logarithm: what is thought of the exponent before a point is seen."""
NOISE = 0.03
"""Of the F1 of a class, at the numbers of labels that people give."""


@dataclass(frozen=True)
class Laws:
    """``1 - F1 = rest + own * n ** -exponent + others * m ** -exponent`` for each class.

    Attributes
    ----------
    rest, own, others : ndarray of shape (k,), float64
        At least 0, so that more labels never do harm.
    exponent : float
    """

    rest: NDArray[np.float64]
    own: NDArray[np.float64]
    others: NDArray[np.float64]
    exponent: float

    def f1(self, n: NDArray[np.float64], m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the F1 of each class with `n` labels of its own and `m` labelled frames without it."""
        powers = np.maximum(n, 1.0) ** -self.exponent, np.maximum(m, 1.0) ** -self.exponent
        return np.clip(1 - self.rest - self.own * powers[0] - self.others * powers[1], 0, 1)


def fit_laws(
    own: NDArray[np.float64], others: NDArray[np.float64], f1: NDArray[np.float64], of: NDArray[np.bool_]
) -> Laws:
    """Fit the power laws to the F1 of classes in runs with different numbers of labels.

    Parameters
    ----------
    own, others : ndarray of shape (r, k), float64
        Labelled frames with each class, and without it, in each of r runs.
    f1 : ndarray of shape (r, k), float64
    of : ndarray of shape (k,), bool
        The classes that are meant; the laws of the others say nothing.

    Returns
    -------
    laws : Laws
        With the exponent that fits best, held near what is usual.
    """
    columns, best = np.flatnonzero(of), None
    for exponent in EXPONENTS:
        found, cost = (
            np.zeros((3, f1.shape[1])),
            (np.log(exponent / USUAL_EXPONENT) / SPREAD_OF_EXPONENT) ** 2,
        )
        for column in columns:
            parts = own[:, column], others[:, column]
            powers = [np.maximum(part, 1.0) ** -exponent for part in parts]
            design = np.column_stack([np.ones(len(f1)), *powers])
            found[:, column], residual = nnls(design, 1 - f1[:, column])
            cost += (residual / NOISE) ** 2
        if best is None or cost < best[0]:
            best = cost, Laws(*found, exponent)
    assert best is not None
    return best[1]
