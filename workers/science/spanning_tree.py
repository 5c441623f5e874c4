"""The minimum spanning tree of mutual reachability, exact, by Boruvka's rounds.

In each round every component looks for its cheapest edge to another one. The cheapest among the stored
neighbours is found at once; only points that may have a cheaper one beyond their stored neighbours search
the tree of boxes, which passes over nodes that are too far, or all in the same component (March, Ram and
Gray, KDD 2010). What a search found out about a point, a lower bound of all its edges to other components,
holds in later rounds as well, because components only grow.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.compiled import compiled
from workers.science.nearest import Neighbours, in_portions
from workers.science.point_tree import PointTree
from workers.science.progress import Progress, silent
from workers.science.tree_crossing import crossing_of_leaves

STRIDES = (64, 16, 4, 1)
"""Every 64th leaf searches first, then every 16th and so on: what few find spares the many. In fixed steps,
so that the tree does not depend on the number of threads."""


@dataclass(frozen=True)
class SpanningTree:
    """Edges of a tree over n points, cheapest first.

    Attributes
    ----------
    ends : ndarray of shape (n - 1, 2), int32
        Numbers of the points.
    weights : ndarray of shape (n - 1,), float64
        Mutual reachability distances, in the unit of the points.
    """

    ends: NDArray[np.int32]
    weights: NDArray[np.float64]


def spanning_tree(
    tree: PointTree,
    neighbours: Neighbours,
    min_samples: int,
    *,
    threads: int = 1,
    on_progress: Progress = silent,
) -> SpanningTree:
    """Connect all points by the edges of least total mutual reachability distance.

    Parameters
    ----------
    tree : PointTree
        Of n points, at least two.
    neighbours : Neighbours
        At least `min_samples` of each point; some more make it faster.
    min_samples : int
        The core distance of a point is that of its `min_samples`-th neighbour.
    threads : int, default=1
        The result does not depend on it.
    on_progress : Progress
        Told the points that are connected.

    Returns
    -------
    spanning : SpanningTree
        Exact to the precision of float32.
    """
    n = len(tree.order)
    search = _Search(tree, neighbours, neighbours.core_squares(min_samples))
    edges, weights = [], []
    while search.n_components > 1:
        on_progress(n - search.n_components, n, note="connecting neighbours")
        joined, cost = search.merge(search.cheapest(threads))
        edges.append(joined)
        weights.append(cost)
    ends, squares = np.concatenate(edges), np.concatenate(weights)
    order = np.argsort(squares, kind="stable")
    return SpanningTree(tree.order[ends[order]], np.sqrt(squares[order], dtype=np.float64) * tree.scale)


class _Search:
    """What is known of components and of the edges between them."""

    def __init__(self, tree: PointTree, neighbours: Neighbours, core: NDArray[np.float32]) -> None:
        n = len(core)
        self.tree, self.neighbours, self.core = tree, neighbours, core
        self.components = np.arange(n, dtype=np.int32)
        self.n_components = n
        self.low = np.ascontiguousarray(neighbours.squares[:, -1])
        self.best, self.partner = np.full(n, np.inf, np.float32), np.full(n, -1, np.int32)
        self.node_core = _least_below(core, tree.starts)

    def cheapest(self, threads: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """Return the cheapest edge of each component: row inside, row outside, squared weight."""
        n = self.n_components
        found = np.full(n, -1, np.int32), np.full(n, -1, np.int32), np.full(n, np.inf, np.float32)
        weights, partners = np.empty_like(self.best), np.empty_like(self.partner)
        known = self.neighbours.squares, self.neighbours.rows, self.core, self.components

        def look_up(first: int, last: int) -> None:
            _cheapest_listed(first, last, known, self.best, self.partner, weights, partners)

        _run(look_up, len(self.core), threads)
        _cheapest_of_components(weights, partners, self.components, *found)
        where = (
            _common_below(self.components, self.tree.starts),
            _parts_of_leaves(self.tree.blocks, self.tree.starts, self.components),
        )
        for stride in STRIDES:
            leaves = np.arange(0, self.tree.n_leaves, stride)
            self._search_leaves(leaves, found[2], where, threads)
            _cheapest_of_components(self.best, self.partner, self.components, *found)
        return found

    def _search_leaves(
        self,
        leaves: NDArray[np.int64],
        limits: NDArray[np.float32],
        where: tuple[NDArray[np.int32], tuple[NDArray[np.int32], NDArray[np.float32]]],
        threads: int,
    ) -> None:
        tree = self.tree

        def search(first: int, last: int) -> None:
            crossing_of_leaves(
                leaves[first:last],
                tree.dimensions,
                tree.blocks,
                tree.boxes,
                tree.starts,
                self.core,
                self.components,
                self.node_core,
                *where,
                limits,
                (self.low, self.best, self.partner),
            )

        _run(search, len(leaves), threads)

    def merge(self, found: tuple[NDArray, NDArray, NDArray]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Join components along their cheapest edges; return ends (m, 2) and weights of those taken."""
        rows, partners, weights = found
        order = np.argsort(weights, kind="stable")
        joined, numbers = _join(rows, partners, order, self.components, self.n_components)
        self.components = numbers[self.components]
        self.n_components -= len(joined)
        return np.stack([rows[joined], partners[joined]], axis=1), weights[joined]


