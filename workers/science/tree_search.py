"""The inner loops that find nearest points in a `PointTree`, a leaf at a time. All distances are squared.

What they share with `tree_crossing`: a leaf asks its sibling, then the sibling of its parent and so on, so
that what is near comes first; a node is entered only if its box comes nearer to the leaf's than what has been
found. In a leaf each point is compared with the box before it is compared with the points.
"""

import numpy as np

from workers.science.compiled import compiled
from workers.science.tree_boxes import between, from_box, greatest

DEEPEST = 64
"""Nodes that can wait at a time; a tree of 2^40 leaves needs fewer."""


@compiled
def nearest_of_leaves(first, last, dimensions, blocks, boxes, starts, distances, rows):
    """Find the nearest other points of all points in a range of leaves.

    Parameters
    ----------
    first, last : int
        The leaves.
    dimensions : tuple of d zeros
        Of `PointTree`, as are `blocks`, `boxes` and `starts`.
    distances : ndarray of shape (n, k), float32
        To the k nearest, ascending; infinite at first.
    rows : ndarray of shape (n, k), int32
        Which points these are.
    """
    n_leaves, _, capacity = blocks.shape
    limits, apart = np.empty(capacity, np.float32), np.empty(capacity, np.float32)
    scratch = np.empty(capacity, np.float32)
    stack, far = np.empty(DEEPEST, np.int64), np.empty(DEEPEST, np.float32)
    k = distances.shape[1]
    for leaf in range(first, last):
        begin, n_points = starts[leaf], starts[leaf + 1] - starts[leaf]
        for i in range(n_points):
            limits[i] = distances[begin + i, k - 1]
        here = n_leaves - 1 + leaf
        found = distances[begin : begin + n_points], rows[begin : begin + n_points]
        _nearest_in_leaf(
            dimensions, blocks[leaf], leaf, blocks, boxes, starts, leaf, limits, apart, scratch, found
        )
        limit = greatest(limits, n_points)
        up = here
        while up > 0:
            sibling = up + 1 if up & 1 else up - 1
            up = (up - 1) >> 1
            stack[0], far[0], waiting = sibling, between(boxes[here], boxes[sibling], dimensions), 1
            while waiting:
                waiting -= 1
                node = stack[waiting]
                if far[waiting] >= limit:
                    continue
                if node >= n_leaves - 1:
                    other = node - n_leaves + 1
                    _nearest_in_leaf(
                        dimensions,
                        blocks[leaf],
                        leaf,
                        blocks,
                        boxes,
                        starts,
                        other,
                        limits,
                        apart,
                        scratch,
                        found,
                    )
                    limit = greatest(limits, n_points)
                    continue
                near, near_by = 2 * node + 1, between(boxes[here], boxes[2 * node + 1], dimensions)
                away, away_by = 2 * node + 2, between(boxes[here], boxes[2 * node + 2], dimensions)
                if away_by < near_by:
                    near, near_by, away, away_by = away, away_by, near, near_by
                if away_by < limit:
                    stack[waiting], far[waiting] = away, away_by
                    waiting += 1
                if near_by < limit:
                    stack[waiting], far[waiting] = near, near_by
                    waiting += 1


@compiled
def _nearest_in_leaf(dimensions, asking, itself, blocks, boxes, starts, other, limits, apart, scratch, found):
    """Compare points with those of the leaf `other`, and keep what is nearer than what they have.

    `itself` is the leaf in which the points are, and -1 for points of another tree.
    """
    distances, rows = found
    asked = blocks[other]
    capacity, k = asked.shape[1], distances.shape[1]
    begin, n_asked = starts[other], starts[other + 1] - starts[other]
    from_box(dimensions, asking, boxes[len(blocks) - 1 + other], apart)
    for i in range(len(distances)):
        limit = limits[i]
        if apart[i] >= limit:
            continue
        n_near = 0
        for m in range(capacity):
            square = np.float32(0)
            for j in range(len(dimensions)):
                step = asked[j, m] - asking[j, i]
                square += step * step
            scratch[m] = square
            n_near += square < limit
        if n_near == 0:
            continue
        for m in range(n_asked):
            if scratch[m] < limit and not (itself == other and m == i):
                place = k - 1
                while place > 0 and distances[i, place - 1] > scratch[m]:
                    distances[i, place] = distances[i, place - 1]
                    rows[i, place] = rows[i, place - 1]
                    place -= 1
                distances[i, place], rows[i, place] = scratch[m], begin + m
                limit = distances[i, k - 1]
        limits[i] = limit


@compiled
def nearest_in_another(first, last, dimensions, asking, tree, distances, rows):
    """Find the points of one tree that are nearest to those in a range of leaves of another.

    Parameters
    ----------
    first, last : int
        The leaves that ask.
    dimensions : tuple of d zeros
        Of either tree.
    asking, tree : tuple
        `blocks`, `boxes` and `starts` of the tree that asks and of the one that is asked.
    distances, rows : ndarray of shape (m, k)
        As of `nearest_of_leaves`, for the points that ask.
    """
    asking_blocks, asking_boxes, asking_starts = asking
    blocks, boxes, starts = tree
    n_leaves, capacity = len(blocks), max(blocks.shape[2], asking_blocks.shape[2])
    limits, apart = np.empty(capacity, np.float32), np.empty(capacity, np.float32)
    scratch = np.empty(capacity, np.float32)
    stack, far = np.empty(DEEPEST, np.int64), np.empty(DEEPEST, np.float32)
    for leaf in range(first, last):
        begin, n_points = asking_starts[leaf], asking_starts[leaf + 1] - asking_starts[leaf]
        found = distances[begin : begin + n_points], rows[begin : begin + n_points]
        limits[:] = np.inf
        limit = np.float32(np.inf)
        box = asking_boxes[len(asking_blocks) - 1 + leaf]
        stack[0], far[0], waiting = 0, np.float32(0), 1
        while waiting:
            waiting -= 1
            node = stack[waiting]
            if far[waiting] >= limit:
                continue
            if node >= n_leaves - 1:
                other = node - n_leaves + 1
                places = apart[: asking_blocks.shape[2]]
                _nearest_in_leaf(
                    dimensions,
                    asking_blocks[leaf],
                    -1,
                    blocks,
                    boxes,
                    starts,
                    other,
                    limits,
                    places,
                    scratch,
                    found,
                )
                limit = greatest(limits, n_points)
                continue
            near, near_by = 2 * node + 1, between(box, boxes[2 * node + 1], dimensions)
            away, away_by = 2 * node + 2, between(box, boxes[2 * node + 2], dimensions)
            if away_by < near_by:
                near, near_by, away, away_by = away, away_by, near, near_by
            stack[waiting], far[waiting] = away, away_by
            stack[waiting + 1], far[waiting + 1] = near, near_by
            waiting += 2
