"""A learner that stands in for the expert on shapes where very many fits are needed: ridge regression.

On the same features its F1 over the number of labels is that of the expert within a hundredth, class by class
(`benchmarks.coach`), and with the products of all frames at hand a fit takes a millisecond.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dtrtri

PENALTY = 16.0
LEAST_GAP = 0.05
"""Between what is said of frames with a class and without it, on the scale from 0 to 1."""


class StandIn:
    """Ridge regression on classes, with weights against their imbalance.

    Parameters
    ----------
    seen : ndarray of shape (m, f), float32
        Features of all frames that are ever learned from or asked about.
    truth : ndarray of shape (m, k), bool
    single_label : bool
    """

    def __init__(self, seen: NDArray[np.float32], truth: NDArray[np.bool_], single_label: bool) -> None:
        points = seen.astype(np.float64)
        points -= points.mean(axis=0)
        self.products, self.truth, self.single_label = points @ points.T, truth, single_label

    def learn(self, rows: NDArray[np.int64], asked: NDArray[np.int64]) -> NDArray[np.float32]:
        """Fit to the frames `rows` and return what is said of the frames `asked`.

        Returns
        -------
        said : ndarray of shape (a, k), float32
            From 0 to 1: with one class a frame the largest is meant, with several 0.5 lies half-way between
            frames with a class and without it.
        """
        truth = self.truth[rows].astype(np.float64)
        weights = _row_weights(truth)
        inner = self.products[np.ix_(rows, rows)]
        # Centred on the weighted mean of the rows, which leaves the level to the mean of `truth`.
        to_mean = inner @ weights
        centred = inner - to_mean[:, None] - to_mean[None, :] + weights @ to_mean
        outer = self.products[np.ix_(asked, rows)] - to_mean[None, :]
        outer = outer - (self.products[np.ix_(asked, rows)] @ weights)[:, None] + weights @ to_mean
        level, roots = weights @ truth, np.sqrt(weights * len(rows))[:, None]
        factor = cho_factor(roots * centred * roots.T + PENALTY * np.eye(len(rows)), lower=True)
        slopes = cho_solve(factor, roots * (truth - level))
        said = outer @ (roots * slopes) + level
        if not self.single_label:
            said = _halfway(said, truth, truth - slopes / (_inverse_diagonal(factor)[:, None] * roots))
        return np.clip(said, 0, 1).astype(np.float32) if not self.single_label else said.astype(np.float32)


def _row_weights(truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights of frames (n,) that sum to 1: classes, and frames without any, count the same."""
    groups = np.column_stack([truth, ~truth.any(axis=1)])
    weights = groups @ (1 / np.maximum(groups.sum(axis=0), 1))
    return weights / weights.sum()


def _inverse_diagonal(factor: tuple[NDArray[np.float64], bool]) -> NDArray[np.float64]:
    """Return the diagonal of the inverse of a matrix, whose lower Cholesky factor is given."""
    return np.square(np.tril(dtrtri(factor[0], lower=1)[0])).sum(axis=0)


def _halfway(
    said: NDArray[np.float64], truth: NDArray[np.float64], left_out: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Scale what is said so that 0 and 1 are the means of frames without a class and with it.

    `left_out` (n, k) is what would be said of each learned frame had it been left out.
    """
    with_class = (truth * left_out).sum(axis=0) / np.maximum(truth.sum(axis=0), 1)
    without = ((1 - truth) * left_out).sum(axis=0) / np.maximum((1 - truth).sum(axis=0), 1)
    return (said - without) / np.maximum(with_class - without, LEAST_GAP)
