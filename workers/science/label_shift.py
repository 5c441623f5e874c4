"""How common kinds of frames are in a data set, when labels were not drawn at random from it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

FEWEST_OF_KIND = 8  # labelled frames, below which kinds are taken together
N_RESAMPLES = 60
LIKELY = 95  # percentile of the resampled shares that counts as their upper limit
_BLOCK = 1 << 16
_EDGE = 1e-4
_WEIGHT_OF_SUM = 10.0


@dataclass(frozen=True)
class Kinds:
    """What combinations of classes labelled frames have, and how common each is among all frames.

    Attributes
    ----------
    truth : ndarray of shape (g, k), bool
        The combinations; the last stands for all rare ones together if `has_rest`.
    of_label : ndarray of shape (t,), int64
        The kind of each labelled frame.
    share, at_most : ndarray of shape (g,), float64
        Share of all frames, and its upper limit.
    has_rest : bool
    """

    truth: NDArray[np.bool_]
    of_label: NDArray[np.int64]
    share: NDArray[np.float64]
    at_most: NDArray[np.float64]
    has_rest: bool


def kinds_of(
    truth: NDArray[np.bool_],
    judged: NDArray[np.float32],
    population: NDArray[np.float32],
    seed: int = 0,
) -> Kinds:
    """Estimate how common each kind is, if frames of a kind look the same with and without a label.

    By what fits say of labelled frames of each kind on the mean, and of all frames (Z. C. Lipton, Y.-X. Wang,
    A. Smola, ICML 2018, with probabilities in place of decisions, and shares that are not negative). They
    need not be honest for it. Upper limits are from labelled frames drawn again within their kinds.

    Parameters
    ----------
    truth : ndarray of shape (t, k), bool
    judged : ndarray of shape (t, k), float32
        What was said of these frames by fits that had not seen their labels.
    population : ndarray of shape (n, k), float32
        What is said of the frames that nobody has labelled; may be a memory map.
    seed : int

    Returns
    -------
    kinds : Kinds
    """
    combinations, of_label, counts = np.unique(truth, axis=0, return_inverse=True, return_counts=True)
    of_label = of_label.ravel()
    answers = _answers(judged, combinations)
    common = np.flatnonzero(counts >= FEWEST_OF_KIND)
    has_rest = len(common) < len(counts)
    place = np.full(len(counts), len(common))
    place[common] = np.arange(len(common))
    of_label, n_kinds = place[of_label], len(common) + has_rest
    told, n = np.zeros(len(combinations)), 0
    for start in range(0, len(population), _BLOCK):
        block = np.asarray(population[start : start + _BLOCK])
        block = block[np.isfinite(block).all(axis=1)]
        told, n = told + _answers(block, combinations).sum(axis=0), n + len(block)
    told, random = told / max(n, 1), np.random.default_rng(seed)
    members = [np.flatnonzero(of_label == kind) for kind in range(n_kinds)]

    def solve(rows: list[NDArray[np.int64]]) -> NDArray[np.float64]:
        means = np.stack([answers[some].mean(axis=0) for some in rows], axis=1)
        system = np.vstack([means, np.full((1, n_kinds), _WEIGHT_OF_SUM)])
        shares = nnls(system, np.append(told, _WEIGHT_OF_SUM))[0]
        return shares / max(shares.sum(), 1e-12)

    drawn = [solve([random.choice(some, len(some)) for some in members]) for _ in range(N_RESAMPLES)]
    share = solve(members)
    at_most = np.maximum(np.percentile(drawn, LIKELY, axis=0), share)
    rest = [np.zeros((1, truth.shape[1]), bool)] if has_rest else []
    return Kinds(np.concatenate([combinations[common], *rest]), of_label, share, at_most, has_rest)


def _answers(probabilities: NDArray[np.float32], combinations: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how well each combination fits to what is said of frames, rows that sum to 1, (m, g)."""
    p = np.clip(probabilities.astype(np.float64), _EDGE, 1 - _EDGE)
    fits = np.log(p) @ combinations.T + np.log1p(-p) @ ~combinations.T
    fits = np.exp(fits - fits.max(axis=1, keepdims=True)) if len(fits) else fits
    return fits / fits.sum(axis=1, keepdims=True) if len(fits) else fits