def _run(work, total: int, threads: int) -> None:
    for _ in in_portions(work, total, threads):
        pass


@compiled
def _cheapest_listed(first, last, known, best, partner, weights, partners):
    """Find for each point of a range the cheapest edge to another component among those that are known."""
    squares, rows, core, components = known
    for i in range(first, last):
        weight, at = np.float32(np.inf), -1
        if partner[i] >= 0 and components[partner[i]] != components[i]:
            weight, at = best[i], partner[i]
        for m in range(rows.shape[1]):
            if max(squares[i, m], core[i]) >= weight:
                break
            other = rows[i, m]
            cost = max(max(core[i], core[other]), squares[i, m])
            if cost < weight and components[other] != components[i]:
                weight, at = cost, other
        weights[i], partners[i] = weight, at


@compiled
def _cheapest_of_components(weights, partners, components, rows, others, cheapest):
    """Take the edges of points into account for the components at both of their ends."""
    for i in range(len(weights)):
        other = partners[i]
        if other < 0:
            continue
        one, two = components[i], components[other]
        if one == two:
            continue
        if weights[i] < cheapest[one]:
            cheapest[one], rows[one], others[one] = weights[i], i, other
        if weights[i] < cheapest[two]:
            cheapest[two], rows[two], others[two] = weights[i], other, i


@compiled
def _join(rows, partners, order, components, n_components):
    """Take the cheapest edges in order, but for those that would close a ring.

    Returns which components' edges were taken, and the new number of each component.
    """
    parents = np.arange(n_components)
    taken, n_taken = np.empty(n_components, np.int64), 0
    for which in order:
        one, two = components[rows[which]], components[partners[which]]
        one, two = _root(parents, one), _root(parents, two)
        if one != two:
            parents[max(one, two)] = min(one, two)
            taken[n_taken] = which
            n_taken += 1
    numbers, n_left = np.empty(n_components, np.int32), 0
    for i in range(n_components):
        root = _root(parents, i)
        if root == i:
            numbers[i] = n_left
            n_left += 1
        else:
            numbers[i] = numbers[root]
    return taken[:n_taken], numbers


@compiled
def _root(parents, i):
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@compiled
def _least_below(values, starts):
    """Return the least value below each node of a tree."""
    n_leaves = len(starts) - 1
    least = np.empty(2 * n_leaves - 1, values.dtype)
    for leaf in range(n_leaves):
        least[n_leaves - 1 + leaf] = values[starts[leaf] : starts[leaf + 1]].min()
    for node in range(n_leaves - 2, -1, -1):
        least[node] = min(least[2 * node + 1], least[2 * node + 2])
    return least


@compiled
def _common_below(values, starts):
    """Return the value that all points below a node have, or -1."""
    n_leaves = len(starts) - 1
    common = np.empty(2 * n_leaves - 1, values.dtype)
    for leaf in range(n_leaves):
        value = values[starts[leaf]]
        for i in range(starts[leaf], starts[leaf + 1]):
            if values[i] != value:
                value = -1
        common[n_leaves - 1 + leaf] = value
    for node in range(n_leaves - 2, -1, -1):
        left, right = common[2 * node + 1], common[2 * node + 2]
        common[node] = left if left == right else -1
    return common


@compiled
def _parts_of_leaves(blocks, starts, components):
    """Return the components and the boxes of two parts of each leaf, as `crossing_of_leaves` wants them."""
    n_leaves, d, _ = blocks.shape
    owners = np.full((n_leaves, 2), -2, np.int32)
    frames = np.empty((n_leaves, 2, 2, d), np.float32)
    for leaf in range(n_leaves):
        first = components[starts[leaf]]
        for i in range(starts[leaf + 1] - starts[leaf]):
            component = components[starts[leaf] + i]
            part = 0 if component == first else 1
            is_new = owners[leaf, part] == -2
            owners[leaf, part] = component if is_new or owners[leaf, part] == component else -1
            for j in range(d):
                value = blocks[leaf, j, i]
                frames[leaf, part, 0, j] = value if is_new else min(frames[leaf, part, 0, j], value)
                frames[leaf, part, 1, j] = value if is_new else max(frames[leaf, part, 1, j], value)
    return owners, frames
