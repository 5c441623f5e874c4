"""From a spanning tree to the condensed tree of HDBSCAN*, in two passes over arrays.

McInnes and Healy, arXiv:1705.07321. The same trees as hdbscan's own, found in a fraction of the time, so that
another least size of a cluster can be tried while somebody waits.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.compiled import compiled
from workers.science.spanning_tree import SpanningTree


@dataclass(frozen=True)
class Linkage:
    """Single linkage: merge i makes node n + i of two earlier nodes; nodes below n are the points.

    Attributes
    ----------
    left, right : ndarray of shape (n - 1,), int32
        What is merged.
    density : ndarray of shape (n - 1,), float64
        One over the distance at which it is, called lambda by HDBSCAN; descending and finite.
    size : ndarray of shape (n - 1,), int32
        Points of the new node.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    density: NDArray[np.float64]
    size: NDArray[np.int32]


@dataclass(frozen=True)
class Condensed:
    """Clusters of at least some size, and where each point leaves them as density rises.

    Attributes
    ----------
    parent : ndarray of shape (c,), int32
        Cluster that each came from; a parent has a lower number, and the root, 0, has -1.
    birth : ndarray of shape (c,), float64
        Density at which it split off; 0 for the root.
    size : ndarray of shape (c,), int32
        Points at its birth.
    cluster : ndarray of shape (n,), int32
        The last cluster that each point belongs to.
    leaves_at : ndarray of shape (n,), float64
        Density at which the point leaves it.
    """

    parent: NDArray[np.int32]
    birth: NDArray[np.float64]
    size: NDArray[np.int32]
    cluster: NDArray[np.int32]
    leaves_at: NDArray[np.float64]

    def as_rows(self) -> dict[str, NDArray]:
        """Return the rows of hdbscan's condensed tree: clusters numbered from n, the root being n."""
        n = len(self.cluster)
        return {
            "parent": np.concatenate([self.parent[1:], self.cluster]).astype(np.int64) + n,
            "child": np.concatenate([np.arange(n + 1, n + len(self.parent)), np.arange(n)]).astype(np.int64),
            "lambda_val": np.concatenate([self.birth[1:], self.leaves_at]),
            "child_size": np.concatenate([self.size[1:], np.ones(n, np.int32)]).astype(np.int64),
        }


def link(spanning: SpanningTree) -> Linkage:
    """Merge points along the edges of a spanning tree, cheapest first.

    Parameters
    ----------
    spanning : SpanningTree
        Over n points, at least two.

    Returns
    -------
    linkage : Linkage
        Identical points merge at twice the greatest density that is finite, instead of an infinite one.
    """
    weights = np.array(spanning.weights)
    positive = weights[weights > 0]
    weights[weights <= 0] = positive.min() / 2 if len(positive) else 1.0
    left, right, size = _merge(np.asarray(spanning.ends))
    return Linkage(left, right, 1 / weights, size)


def condense(linkage: Linkage, min_cluster_size: int) -> Condensed:
    """Keep of all merges those of two parts that both have a least size.

    Parameters
    ----------
    linkage : Linkage
        Of n points.
    min_cluster_size : int
        At least 2.

    Returns
    -------
    condensed : Condensed
        With the root alone if there is no such merge.
    """
    parts = _condense(linkage.left, linkage.right, linkage.density, linkage.size, min_cluster_size)
    return Condensed(*parts)


@compiled
def _merge(ends):
    """Return the two nodes of each merge, and how many points they have together."""
    n = len(ends) + 1
    left, right = np.empty(n - 1, np.int32), np.empty(n - 1, np.int32)
    size = np.empty(n - 1, np.int32)
    parents = np.arange(n).astype(np.int32)
    node = np.arange(n).astype(np.int32)  # of the part whose root a point is
    count = np.ones(n, np.int32)
    for i in range(n - 1):
        one, two = _root(parents, ends[i, 0]), _root(parents, ends[i, 1])
        left[i], right[i] = node[one], node[two]
        if count[one] < count[two]:
            one, two = two, one
        parents[two] = one
        count[one] += count[two]
        node[one], size[i] = n + i, count[one]
    return left, right, size


@compiled
def _root(parents, i):
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@compiled
def _condense(left, right, density, size, least):
    """Walk from the root down; a node knows its cluster, and whether it has left that already, and where."""
    n = len(left) + 1
    cluster = np.empty(2 * n - 1, np.int32)
    leaves_at = np.zeros(2 * n - 1, np.float64)  # 0: still in the cluster
    most = 2 * (n // least) + 1
    parent, birth, count = np.empty(most, np.int32), np.empty(most, np.float64), np.empty(most, np.int32)
    parent[0], birth[0], count[0], n_clusters = -1, 0.0, n, 1
    cluster[2 * n - 2] = 0
    for i in range(n - 2, -1, -1):
        node, one, two = n + i, left[i], right[i]
        home, gone = cluster[node], leaves_at[node]
        cluster[one] = cluster[two] = home
        if gone > 0:
            leaves_at[one] = leaves_at[two] = gone
            continue
        n_one = size[one - n] if one >= n else 1
        n_two = size[two - n] if two >= n else 1
        if n_one >= least and n_two >= least:
            for child, n_child in ((one, n_one), (two, n_two)):
                cluster[child] = n_clusters
                parent[n_clusters], birth[n_clusters], count[n_clusters] = home, density[i], n_child
                n_clusters += 1
            continue
        if n_one < least:
            leaves_at[one] = density[i]
        if n_two < least:
            leaves_at[two] = density[i]
    return (
        parent[:n_clusters].copy(),
        birth[:n_clusters].copy(),
        count[:n_clusters].copy(),
        cluster[:n].copy(),
        leaves_at[:n].copy(),
    )
