"""Latents as points whose distances count what a network can tell apart, for any number of frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_SPREAD = 1e-4
"""Of a latent, in standard deviations of the prior: what varies less is rounding."""
DIRECTIONS, REACH, PRECISION = "directions", "by reach", "by precision"
"""How latents are compared."""
BLOCK = 1 << 16
"""Frames at a time: memory does not grow with the data set."""


@dataclass(frozen=True)
class LatentWeights:
    """How the latents of a data set become points.

    Attributes
    ----------
    active : ndarray of shape (k,), int64
        The latents that are used.
    mean, spread, weight : ndarray of shape (k,), float64
        Their mean and standard deviation over all frames, and how much each counts.
    by_direction : bool
        Whether only the direction of a point counts, not how far from the middle it is.
    """

    active: NDArray[np.int64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    weight: NDArray[np.float64]
    by_direction: bool = False

    def points(self, latents: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return latents (m, d) as points (m, k), float32."""
        chosen = np.asarray(latents, dtype=np.float64)[:, self.active]
        points = (chosen - self.mean) / self.spread * self.weight
        if self.by_direction:
            # within one standard deviation of the prior nothing is known that would have a direction
            points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1)
        return points.astype(np.float32)


def latent_weights(latents: NDArray[np.float32], figures: dict[str, Any]) -> LatentWeights:
    """Choose the active latents, and weigh each by how well it is known.

    The network's card says how. `"directions"`: it learned to see the same in all views of a frame by the
    directions of its latents (`objective.inconsistency`), and so are its frames compared. `"by reach"`: it
    learned from shapes, distances between which mean something, and a latent counts as far as it moves them.
    `"by precision"`, the rule for all others: a latent of unit variance with a KL of K nats has a posterior
    of standard deviation about exp(-K), and distances in that unit count what the network can tell apart;
    without it, a latent that is nearly all noise would weigh as much as the one that carries the shape.

    Parameters
    ----------
    latents : ndarray of shape (n, d), float32
        Posterior means; usually a memory map, read in blocks.
    figures : dict
        Of the network's card: `active_latents`, `kl_per_latent` in nats, how they are `compared`, and
        `reach_per_latent` where that says so. If no latent is active, as after learning from identical
        frames, all are taken.

    Returns
    -------
    weights : LatentWeights
        Points have length 1 at most if only their direction counts. By precision they have mean 0, and the
        best-known latent has standard deviation 1; by reach, mean 0 and the unit of the features. A latent
        that does not vary is 0.
    """
    active = np.array(figures["active_latents"] or range(latents.shape[1]), dtype=np.int64)
    kl = np.asarray(figures["kl_per_latent"], dtype=np.float64)[active]
    mean = sum(block.sum(axis=0) for block in _blocks(latents, active)) / len(latents)
    squares = sum(np.square(block - mean).sum(axis=0) for block in _blocks(latents, active))
    spread = np.sqrt(squares / len(latents))
    spread[spread < LEAST_SPREAD] = np.inf
    compared = figures.get("compared", PRECISION)
    unit = np.where(np.isinf(spread), spread, 1.0)
    if compared == DIRECTIONS:
        return LatentWeights(active, np.zeros(len(active)), unit, np.ones(len(active)), by_direction=True)
    if compared == REACH:
        reach = np.asarray(figures["reach_per_latent"], dtype=np.float64)[active]
        return LatentWeights(active, mean, unit, reach)
    return LatentWeights(active, mean, spread, np.exp(kl - kl.max()))


def sample_rows(n: int, most: int, seed: int) -> NDArray[np.int64]:
    """Return all of `n` rows, or `most` of them at random, in ascending order.

    Parameters
    ----------
    n, most : int
        How many there are, and how many are wanted at most.
    seed : int
        Same seed: same rows.

    Returns
    -------
    rows : ndarray of shape (min(n, most),), int64
    """
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def _blocks(latents: NDArray[np.float32], active: NDArray[np.int64]) -> Iterator[NDArray[np.float64]]:
    for start in range(0, len(latents), BLOCK):
        yield np.asarray(latents[start : start + BLOCK], dtype=np.float64)[:, active]
