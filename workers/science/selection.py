"""Which clusters of a condensed tree are taken, who belongs to them, and how surely.

Excess of mass and leaves: Campello, Moulavi and Sander, PAKDD 2013; outlier scores (GLOSH) and relative
validity (the fast form of DBCV on the spanning tree): Campello et al., ACM TKDD 10, 5 (2015), Moulavi et
al., SDM 2014.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.compiled import compiled
from workers.science.hierarchy import Condensed
from workers.science.spanning_tree import SpanningTree


@dataclass(frozen=True)
class Selection:
    """Clusters that were taken, numbered in the order of the condensed tree.

    Attributes
    ----------
    chosen : ndarray of shape (k,), int64
        Their numbers in the condensed tree, ascending.
    label_of : ndarray of shape (c,), int32
        For each cluster of the tree, which chosen one it is or lies in; -1 for those above.
    labels : ndarray of shape (n,), int32
        For each point; -1 is noise.
    """

    chosen: NDArray[np.int64]
    label_of: NDArray[np.int32]
    labels: NDArray[np.int32]


def select(condensed: Condensed, method: str) -> Selection:
    """Take clusters from a condensed tree.

    Parameters
    ----------
    condensed : Condensed
        Of n points.
    method : str
        ``"eom"``: those whose stability is greater than that of all that they split into; ``"leaf"``: those
        that split no more.

    Returns
    -------
    selection : Selection
        Never with the root: where nothing splits off, all points are noise.
    """
    parent = condensed.parent.tolist()
    is_chosen = [True] * len(parent)
    if method == "eom":
        mass = stabilities(condensed).tolist()
        below = [0.0] * len(parent)
        for cluster in range(len(parent) - 1, 0, -1):
            if below[cluster] > mass[cluster]:
                is_chosen[cluster], mass[cluster] = False, below[cluster]
            below[parent[cluster]] += mass[cluster]
    else:
        for cluster in parent[1:]:
            is_chosen[cluster] = False
    is_chosen[0] = False
    label_of, chosen = np.full(len(parent), -1, np.int32), []
    for cluster in range(1, len(parent)):
        if label_of[parent[cluster]] >= 0:
            label_of[cluster] = label_of[parent[cluster]]
        elif is_chosen[cluster]:
            label_of[cluster] = len(chosen)
            chosen.append(cluster)
    return Selection(np.array(chosen, np.int64), label_of, label_of[condensed.cluster])


def stabilities(condensed: Condensed) -> NDArray[np.float64]:
    """Return for each cluster the sum over its points of the densities that they stay in it for, (c,)."""
    c, birth = len(condensed.parent), condensed.birth
    stays = condensed.leaves_at - birth[condensed.cluster]
    mass = np.bincount(condensed.cluster, weights=stays, minlength=c)
    born = (birth[1:] - birth[condensed.parent[1:]]) * condensed.size[1:]
    return mass + np.bincount(condensed.parent[1:], weights=born, minlength=c)


def persistences(condensed: Condensed, selection: Selection) -> NDArray[np.float64]:
    """Return the stability of each chosen cluster as a share of what it could be at most, (k,)."""
    sizes = np.bincount(selection.labels[selection.labels >= 0], minlength=len(selection.chosen))
    greatest = max(condensed.leaves_at.max(), condensed.birth.max())
    return stabilities(condensed)[selection.chosen] / (np.maximum(sizes, 1) * greatest)


def probabilities(condensed: Condensed, selection: Selection) -> NDArray[np.float32]:
    """Return how deep in its cluster each point lies, (n,): 1 for the densest, 0 for noise."""
    labels = selection.labels
    death = np.append(deaths(condensed)[selection.chosen], np.inf)[labels]  # the last entry serves noise
    return np.where(labels >= 0, np.minimum(condensed.leaves_at / death, 1.0), 0.0).astype(np.float32)


def outlier_scores(condensed: Condensed) -> NDArray[np.float32]:
    """Return how much sparser each point lies than the densest of its cluster, (n,), 0 to 1 (GLOSH)."""
    deepest = subtree_deaths(condensed)
    return (1 - condensed.leaves_at / deepest[condensed.cluster]).astype(np.float32)


def exemplars(condensed: Condensed, selection: Selection) -> NDArray[np.bool_]:
    """Return which points are the densest of a leaf below a chosen cluster, (n,)."""
    is_leaf = np.ones(len(condensed.parent), bool)
    is_leaf[condensed.parent[1:]] = False
    is_leaf &= selection.label_of >= 0
    at_the_end = condensed.leaves_at >= deaths(condensed)[condensed.cluster]
    return is_leaf[condensed.cluster] & at_the_end


def relative_validity(spanning: SpanningTree, labels: NDArray[np.int32]) -> float:
    """Return how much sparser it is between clusters than within them, from -1 to 1.

    Parameters
    ----------
    spanning : SpanningTree
        Of n points.
    labels : ndarray of shape (n,), int32
        Their clusters, -1 for noise, which counts as badly sorted.

    Returns
    -------
    validity : float
        -1 if there are not two clusters.
    """
    n_clusters = int(labels.max(initial=-1)) + 1
    if n_clusters < 2:
        return -1.0
    sizes = np.bincount(labels[labels >= 0], minlength=n_clusters)
    one, two = labels[spanning.ends[:, 0]], labels[spanning.ends[:, 1]]
    within, between = (one == two) & (one >= 0), (one != two) & (one >= 0) & (two >= 0)
    sparseness = np.zeros(n_clusters)
    np.maximum.at(sparseness, one[within], spanning.weights[within])
    # A cluster with noise all around has no edge to another; then it counts as well apart.
    separation = np.full(n_clusters, np.inf)
    for side in (one, two):
        np.minimum.at(separation, side[between], spanning.weights[between])
    separation[np.isinf(separation)] = 2 * spanning.weights.max()
    widest = np.maximum(np.maximum(separation, sparseness), np.finfo(float).tiny)
    return float((sizes * (separation - sparseness) / widest).sum() / len(labels))


def deaths(condensed: Condensed) -> NDArray[np.float64]:
    """Return the density at which each cluster ends, (c,): where it splits, or its last point leaves."""
    ends = np.zeros(len(condensed.parent))
    _raise_each(ends, condensed.cluster, condensed.leaves_at)
    _raise_each(ends, condensed.parent[1:], condensed.birth[1:])
    return ends


def subtree_deaths(condensed: Condensed) -> NDArray[np.float64]:
    """Return the density at which the last of a cluster and of all that it splits into ends, (c,)."""
    ends = deaths(condensed)
    for cluster in range(len(ends) - 1, 0, -1):
        above = condensed.parent[cluster]
        ends[above] = max(ends[above], ends[cluster])
    return ends


@compiled
def _raise_each(values, places, others):
    """Let each value be at least as great as all others that belong to its place."""
    for i in range(len(places)):
        values[places[i]] = max(values[places[i]], others[i])
