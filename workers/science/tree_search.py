"""The inner loops of searches in a `PointTree`, for a leaf of points at a time. All distances are squared.

What both searches share: a leaf asks its sibling, then the sibling of its parent and so on, so that what is
near comes first; a node is entered only if its box comes nearer to the leaf's than what has been found. In
a leaf each point is compared with the box before it is compared with the points.
"""

import numpy as np

from workers.science.compiled import compiled

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
        limit = _greatest(limits, n_points)
        up = here
        while up > 0:
            sibling = up + 1 if up & 1 else up - 1
            up = (up - 1) >> 1
            stack[0], far[0], waiting = sibling, _between(boxes[here], boxes[sibling], dimensions), 1
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
                    limit = _greatest(limits, n_points)
                    continue
                near, near_by = 2 * node + 1, _between(boxes[here], boxes[2 * node + 1], dimensions)
                away, away_by = 2 * node + 2, _between(boxes[here], boxes[2 * node + 2], dimensions)
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
    _from_box(dimensions, asking, boxes[len(blocks) - 1 + other], apart)
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
                limit = _greatest(limits, n_points)
                continue
            near, near_by = 2 * node + 1, _between(box, boxes[2 * node + 1], dimensions)
            away, away_by = 2 * node + 2, _between(box, boxes[2 * node + 2], dimensions)
            if away_by < near_by:
                near, near_by, away, away_by = away, away_by, near, near_by
            stack[waiting], far[waiting] = away, away_by
            stack[waiting + 1], far[waiting + 1] = near, near_by
            waiting += 2


@compiled
def crossing_of_leaves(
    leaves, dimensions, blocks, boxes, starts, core, components, node_core, node_component, parts, limits, out
):
    """Find for points of some leaves the cheapest edge to another component, in mutual reachability.

    Parameters
    ----------
    leaves : ndarray of shape (m,), int64
        Which leaves.
    dimensions, blocks, boxes, starts
        Of `PointTree`.
    core : ndarray of shape (n,), float32
        Squared core distances.
    components : ndarray of shape (n,), int32
        Which component a point is in.
    node_core : ndarray of shape (n_nodes,), float32
        The least core distance below each node.
    node_component : ndarray of shape (n_nodes,), int32
        The component of all points below a node, or -1.
    parts : tuple
        Of each leaf the points of the first one's component, and the others: `owners` (n_leaves, 2) int32,
        the component of either, -1 for several, -2 for none; and `frames` (n_leaves, 2, 2, d) float32, their
        boxes. A leaf between two groups spans the gap, but what is foreign in it may be far away.
    limits : ndarray of shape (n,), float32
        By component: an edge that is not cheaper is of no use.
    out : tuple
        `low` (n,) float32, a lower bound of the edges of a point to other components, but for those that are
        known: points whose bound is not below the limit are passed over, and it is raised for the others.
        `best` (n,) float32 and `partner` (n,) int32: an edge that was found, else left as they are.
    """
    low = out[0]
    n_leaves, _, capacity = blocks.shape
    allowed, apart = np.empty(capacity, np.float32), np.empty(capacity, np.float32)
    least, cost = np.empty(capacity, np.float32), np.empty(capacity, np.float32)
    active = np.empty(capacity, np.int64)
    box = np.empty((2, len(dimensions)), np.float32)
    stack, far = np.empty(DEEPEST, np.int64), np.empty(DEEPEST, np.float32)
    graph, own = (core, components, node_core, node_component), (active, allowed, least)
    for leaf in leaves:
        n_active = _who_asks(leaf, starts, components, limits, out, own)
        if n_active == 0:
            continue
        _box_of(dimensions, blocks[leaf], active[:n_active], box)
        begin = starts[leaf]
        common = components[begin + active[0]]
        floor = core[begin + active[0]]
        for i in active[:n_active]:
            common = common if components[begin + i] == common else -1
            floor = min(floor, core[begin + i])
        limit = _greatest_of(allowed, active[:n_active])
        passed_over = np.float32(np.inf)
        node = n_leaves - 1 + leaf
        stack[0], far[0], waiting = node, floor, 1
        while True:
            while waiting:
                waiting -= 1
                at = stack[waiting]
                if far[waiting] >= limit:
                    passed_over = min(passed_over, far[waiting])
                    continue
                if at >= n_leaves - 1:
                    other = at - n_leaves + 1
                    foreign = max(_to_foreign(box, parts, other, common, dimensions), floor)
                    if foreign >= limit:
                        passed_over = min(passed_over, foreign)
                        continue
                    places = active[:n_active]
                    _crossing_in_leaf(
                        dimensions,
                        blocks,
                        boxes,
                        starts,
                        leaf,
                        other,
                        graph,
                        places,
                        allowed,
                        least,
                        apart,
                        cost,
                        out,
                    )
                    limit = _greatest_of(allowed, places)
                    continue
                near, away = 2 * at + 1, 2 * at + 2
                near_by = max(_between(box, boxes[near], dimensions), max(node_core[near], floor))
                away_by = max(_between(box, boxes[away], dimensions), max(node_core[away], floor))
                if away_by < near_by:
                    near, near_by, away, away_by = away, away_by, near, near_by
                if common < 0 or node_component[away] != common:
                    stack[waiting], far[waiting] = away, away_by
                    waiting += 1
                if common < 0 or node_component[near] != common:
                    stack[waiting], far[waiting] = near, near_by
                    waiting += 1
            if node == 0:
                break
            sibling = node + 1 if node & 1 else node - 1
            node = (node - 1) >> 1
            if common < 0 or node_component[sibling] != common:
                stack[0] = sibling
                far[0] = max(_between(box, boxes[sibling], dimensions), max(node_core[sibling], floor))
                waiting = 1
        for i in active[:n_active]:
            low[begin + i] = max(low[begin + i], min(least[i], passed_over))


