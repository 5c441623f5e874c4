"""Which points the browser draws of a map that has too many."""

from functools import lru_cache
from pathlib import Path

import numpy as np

MOST_POINTS = 100_000
FEWEST_A_CLUSTER = 200


def drawn_points(labels_path: Path | None, n_frames: int, most: int = MOST_POINTS) -> np.ndarray:
    """Return the numbers, int32 ascending, of the points to draw; the same ones each time."""
    if n_frames <= most:
        return np.arange(n_frames, dtype=np.int32)
    return _sample(labels_path, n_frames, most)


@lru_cache(maxsize=16)
def _sample(labels_path: Path | None, n_frames: int, most: int) -> np.ndarray:
    if labels_path is None:
        labels = np.zeros(n_frames, dtype=np.int32)
    else:
        labels = np.load(labels_path, mmap_mode="r", allow_pickle=False)
    return stratified_sample(labels, most)


def stratified_sample(labels: np.ndarray, most: int, *, seed: int = 0) -> np.ndarray:
    """Draw at most `most` frames so that each cluster keeps its share, and small ones stay to be seen.

    `labels` is int (n,). Each cluster gets a floor of `FEWEST_A_CLUSTER` points (less where there are too
    many clusters, or where it is smaller than that); what is left is shared out by size.
    """
    places = labels - labels.min()
    if places.max() < 1 << 16:
        places = places.astype(np.uint16)  # is sorted in a tenth of the time
    sizes = np.bincount(places)
    floor = np.minimum(sizes, min(FEWEST_A_CLUSTER, max(1, most // np.count_nonzero(sizes))))
    left = max(0, most - int(floor.sum()))
    beyond = sizes - floor
    quota = floor + (beyond * min(1.0, left / max(1, int(beyond.sum())))).astype(np.int64)
    shuffled = np.random.default_rng(seed).permutation(np.arange(len(labels), dtype=np.int32))
    order = shuffled[np.argsort(places[shuffled], kind="stable")]  # by cluster, in random order within it
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[rank < np.repeat(quota, sizes)])[:most]
