"""Points in a tree of boxes: leaves of a few dozen neighbouring points, laid out for vector instructions.

A balanced tree after Bentley, Comm. ACM 18, 509 (1975): node i has the children 2i + 1 and 2i + 2, and all
leaves lie at one depth, so neither pointers nor recursion are needed. Inside a leaf the points are stored
dimension by dimension, so that a loop over its points runs on all lanes of the processor.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.compiled import compiled

LEAF = 64
"""Most points of a leaf; fewer make more boxes to compare, more make more distances."""
PAD = np.float32(1e15)
"""Stands in unused places of a leaf: farther than any point, and its square is still a float32."""


FARTHEST = 1e12


@dataclass(frozen=True)
class PointTree:
    """Points, reordered so that a leaf is a range of rows.

    Attributes
    ----------
    order : ndarray of shape (n,), int32
        Which of the given points stands at a row.
    starts : ndarray of shape (n_leaves + 1,), int64
        Where each leaf begins.
    blocks : ndarray of shape (n_leaves, d, capacity), float32
        Coordinates, centred and divided by `scale`; there may be dimensions more, in which all are 0.
    boxes : ndarray of shape (2 * n_leaves - 1, 2, d), float32
        Least and greatest coordinates below each node.
    middle : ndarray of shape (d,), float64
        What they were centred on.
    scale : float
        A power of two. Distances in the tree times this are distances of the given points.
    """

    order: NDArray[np.int32]
    starts: NDArray[np.int64]
    blocks: NDArray[np.float32]
    boxes: NDArray[np.float32]
    middle: NDArray[np.float64]
    scale: float

    @property
    def dimensions(self) -> tuple[int, ...]:
        """One zero for each dimension: its length is known when a loop is compiled for it."""
        return (0,) * self.blocks.shape[1]

    @property
    def n_leaves(self) -> int:
        return len(self.blocks)


def plant(points: NDArray[np.float32], order: NDArray[np.int32] | None = None) -> PointTree:
    """Sort points into a tree.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        At least one; finite.
    order : ndarray of shape (n,), int32, optional
        Of an earlier tree of the same points, which saves the sorting.

    Returns
    -------
    tree : PointTree
        The same for the same points.
    """
    return _plant(points, *middle_and_scale(points), order)


def middle_and_scale(points: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """Return what a tree of these points, (n, d), is centred on and divided by."""
    middle = points.mean(axis=0, dtype=np.float64)
    largest = float(max((points.max(axis=0) - middle).max(), (middle - points.min(axis=0)).max()))
    # Without it, squares of small or of great numbers would leave the range of float32.
    return middle, 2.0 ** np.ceil(np.log2(largest)) if largest > 0 else 1.0


def plant_beside(points: NDArray[np.float32], tree: PointTree) -> PointTree:
    """Sort points into a tree whose distances are in the unit of another tree.

    Parameters
    ----------
    points : ndarray of shape (m, d), float32
        At least one; finite.
    tree : PointTree
        The other one.

    Returns
    -------
    beside : PointTree
        Centred as the other.
    """
    return _plant(points, tree.middle, tree.scale, None)


def _plant(
    points: NDArray[np.float32], middle: NDArray[np.float64], scale: float, order: NDArray[np.int32] | None
) -> PointTree:
    scaled = np.zeros((len(points), _padded(points.shape[1])), np.float32)
    # What lies so far away that its square would be infinite is far enough there.
    scaled[:, : points.shape[1]] = np.clip((points - middle) / scale, -FARTHEST, FARTHEST)
    depth = max(0, int(np.ceil(np.log2(len(points) / LEAF))))
    starts = len(points) * np.arange(2**depth + 1) // 2**depth
    if order is None:
        order = np.arange(len(points), dtype=np.int32)
        _split(scaled, order, starts)
    capacity = -(-int(np.diff(starts).max()) // 8) * 8
    blocks, boxes = _fill(scaled, order, starts, capacity, PAD)
    return PointTree(order, starts, blocks, boxes, middle, scale)


def _padded(d):
    """Return the dimensions computed with: each number has loops compiled for it, so not all occur."""
    return max(4, d + d % 2) if d <= 12 else -(-d // 8) * 8


@compiled
def _split(points, order, starts):
    """Halve ranges of `order` along the longest side of their box until they begin at `starts`."""
    n, d = points.shape
    key = np.empty(n, np.float32)
    width = len(starts) - 1
    while width > 1:
        for node in range((len(starts) - 1) // width):
            first, last = starts[node * width], starts[(node + 1) * width]
            longest, axis = np.float32(-1), 0
            for j in range(d):
                low = high = points[order[first], j]
                for i in range(first, last):
                    value = points[order[i], j]
                    low, high = min(low, value), max(high, value)
                if high - low > longest:
                    longest, axis = high - low, j
            for i in range(first, last):
                key[order[i]] = points[order[i], axis]
            _bring_to_place(order, key, first, last - 1, starts[node * width + width // 2])
        width //= 2


@compiled
def _bring_to_place(order, key, low, high, place):
    """Reorder until none before `place` has a greater key than any from there on (Hoare's selection)."""
    while low < high:
        x, y, z = key[order[low]], key[order[(low + high) >> 1]], key[order[high]]
        pivot = max(min(x, y), min(max(x, y), z))
        i, j = low, high
        while i <= j:
            while key[order[i]] < pivot:
                i += 1
            while key[order[j]] > pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            return


@compiled
def _fill(points, order, starts, capacity, pad):
    """Return the leaves' blocks and the boxes of all nodes."""
    d, n_leaves = points.shape[1], len(starts) - 1
    blocks = np.full((n_leaves, d, capacity), pad, np.float32)
    boxes = np.empty((2 * n_leaves - 1, 2, d), np.float32)
    for leaf in range(n_leaves):
        box, first, last = boxes[n_leaves - 1 + leaf], starts[leaf], starts[leaf + 1]
        for j in range(d):
            low = high = points[order[first], j]
            for i in range(first, last):
                value = points[order[i], j]
                blocks[leaf, j, i - first] = value
                low, high = min(low, value), max(high, value)
            box[0, j], box[1, j] = low, high
    for node in range(n_leaves - 2, -1, -1):
        left, right = boxes[2 * node + 1], boxes[2 * node + 2]
        for j in range(d):
            boxes[node, 0, j] = min(left[0, j], right[0, j])
            boxes[node, 1, j] = max(left[1, j], right[1, j])
    return blocks, boxes
