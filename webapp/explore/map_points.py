"""What the browser draws of a map: columns of the drawn points, and how dense all frames lie below them."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from webapp.datasets.columns import Columns
from webapp.datasets.decisions import best_class
from webapp.datasets.number_columns import number_column
from webapp.datasets.runs import runs_of
from webapp.explore.sampling import drawn_points

N_TILES = 256
# These belong to the map and the clustering that an address names; others may change under the same address.
LASTING = ("index", "positions", "cluster", "probability", "outlier")
_BLOCK = 1 << 16


def points_of(columns: Columns) -> np.ndarray:
    """Return the numbers, int32 ascending, of the drawn points."""
    labels = columns.products.get("cluster")
    return drawn_points(labels.folder / "labels.npy" if labels else None, columns.n_frames)


def point_column(columns: Columns, name: str) -> np.ndarray | None:
    """Return a column of the drawn points as the browser reads it: little-endian int32 or float32."""
    points = points_of(columns)
    if name == "index":
        return points.astype("<i4")
    if name == "run":
        runs = runs_of(columns)
        return runs.codes[points].astype("<i4") if runs else None
    if name == "predicted":
        return best_class(columns, points).astype("<i4") if columns.class_probabilities is not None else None
    if name in ("positions", "cluster"):
        column = columns.positions if name == "positions" else columns.clusters
    else:
        column = number_column(columns, name)
    if column is None:
        return None
    return column[points].astype("<i4" if name == "cluster" else "<f4")


def members_of_points(columns: Columns, frames: np.ndarray) -> np.ndarray:
    """Return which of the drawn points are among `frames`: bits, the least of each byte first."""
    there = np.zeros(columns.n_frames, dtype=bool)
    there[frames] = True
    return np.packbits(there[points_of(columns)], bitorder="little")


def density_of(columns: Columns) -> bytes | None:
    """Return how many frames lie in each of 256 x 256 tiles: left, right, bottom, top, then levels.

    The corners are float64; the levels are uint8 row by row from the bottom, the logarithm of the counts.
    """
    if columns.positions is None:
        return None
    return _density(columns.products["project"].folder)


@lru_cache(maxsize=32)
def _density(folder: Path) -> bytes:
    positions = np.load(folder / "map.npy", mmap_mode="r", allow_pickle=False)
    low, high = _corners(positions)
    scale = N_TILES / np.where(high > low, high - low, 1)
    counts = np.zeros(N_TILES * N_TILES, np.int64)
    for start in range(0, len(positions), _BLOCK):
        block = positions[start : start + _BLOCK]
        block = block[np.isfinite(block).all(axis=1)]
        x, y = np.minimum((block - low) * scale, N_TILES - 1).astype(np.int32).T
        counts += np.bincount(y * N_TILES + x, minlength=N_TILES * N_TILES)
    levels = np.log1p(counts) * (255 / max(np.log1p(counts.max()), 1e-9))
    corners = np.array([low[0], high[0], low[1], high[1]], "<f8")
    return corners.tobytes() + np.rint(levels).astype(np.uint8).tobytes()


def _corners(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low = np.fmin.reduce(positions, axis=0, initial=np.inf).astype(np.float64)
    high = np.fmax.reduce(positions, axis=0, initial=-np.inf).astype(np.float64)
    if not np.isfinite([low, high]).all():
        return np.zeros(2), np.ones(2)
    same = high <= low  # all frames are equal, or there is one
    return np.where(same, low - 0.5, low), np.where(same, high + 0.5, high)
