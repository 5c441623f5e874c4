"""New points in known clusters: approximate prediction and its strength, for many points at once."""

import numpy as np
from numpy.typing import NDArray

from workers.science.cluster import Clustering, cluster_numbers
from workers.science.errors import ScienceError
from workers.science.hierarchy import Condensed, condense, link
from workers.science.nearest import nearest_to
from workers.science.neighbours import Assigned
from workers.science.selection import deaths, select, subtree_deaths


class Predictor:
    """The condensed tree of a clustering, to be asked where new points would leave it.

    Parameters
    ----------
    clustering : Clustering
        As `cluster_points` or `read_clusters` return it, with its density tree.
    threads : int, default=1
        For the search of neighbours.

    Raises
    ------
    ScienceError
        If the clustering has no density tree, or is not the one that its settings give.
    """

    def __init__(self, clustering: Clustering, threads: int = 1) -> None:
        choice, density = clustering.choice, clustering.density
        if density is None or "min_samples" not in choice:
            raise ScienceError("This clustering", "has no tree to predict from", "Cluster other points")
        self.density, self.min_samples, self.threads = density, choice["min_samples"], threads
        spanning = density.connect(self.min_samples, threads=threads)
        self.condensed = condense(link(spanning), choice["min_cluster_size"])
        selection = select(self.condensed, choice["method"])
        number = cluster_numbers(selection)
        if not np.array_equal(number[selection.labels], clustering.labels):
            raise ScienceError("This clustering", "was changed since it was made", "Cluster the points anew")
        self.core = density.core_distances(self.min_samples)
        self.number, self.label_of = number, selection.label_of
        self.death = np.append(deaths(self.condensed)[selection.chosen], np.inf)[selection.label_of]
        self.deepest = subtree_deaths(self.condensed)

    def predict(self, points: NDArray[np.float32]) -> Assigned:
        """Give new points the cluster in which they would be, were they among those that were clustered.

        Parameters
        ----------
        points : ndarray of shape (m, d), float32
            In the space of the points that were clustered.

        Returns
        -------
        assigned : Assigned
            The probability is the strength of the prediction: the density at which the point would join, as
            a share of the greatest of its cluster; 0 for noise.
        """
        n = len(self.density.points)
        distances, nearest = nearest_to(
            points, self.density.tree, min(2 * self.min_samples, n), threads=self.threads
        )
        own = distances[:, min(self.min_samples, n) - 1 :][:, :1]
        reach = np.maximum(np.maximum(distances, own), self.core[nearest])
        best = reach.argmin(axis=1)
        every = np.arange(len(points))
        joins_at = 1 / np.maximum(reach[every, best], np.float32(1e-37)).astype(np.float64)
        cluster = _climb(self.condensed, nearest[every, best], joins_at)
        labels = self.number[self.label_of[cluster]]
        strength = np.where(labels >= 0, np.minimum(joins_at / self.death[cluster], 1.0), 0.0)
        scores = np.clip(1 - joins_at / self.deepest[cluster], 0, 1)
        return Assigned(labels, strength.astype(np.float32), scores.astype(np.float32))


def _climb(
    condensed: Condensed, neighbours: NDArray[np.int64], joins_at: NDArray[np.float64]
) -> NDArray[np.int32]:
    """Return the cluster of each neighbour, or the one above that still holds at the density of joining."""
    cluster = condensed.cluster[neighbours]
    while True:
        is_too_dense = (cluster > 0) & (condensed.birth[cluster] >= joins_at)
        if not is_too_dense.any():
            return cluster
        cluster = np.where(is_too_dense, condensed.parent[cluster], cluster)
