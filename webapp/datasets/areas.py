"""Areas that a person draws on the map, over all frames."""

from functools import lru_cache
from pathlib import Path

import numpy as np

_BLOCK = 1 << 16


@lru_cache(maxsize=8)
def frames_in_area(folder: Path, corners: bytes) -> np.ndarray:
    """Find what an area holds once: a gallery asks for it page by page, and then it is labelled."""
    positions = np.load(folder / "map.npy", mmap_mode="r", allow_pickle=False)
    inside = frames_inside(positions, np.frombuffer(corners).reshape(-1, 2)).astype(np.int32)
    inside.setflags(write=False)
    return inside


def frames_inside(positions: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return the numbers of the points, float32 (n, 2), inside a polygon by the even-odd rule."""
    # Widened by a step of float32, so that the many points need not be made float64 to be compared.
    low = np.nextafter(corners.min(axis=0).astype(np.float32), np.float32(-np.inf))
    high = np.nextafter(corners.max(axis=0).astype(np.float32), np.float32(np.inf))
    found = []
    for start in range(0, len(positions), _BLOCK):
        x, y = positions[start : start + _BLOCK].T
        near = np.flatnonzero((x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1]))
        found.append(near + start)
    near = np.concatenate(found) if found else np.zeros(0, dtype=np.int64)
    inside = _is_inside(np.asarray(positions[near], dtype=np.float64), corners)
    return near[inside].astype(np.int64)


def _is_inside(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Count for each point how many edges a ray to the right crosses (M. Shimrat, CACM 5, 434, 1962).

    In the order of their heights the points beside an edge stand together, so that each edge is held against
    those only.
    """
    order = np.argsort(points[:, 1])
    x, y = points[order].T
    odd = np.zeros(len(points), dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 != y1:
            beside = slice(*np.searchsorted(y, [min(y0, y1), max(y0, y1)]))
            odd[beside] ^= x[beside] < (x1 - x0) * (y[beside] - y0) / (y1 - y0) + x0
    inside = np.empty_like(odd)
    inside[order] = odd
    return inside
