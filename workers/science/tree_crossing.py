"""The inner loops that find the cheapest edges between components of a `PointTree`, all distances squared."""

import numpy as np

from workers.science.compiled import compiled
from workers.science.tree_boxes import between, from_box, greatest_of
from workers.science.tree_search import DEEPEST


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
        limit = greatest_of(allowed, active[:n_active])
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
                    limit = greatest_of(allowed, places)
                    continue
                near, away = 2 * at + 1, 2 * at + 2
                near_by = max(between(box, boxes[near], dimensions), max(node_core[near], floor))
                away_by = max(between(box, boxes[away], dimensions), max(node_core[away], floor))
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
                far[0] = max(between(box, boxes[sibling], dimensions), max(node_core[sibling], floor))
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
            square = min(square, between(box, frames[leaf, part], dimensions))
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
    from_box(dimensions, asking, boxes[node], apart)
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
