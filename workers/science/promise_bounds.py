"""Upper bounds, with confidence, on how many frames are wrong, from labels that are no fair sample."""

import math

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
N_SLOPES = 24
N_HALVINGS = 36
MOST_LABELS = 100_000


def wrong_at_most(
    masses: NDArray[np.float64],
    n: NDArray[np.int64],
    wrong: NDArray[np.int64],
    confidence: float = CONFIDENCE,
) -> NDArray[np.float64]:
    """Return the largest mass of wrong frames that still fits to what labels say.

    Frames are divided into strata; of each, the mass is known and some frames were labelled, at random
    within the stratum. With shares f of wrong frames, W = sum of masses / n * wrong is small with a chance of
    at most exp(a W) * product of (1 - f (1 - exp(-a mass / n)))^n, for any a > 0 (H. Chernoff, Ann. Math.
    Stat. 23, 493, 1952). The bound is the largest mass * f for which that is not below 1 - confidence. It is
    exact where nothing was wrong, holds for any number of labels, and takes a stratum without labels for
    wholly wrong.

    Parameters
    ----------
    masses : ndarray of shape (j, g), float64
        One row a question, one column a stratum; a stratum that a row does not have has none.
    n, wrong : ndarray of shape (j, g), int64
        Labelled frames of each stratum, and how many of them were wrong.
    confidence : float

    Returns
    -------
    bound : ndarray of shape (j,), float64
        In the unit of the masses.
    """
    masses, n, wrong = (np.asarray(values, dtype=np.float64) for values in (masses, n, wrong))
    is_known = (n > 0) & (masses > 0)
    unknown = np.where(n > 0, 0.0, masses).sum(axis=1)
    weight = np.where(is_known, masses / np.maximum(n, 1), 0.0)
    seen = (weight * wrong).sum(axis=1)
    unit = weight.max(axis=1)
    steps = np.geomspace(0.02, 20, N_SLOPES) if wrong.any() else np.ones(1)
    slopes = steps / np.where(unit > 0, unit, 1.0)[:, None]  # (j, a)
    budget = -math.log(1 - confidence) + slopes * seen[:, None]
    gain = -np.expm1(-slopes[:, :, None] * weight[:, None, :])  # (j, a, g)
    none = seen == 0  # then the steepest slope is the best one
    gain[none] = 1.0
    gain = np.where(is_known[:, None, :], gain, 1.0)
    price = np.where(is_known, n, 0.0)[:, None, :]
    shares = _dearest(np.where(is_known, masses, 0.0)[:, None, :], price, gain, budget)
    bound = (shares * np.where(is_known, masses, 0.0)[:, None, :]).sum(axis=2).min(axis=1)
    return np.minimum(bound + unknown, masses.sum(axis=1))


def _dearest(
    masses: NDArray[np.float64],
    n: NDArray[np.float64],
    gain: NDArray[np.float64],
    budget: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the shares f that make masses * f the largest while n * -log(1 - f gain) stays in the budget.

    They are (1 - u * n * gain / masses) / gain, cut to 0 and 1; u is found by halving its logarithm.
    """
    ratio = n * gain / np.where(masses > 0, masses, 1.0)
    top = np.log(1 / np.maximum(ratio.max(axis=2), 1e-300)) + np.log(np.maximum(n.max(axis=2), 1.0)) + 40
    low, high = np.full(budget.shape, -60.0) - np.abs(top), top + 60.0
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        shares = _shares(masses, ratio, gain, middle)
        cost = -(n * np.log1p(-np.minimum(shares * gain, 1 - 1e-15))).sum(axis=2)
        is_dear = cost > budget  # a larger multiplier costs less
        low, high = np.where(is_dear, middle, low), np.where(is_dear, high, middle)
    return _shares(masses, ratio, gain, low)  # from the dear side: cautious


def _shares(
    masses: NDArray[np.float64],
    ratio: NDArray[np.float64],
    gain: NDArray[np.float64],
    at: NDArray[np.float64],
) -> NDArray[np.float64]:
    shares = (1 - np.exp(np.minimum(at, 600.0))[:, :, None] * ratio) / gain
    return np.where(masses > 0, np.clip(shares, 0.0, 1.0), 0.0)


def binomial_interval(hits: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact interval of C. J. Clopper and E. S. Pearson (Biometrika 26, 404, 1934) for a share."""
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return (low, high) if n else (0.0, 1.0)


def labels_needed(level: float, wrong: float, confidence: float = CONFIDENCE) -> int | None:
    """Return how many frames of a selection have to be labelled for a promise, if a share `wrong` is wrong.

    59 for 95 % with 95 % confidence, if none is. None where more than a hundred thousand.
    """
    budget, limit = -math.log(1 - confidence), 1 - level
    if wrong > limit - 1e-6:  # then no number of labels would do
        return None
    divergence = (1 - wrong) * math.log((1 - wrong) / level)
    if wrong > 0:
        divergence += wrong * math.log(wrong / limit)
    needed = math.ceil(budget / divergence)
    return needed if needed <= MOST_LABELS else None
