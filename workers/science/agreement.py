"""How well clusters agree with who is whose neighbour, which judges settings by the points alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.nearest import Neighbours, nearest_neighbours
from workers.science.point_tree import plant
from workers.science.progress import Progress, silent

N_NEIGHBOURS = 15
"""Nearest neighbours of a point that are asked, at most."""


@dataclass(frozen=True)
class Agreement:
    """What the graph of nearest neighbours says of clusters.

    Attributes
    ----------
    modularity : float
        Share of neighbours that are in the same cluster, less what chance would give: greatest for many
        clusters of one size between which no neighbours are. M. Newman, Phys. Rev. E 69, 066133 (2004).
    kappa : float
        The same as a share of its maximum, 1 where no point has a neighbour elsewhere. J. Cohen,
        Educ. Psychol. Meas. 20, 37 (1960).
    """

    modularity: float
    kappa: float


class NeighbourGraph:
    """Who is whose neighbour.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        To tell who is identical with whom: all in such a pile are neighbours alike, whichever are listed.
    neighbours : Neighbours
        Of the points.
    order : ndarray of shape (n,), int32
        Row of `points` for each row of `neighbours`.
    """

    def __init__(self, points: NDArray[np.float32], neighbours: Neighbours, order: NDArray[np.int32]) -> None:
        self.order = order
        self.n_asked = min(neighbours.rows.shape[1], N_NEIGHBOURS)
        self.rows = neighbours.rows
        self.in_pile = np.flatnonzero(neighbours.squares[:, self.n_asked - 1] == 0)
        self.pile = np.zeros(0, np.int64)
        if len(self.in_pile):
            _, self.pile = np.unique(points[order[self.in_pile]], axis=0, return_inverse=True)

    @classmethod
    def of_points(
        cls, points: NDArray[np.float32], *, threads: int = 1, on_progress: Progress = silent
    ) -> "NeighbourGraph":
        """Look for the neighbours of points (n, d), at least two."""
        tree = plant(points)
        k = min(N_NEIGHBOURS, len(points) - 1)
        found = nearest_neighbours(tree, k, threads=threads, on_progress=on_progress)
        return cls(points, found, tree.order)

    def agreement(self, labels: NDArray[np.int32]) -> Agreement:
        """Judge clusters.

        Parameters
        ----------
        labels : ndarray of shape (n,), int32
            Cluster of each point; -1 is noise, which agrees with nobody.

        Returns
        -------
        agreement : Agreement
            0 and 0 without clusters, and with one that holds all.
        """
        n = len(labels)
        shares = np.bincount(labels[labels >= 0], minlength=1) / n
        by_chance = float(np.square(shares).sum())
        modularity = self._share_of_same(labels[self.order]) - by_chance
        return Agreement(modularity, modularity / (1 - by_chance) if by_chance < 1 else 0.0)

    def _share_of_same(self, labels: NDArray[np.int32]) -> float:
        """Return the share of neighbours in the same cluster, from labels in the order of the graph."""
        same = np.zeros(len(labels), np.float32)
        for number in range(self.n_asked):
            same += (labels[self.rows[:, number]] == labels) & (labels >= 0)
        same /= self.n_asked
        if len(self.in_pile):
            key = self.pile * (int(labels.max()) + 2) + labels[self.in_pile] + 1
            _, which, counts = np.unique(key, return_inverse=True, return_counts=True)
            alike = counts[which] / np.bincount(self.pile)[self.pile]
            same[self.in_pile] = np.where(labels[self.in_pile] >= 0, alike, 0)
        return float(same.mean(dtype=np.float64))
