"""Which clusters of one clustering are those of another: the frames that they share."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

LEAST_JACCARD = 0.3
"""Shared frames as a share of those in either: below it a cluster is not the one that it came of."""
_LARGEST_TABLE = 1 << 22


@dataclass(frozen=True)
class Overlap:
    """How many frames each cluster of an old clustering shares with each of a new one, noise being -1.

    `old`, `new` and `shared` list the pairs that share any. `old_sizes[a + 1]` and `new_sizes[b + 1]` count
    all frames of a cluster; `old_kept` and `new_kept` those that are no noise in the other clustering.
    """

    old: np.ndarray
    new: np.ndarray
    shared: np.ndarray
    old_sizes: np.ndarray
    new_sizes: np.ndarray
    old_kept: np.ndarray
    new_kept: np.ndarray

    def matches(self) -> dict[int, int]:
        """Return for each new cluster the old one that it is, where there is one.

        Noise comes and goes with the settings, so it is left aside in the first question: does more than half
        of what either keeps lie in the other? That can be true of one partner at most. What is left of a
        cluster of which nearly all has become noise is not that cluster any more: so the second, Jaccard's.
        """
        between = (self.old >= 0) & (self.new >= 0)
        old, new, shared = self.old[between], self.new[between], self.shared[between]
        either = self.old_sizes[old + 1] + self.new_sizes[new + 1] - shared
        is_match = (2 * shared > self.old_kept[old + 1]) & (2 * shared > self.new_kept[new + 1])
        is_match &= shared >= LEAST_JACCARD * either
        return dict(zip(new[is_match].tolist(), old[is_match].tolist(), strict=True))


@lru_cache(maxsize=256)
def overlap_of(old: Path, new: Path) -> Overlap | None:
    """Compare two clusterings by their folders; None if they are of other frames, or one is gone."""
    try:
        before, after = (
            np.load(folder / "labels.npy", mmap_mode="r", allow_pickle=False) for folder in (old, new)
        )
    except (OSError, ValueError, EOFError):
        return None
    return count_overlap(before, after) if len(before) == len(after) else None


def count_overlap(before: np.ndarray, after: np.ndarray) -> Overlap:
    """Count the frames that clusters share; `before` and `after` are int32 (n,), -1 for noise."""
    n_new = int(after.max(initial=-1)) + 2
    n_old = int(before.max(initial=-1)) + 2
    codes = (before.astype(np.int64) + 1) * n_new + (after + 1)
    if n_old * n_new <= _LARGEST_TABLE:
        counts = np.bincount(codes, minlength=n_old * n_new)
        pairs = np.flatnonzero(counts)
        shared = counts[pairs]
    else:
        pairs, shared = np.unique(codes, return_counts=True)
    return overlap_of_pairs(pairs // n_new - 1, pairs % n_new - 1, shared, n_old, n_new)


def overlap_of_pairs(old: np.ndarray, new: np.ndarray, shared: np.ndarray, n_old: int, n_new: int) -> Overlap:
    """Return what pairs of clusters share; `n_old` and `n_new` count the clusters, noise among them."""

    def total(places: np.ndarray, length: int, others: np.ndarray | None = None) -> np.ndarray:
        weights = shared if others is None else np.where(others >= 0, shared, 0)
        return np.bincount(places + 1, weights=weights, minlength=length).astype(np.int64)

    return Overlap(
        old, new, shared, total(old, n_old), total(new, n_new), total(old, n_old, new), total(new, n_new, old)
    )
