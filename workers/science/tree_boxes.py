"""Distances of boxes and points, and the greatest of some numbers, for the loops over a `PointTree`."""

import numpy as np

from workers.science.compiled import compiled


@compiled
def between(one, other, dimensions):
    """Return the squared distance of two boxes, 0 where they overlap."""
    square = np.float32(0)
    for j in range(len(dimensions)):
        gap = max(max(one[0, j] - other[1, j], other[0, j] - one[1, j]), np.float32(0))
        square += gap * gap
    return square


@compiled
def from_box(dimensions, block, box, apart):
    """Fill in the squared distance of each point of a leaf from a box."""
    for i in range(len(apart)):
        square = np.float32(0)
        for j in range(len(dimensions)):
            gap = max(max(box[0, j] - block[j, i], block[j, i] - box[1, j]), np.float32(0))
            square += gap * gap
        apart[i] = square


@compiled
def greatest(values, n):
    """Return the greatest of the first `n` values, 0 at least."""
    greatest = np.float32(0)
    for i in range(n):
        greatest = max(greatest, values[i])
    return greatest


@compiled
def greatest_of(values, places):
    """Return the greatest of the values at `places`, 0 at least."""
    greatest = np.float32(0)
    for i in places:
        greatest = max(greatest, values[i])
    return greatest
