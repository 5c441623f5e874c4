"""Whether a network fits frames that it has never seen: do they look like its own, and is it sure of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

USUAL = 0.95
"""Of the reference's own frames, that lie within the distance at which a frame counts as alike."""
N_RESAMPLES = 200
LEVEL = 0.95


@dataclass(frozen=True)
class Likeness:
    """How much frames look like those of a reference.

    Attributes
    ----------
    alike : float
        Share of the frames that lie as near to the reference as its own frames to each other.
    interval : list of float
        Between which it lies, by the bootstrap over the frames.
    energy : float
        Energy distance over the mean distance between the two, 0 (the same) to 1.
    energy_interval : list of float
    """

    alike: float
    interval: list[float]
    energy: float
    energy_interval: list[float]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "alike": round(self.alike, 4),
            "alike_interval": self.interval,
            "energy": round(self.energy, 4),
            "energy_interval": self.energy_interval,
        }


def compare_shapes(sample: NDArray[np.float32], reference: NDArray[np.float32], seed: int = 0) -> Likeness:
    """Compare frames with those that a network learned from.

    The share of frames within the usual distance does not ask how often each kind occurs, the energy distance
    (G. J. Székely and M. L. Rizzo, J. Stat. Plan. Infer. 143, 1249 (2013)) does.

    Parameters
    ----------
    sample : ndarray of shape (n, d), float32
    reference : ndarray of shape (m, d), float32
    seed : int
        Of the bootstrap.

    Returns
    -------
    likeness : Likeness
    """
    across, within = cdist(sample, reference), cdist(reference, reference)
    own = np.where(np.eye(len(reference), dtype=bool), np.inf, within).min(axis=1)
    usual = float(np.quantile(own, USUAL)) if len(reference) > 1 else 0.0
    is_alike = across.min(axis=1) <= usual
    inside = cdist(sample, sample)
    random = np.random.default_rng(seed)
    shares, energies = [], []
    for _ in range(N_RESAMPLES):
        weights = np.bincount(random.integers(len(sample), size=len(sample)), minlength=len(sample))
        other = np.bincount(random.integers(len(reference), size=len(reference)), minlength=len(reference))
        shares.append(np.average(is_alike, weights=weights))
        energies.append(_energy(across, inside, within, weights, other))
    whole = np.ones(len(sample)), np.ones(len(reference))
    energy = _energy(across, inside, within, *whole)
    return Likeness(float(is_alike.mean()), _bounds(shares), energy, _bounds(energies))


def _energy(across: NDArray, inside: NDArray, within: NDArray, weights: NDArray, others: NDArray) -> float:
    """Return the energy distance as a share of the mean distance across, of weighted frames."""
    w, v = weights / weights.sum(), others / others.sum()
    between = 2 * float(w @ across @ v)
    # A frame's distance to itself says nothing, so that it is left out of the means.
    own = float(w @ inside @ w) / max(1 - float(w @ w), 1e-9)
    own += float(v @ within @ v) / max(1 - float(v @ v), 1e-9)
    return max(0.0, 1 - own / between) if between > 0 else 0.0


def mean_entropy(probabilities: NDArray[np.float32], single_label: bool) -> float:
    """Return the mean entropy of answers, as a share of the largest that there can be."""
    p = np.clip(probabilities.astype(np.float64), 1e-9, 1 - 1e-9)
    if single_label:
        return float(-(p * np.log(p)).sum(axis=1).mean() / np.log(max(p.shape[1], 2)))
    return float(-(p * np.log(p) + (1 - p) * np.log(1 - p)).mean() / np.log(2))


def confidence_of(probabilities: NDArray[np.float32], single_label: bool) -> NDArray[np.float64]:
    """Return how sure each frame's answer is (n,): its probability, or that of its least certain class."""
    p = probabilities.astype(np.float64)
    return p.max(axis=1) if single_label else np.maximum(p, 1 - p).min(axis=1)


def expected_right(
    confidence: NDArray[np.float64], own: NDArray[np.float64], is_right: NDArray[np.bool_]
) -> float | None:
    """Return the share of frames of which the answer is expected to be right; None without own frames.

    The average thresholded confidence of S. Garg et al. (ICLR 2022): as many of the network's own held-back
    frames lie below the threshold as it got wrong. It holds where frames differ in kind and light, not where
    there are particles that the network has never seen.

    Parameters
    ----------
    confidence : ndarray of shape (n,)
        Of the new frames.
    own : ndarray of shape (t,)
        Of frames that a fit had not seen.
    is_right : ndarray of shape (t,), bool
        Whether it was right about them.
    """
    if not len(own):
        return None
    threshold = np.quantile(own, 1 - is_right.mean())
    return float((confidence >= threshold).mean())


def _bounds(values: list[float]) -> list[float]:
    tails = 50 * (1 - LEVEL)
    return [round(float(bound), 4) for bound in np.percentile(values, [tails, 100 - tails])]
