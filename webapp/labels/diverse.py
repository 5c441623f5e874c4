"""Frames that are as unlike as can be: each next one is the farthest from all that were taken before."""

from pathlib import Path

import numpy as np

MOST_CANDIDATES = 20_000
MOST_SEEDS = 2_000
MOST_TAKEN = 1_000
_BLOCK = 256


def farthest_first(points: np.ndarray, seeds: np.ndarray, most: int) -> np.ndarray:
    """Return places in `points`, (m, d): each the farthest from `seeds`, (k, d), and those before it.

    T. F. Gonzalez, Theor. Comput. Sci. 38, 293 (1985).
    """
    squares = np.full(len(points), np.inf, dtype=np.float32)
    lengths = (points**2).sum(axis=1)
    for start in range(0, len(seeds), _BLOCK):
        block = seeds[start : start + _BLOCK]
        far = lengths[:, None] - 2 * points @ block.T + (block**2).sum(axis=1)
        np.minimum(squares, far.min(axis=1), out=squares)
    if not len(seeds) and len(points):  # begin in the middle, not at an outlier
        squares = -((points - points.mean(axis=0)) ** 2).sum(axis=1)
    taken = np.zeros(min(most, len(points)), dtype=np.int64)
    for number in range(len(taken)):
        taken[number] = place = int(squares.argmax())
        far = ((points - points[place]) ** 2).sum(axis=1)
        squares = far if number == 0 and not len(seeds) else np.minimum(squares, far)
        squares[taken[: number + 1]] = -np.inf
    return taken


def _candidates(path: Path, seed: int) -> np.ndarray:
    n_frames = len(np.load(path, mmap_mode="r", allow_pickle=False))
    if n_frames <= MOST_CANDIDATES:
        return np.arange(n_frames)
    random = np.random.default_rng(seed)
    return np.sort(random.choice(n_frames, MOST_CANDIDATES, replace=False))


def diverse_order(path: Path, seed: int, labelled: np.ndarray) -> np.ndarray:
    """Return frames, the most different first; `labelled`, int64 ascending, are what they differ from."""
    latents = np.load(path, mmap_mode="r", allow_pickle=False)
    frames = np.setdiff1d(_candidates(path, seed), labelled, assume_unique=True)
    random = np.random.default_rng(seed)
    if len(labelled) > MOST_SEEDS:
        labelled = np.sort(random.choice(labelled, MOST_SEEDS, replace=False))
    points, seeds = np.array(latents[frames]), np.array(latents[labelled])
    whole = np.isfinite(points).all(axis=1)
    frames, points = frames[whole], points[whole]
    seeds = seeds[np.isfinite(seeds).all(axis=1)]
    order = frames[farthest_first(points, seeds, MOST_TAKEN)].astype(np.int32)
    order.setflags(write=False)
    return order