@compiled
def _to_foreign(box, parts, leaf, component, dimensions):
    """Return the squared distance of a box from the points of a leaf that are not of `component`."""
    owners, frames = parts
    square = np.float32(np.inf)
    for part in range(2):
        if owners[leaf, part] != -2 and (component < 0 or owners[leaf, part] != component):
            square = min(square, _between(box, frames[leaf, part], dimensions))
    return square


@compiled
def _who_asks(leaf, starts, components, limits, out, own):
    """List the points of a leaf that may have a cheaper edge than their component; return how many."""
    low = out[0]
    active, allowed, least = own
    n_active, begin = 0, starts[leaf]
    for i in range(starts[leaf + 1] - begin):
        limit = limits[components[begin + i]]
        if low[begin + i] < limit:
            active[n_active], allowed[i], least[i] = i, limit, np.float32(np.inf)
            n_active += 1
    return n_active


@compiled
def _crossing_in_leaf(
    dimensions, blocks, boxes, starts, leaf, other, graph, places, allowed, least, apart, cost, out
):
    """Compare points at `places` of `leaf` with those of `other` that are in another component."""
    core, components, node_core, node_component = graph
    _, best, partner = out
    asking, asked = blocks[leaf], blocks[other]
    begin, first, n_asked = starts[leaf], starts[other], starts[other + 1] - starts[other]
    node = len(blocks) - 1 + other
    # Whole numbers with the bits of floats that are not negative have their order, and their minimum needs no
    # thought of NaN, so that it runs on all lanes.
    bits = cost.view(np.int32)
    least_bits = np.empty(1, np.int32)
    least_cost = least_bits.view(np.float32)
    _from_box(dimensions, asking, boxes[node], apart)
    for i in places:
        row = begin + i
        component, floor, limit = components[row], core[row], allowed[i]
        if node_component[node] == component:
            continue
        bound = max(apart[i], max(node_core[node], floor))
        if bound >= limit:
            least[i] = min(least[i], bound)
            continue
        lowest = np.int32(2147483647)
        for m in range(asked.shape[1]):
            square = np.float32(0)
            for j in range(len(dimensions)):
                step = asked[j, m] - asking[j, i]
                square += step * step
            cost[m] = square
            lowest = min(lowest, bits[m])
        least_bits[0] = lowest
        nearest = least_cost[0]
        if nearest >= limit:
            least[i] = min(least[i], nearest)
            continue
        cheapest, at = np.float32(np.inf), -1
        for m in range(n_asked):
            weight = max(cost[m], max(core[first + m], floor))
            if weight < cheapest and components[first + m] != component:
                cheapest, at = weight, m
        least[i] = min(least[i], cheapest)
        if cheapest < limit:
            best[row], partner[row] = cheapest, first + at
            for mate in places:
                if components[begin + mate] == component:
                    allowed[mate] = min(allowed[mate], cheapest)


@compiled
def _box_of(dimensions, block, places, box):
    """Bound the points at `places` of a leaf."""
    for j in range(len(dimensions)):
        low = high = block[j, places[0]]
        for i in places:
            low, high = min(low, block[j, i]), max(high, block[j, i])
        box[0, j], box[1, j] = low, high


@compiled
def _between(one, other, dimensions):
    """Return the squared distance of two boxes, 0 where they overlap."""
    square = np.float32(0)
    for j in range(len(dimensions)):
        gap = max(max(one[0, j] - other[1, j], other[0, j] - one[1, j]), np.float32(0))
        square += gap * gap
    return square


@compiled
def _from_box(dimensions, block, box, apart):
    """Fill in the squared distance of each point of a leaf from a box."""
    for i in range(len(apart)):
        square = np.float32(0)
        for j in range(len(dimensions)):
            gap = max(max(box[0, j] - block[j, i], block[j, i] - box[1, j]), np.float32(0))
            square += gap * gap
        apart[i] = square


@compiled
def _greatest(values, n):
    greatest = np.float32(0)
    for i in range(n):
        greatest = max(greatest, values[i])
    return greatest


@compiled
def _greatest_of(values, places):
    greatest = np.float32(0)
    for i in places:
        greatest = max(greatest, values[i])
    return greatest
