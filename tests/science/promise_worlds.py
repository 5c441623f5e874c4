"""Worlds of frames whose classes are known, and ways in which people choose which of them to label."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHARES = np.array([0.5, 0.3, 0.19, 0.01])  # of the kinds; the last is rare
PARTS = 5  # of each kind, which are clusters
OF_EACH = 60  # labels of a cluster, where some clusters are labelled
MUDDLED = 0.12  # share of the frames that lie in clusters in which kinds are mixed


@dataclass(frozen=True)
class World:
    """Frames (n,): their kind, their cluster, and probabilities (n, k) of a network with a fixed opinion."""

    kinds: NDArray[np.int64]
    groups: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    @property
    def truth(self) -> NDArray[np.bool_]:
        """The classes as a table (n, k)."""
        return self.kinds[:, None] == np.arange(len(SHARES))


def make_world(
    seed: int, n: int = 6000, spread: float = 0.55, temper: float = 1.0, bias: float = 0.0
) -> World:
    """Draw frames from clusters in a plane, five of each kind, some of which hold other kinds as well.

    A network knows the middle of each kind's clusters, thinks that all kinds are as common as another, and
    says how sure it is by `temper` (below 1: too sure) and `bias` (for the first kind).
    """
    random = np.random.default_rng(seed)
    k = len(SHARES)
    kinds = random.choice(k, n, p=SHARES)
    parts = random.integers(0, PARTS, n)
    middles = 2.2 * np.stack([np.cos(2 * np.pi * np.arange(k) / k), np.sin(2 * np.pi * np.arange(k) / k)], 1)
    offsets = random.normal(0, 0.5, (k, PARTS, 2))
    muddled = (random.random(n) < MUDDLED) & (parts == 0)
    looks = np.where(muddled, random.integers(0, k, n), kinds)
    places = middles[looks] + offsets[looks, parts] + random.normal(0, spread, (n, 2))
    squared = ((places[:, None, None, :] - (middles[:, None] + offsets)[None]) ** 2).sum(axis=3)
    logits = np.log(np.exp(-squared / (2 * spread**2)).sum(axis=2) + 1e-30)
    logits[:, 0] += bias
    logits /= temper
    logits -= logits.max(axis=1, keepdims=True)
    said = np.exp(logits)
    said /= said.sum(axis=1, keepdims=True)
    groups = squared.reshape(n, -1).argmin(axis=1)
    return World(kinds, groups, said.astype(np.float32))


def at_random(world: World, random: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Label frames drawn from all."""
    return random.choice(len(world.kinds), n, replace=False)


def balanced(world: World, random: np.random.Generator, n_each: int) -> NDArray[np.int64]:
    """Label as many frames of each kind."""
    members = (np.flatnonzero(world.kinds == kind) for kind in range(len(SHARES)))
    return np.concatenate([random.permutation(some)[:n_each] for some in members])


def whole_clusters(world: World, random: np.random.Generator, n_clusters: int) -> NDArray[np.int64]:
    """Label all frames of some clusters, and none of the others."""
    chosen = random.choice(np.unique(world.groups), n_clusters, replace=False)
    return np.flatnonzero(np.isin(world.groups, chosen))


def some_clusters(world: World, random: np.random.Generator, n_clusters: int) -> NDArray[np.int64]:
    """Label some frames of some clusters, and none of the others."""
    chosen = random.choice(np.unique(world.groups), n_clusters, replace=False)
    members = (random.permutation(np.flatnonzero(world.groups == group)) for group in chosen)
    return np.concatenate([some[:OF_EACH] for some in members])


def doubtful(world: World, random: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Label frames that the network doubts most of the time, and now and then any."""
    weight = 1.02 - world.probabilities.max(axis=1).astype(np.float64)
    return random.choice(len(world.kinds), n, replace=False, p=weight / weight.sum())


def never_pure(seed: int, n: int = 6000) -> World:
    """Draw frames whose first kind is mixed up with others at every score: 88 of 100 are right everywhere."""
    random = np.random.default_rng(seed)
    sure = random.beta(6, 1, n)
    seems = random.random(n) < 0.5
    kinds = np.where(seems & (random.random(n) < 0.88), 0, random.integers(1, len(SHARES), n))
    said = np.where(seems, sure, 0.02)
    probabilities = np.column_stack([said, *[(1 - said) / (len(SHARES) - 1)] * (len(SHARES) - 1)])
    return World(kinds, random.integers(0, 6, n), probabilities.astype(np.float32))
