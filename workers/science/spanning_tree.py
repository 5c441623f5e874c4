"""The minimum spanning tree of mutual reachability, exact, by Boruvka's rounds.

In each round every component looks for its cheapest edge to another one. The cheapest among the known edges
(`forest`) is found at once; only points that may have a cheaper one search the tree of boxes, which passes
over nodes that are too far, or all in the same component (March, Ram and Gray, KDD 2010). What a search found
out about a point, a lower bound of all its unknown edges to other components, holds in later rounds as well,
because components only grow.

Once the tree for one `min_samples` is known, smaller ones need no search (Neto et al., CORE-SG, ICDE 2022).
Let f be an edge between a component and the rest that is not known. Its ends are no stored neighbours of each
other, so they are farther apart than both core distances, for the greater `min_samples` too: f weighs their
distance either way. The cheapest bridge of the component weighed no more in its own tree, and weighs no more
than that now. For a greater `min_samples` f still weighs at least what that bridge weighed, and only
components whose cheapest known edge is dearer have to search.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.compiled import compiled
from workers.science.forest import Cheapest, Forest, run_in_portions
from workers.science.point_tree import PointTree
from workers.science.progress import Progress, silent
from workers.science.tree_crossing import crossing_of_leaves

STRIDES = (64, 16, 4, 1)
"""Every 64th leaf searches first, then every 16th and so on: what few find spares the many. In fixed steps,
so that the tree does not depend on the number of threads."""
SAME = np.float32(1 + 1e-6)
"""Two squares that differ by no more count as the same, as they may have been added up differently."""


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


def connect_all(
    forest: Forest, tree: PointTree | None, *, threads: int = 1, on_progress: Progress = silent
) -> None:
    """Connect all points by the edges of least total mutual reachability distance.

    Parameters
    ----------
    forest : Forest
        Of n points, at least two; grown to one tree here.
    tree : PointTree
        Of these points; None if the bridges are those of a `min_samples` that is not smaller.
    threads : int, default=1
        The result does not depend on it.
    on_progress : Progress
        Told the points that are connected.
    """
    n = forest.n_components
    search = _Search(tree, forest) if tree else None
    while forest.n_components > 1:
        on_progress(n - forest.n_components, n, note="connecting neighbours")
        found = forest.cheapest(threads)
        if search:
            search.improve(found, threads)
        forest.merge(found)


class _Search:
    """Looks for edges that are not known, and remembers for each point what it need not look at again."""

    def __init__(self, tree: PointTree, forest: Forest) -> None:
        self.tree, self.forest = tree, forest
        self.low = np.ascontiguousarray(forest.neighbours.squares[:, -1])
        self.node_core = _least_below(forest.core, tree.starts)

    def improve(self, found: Cheapest, threads: int) -> None:
        """Replace the cheapest known edges of components by cheaper ones, if there are any."""
        tree, forest = self.tree, self.forest
        is_certain = found.weights <= SAME * found.floors
        if is_certain.all():
            return
        where = (
            _common_below(forest.components, tree.starts),
            _parts_of_leaves(tree.blocks, tree.starts, forest.components),
        )
        for stride in STRIDES:
            limits = np.where(is_certain, np.float32(-1), found.weights)
            self._search_leaves(np.arange(0, tree.n_leaves, stride), limits, where, threads)
            forest.ask_again()
            forest.take_into_account(found)

    def _search_leaves(
        self,
        leaves: NDArray[np.int64],
        limits: NDArray[np.float32],
        where: tuple[NDArray[np.int32], tuple[NDArray[np.int32], NDArray[np.float32]]],
        threads: int,
    ) -> None:
        tree, forest = self.tree, self.forest

        def search(first: int, last: int) -> None:
            crossing_of_leaves(
                leaves[first:last],
                tree.dimensions,
                tree.blocks,
                tree.boxes,
                tree.starts,
                forest.core,
                forest.components,
                self.node_core,
                *where,
                limits,
                (self.low, forest.best, forest.partner),
            )

        run_in_portions(search, len(leaves), threads)


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
