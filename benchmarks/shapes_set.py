"""A set of drawn shapes of which all factors are known: for measures of disentanglement."""

import numpy as np
from numpy.typing import NDArray

SIDE = 64
FACTORS = {"kind": 3, "size": 6, "angle": 10, "x": 8, "y": 8}
"""Values that each factor takes; the set is all their combinations."""
N_IMAGES = int(np.prod(list(FACTORS.values())))


def factors() -> NDArray[np.int64]:
    """Return the number of the value of each factor of each image, (n, 5)."""
    grids = np.meshgrid(*(np.arange(n) for n in FACTORS.values()), indexing="ij")
    return np.stack([grid.ravel() for grid in grids], axis=1)


def draw_shapes(values: NDArray[np.int64]) -> NDArray[np.float32]:
    """Draw ellipses, bars and triangles, turned, white on black with an edge of a pixel.

    Parameters
    ----------
    values : ndarray of shape (m, 5), int64
        As `factors` returns them.

    Returns
    -------
    images : ndarray of shape (m, 64 * 64), float32
        In [0, 1].
    """
    kind, size, angle, x, y = (values[:, i, None, None] for i in range(5))
    radius = 6.0 + 1.2 * size
    turn = np.pi * angle / FACTORS["angle"]  # none of the three is the same again before half a turn
    row, column = np.mgrid[:SIDE, :SIDE]
    right, down = column - (18 + 4 * x), row - (18 + 4 * y)
    along = np.cos(turn) * right + np.sin(turn) * down
    across = np.cos(turn) * down - np.sin(turn) * right
    outside = np.select(
        [kind == 0, kind == 1],
        [
            (np.hypot(along / radius, across / (0.5 * radius)) - 1) * 0.5 * radius,
            np.maximum(np.abs(along) - 0.9 * radius, np.abs(across) - 0.4 * radius),
        ],
        np.maximum(-along - 0.5 * radius, (0.5 * along + np.abs(across) - 0.5 * radius) / np.hypot(1, 0.5)),
    )  # distance from the edge in pixels, about
    return np.clip(0.5 - outside, 0, 1).astype(np.float32).reshape(len(values), -1)
