"""What the nearest of known points say of new ones: which cluster, how surely, and where on the map."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

N_NEIGHBOURS = 15
FAMILIAR_SHARE = 0.99  # of the known points; one twice as far from its neighbours as these is strange
N_JUDGED = 2000  # known points from which that distance is taken
LANDMARKS = 5  # that a point is placed between


class Neighbourhood:
    """Known points, to be asked for those nearest to new ones.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        At least one.
    threads : int, default=1
        For the search.
    """

    def __init__(self, points: NDArray, threads: int = 1) -> None:
        # Sliding midpoints: the median is slow where many points are the same.
        self.tree, self.threads = cKDTree(points, balanced_tree=False), threads
        self.n_neighbours = min(N_NEIGHBOURS, len(points))
        sample = points[:: max(1, len(points) // N_JUDGED)]
        farthest = self.nearest(sample)[0][:, -1]
        self.familiar = 2 * float(np.quantile(farthest, FAMILIAR_SHARE)) + 1e-6

    def nearest(self, points: NDArray, count: int | None = None) -> tuple[NDArray, NDArray[np.int64]]:
        """Return distances and rows of the known points nearest to each of `points`, both (m, count)."""
        count = min(count or self.n_neighbours, self.tree.n)
        distances, rows = self.tree.query(points, count, workers=self.threads)
        return distances.reshape(len(points), count), rows.reshape(len(points), count)

    def is_strange(self, distances: NDArray) -> NDArray[np.bool_]:
        """Return which points, by their distances (m, n_neighbours), lie far from all that is known."""
        return distances[:, -1] > self.familiar


def vote(columns: NDArray[np.int64], n_columns: int) -> NDArray[np.float32]:
    """Return the share of neighbours in each column.

    Parameters
    ----------
    columns : ndarray of shape (m, k), int64
        Column of each neighbour.
    n_columns : int
        How many columns there are.

    Returns
    -------
    shares : ndarray of shape (m, n_columns), float32
        Each row sums to 1.
    """
    m, k = columns.shape
    places = np.arange(m)[:, None] * n_columns + columns
    return (np.bincount(places.ravel(), minlength=m * n_columns) / k).reshape(m, n_columns).astype(np.float32)


@dataclass(frozen=True)
class Assigned:
    """Cluster (-1 noise), probability and outlier score of points, arrays of shape (m,)."""

    labels: NDArray[np.int32]
    probabilities: NDArray[np.float32]
    outlier_scores: NDArray[np.float32]


def assign(points: NDArray[np.float32], known: Neighbourhood, of_known: Assigned) -> Assigned:
    """Give points the cluster of most of their nearest known points.

    Parameters
    ----------
    points : ndarray of shape (m, d), float32
        New points.
    known : Neighbourhood
        Of the points that were clustered.
    of_known : Assigned
        What the clustering said of them.

    Returns
    -------
    assigned : Assigned
        The probability is the share of the neighbours in the cluster times their mean probability; the
        outlier score the mean of theirs. A point far from all that is known is noise with a score of 1.
    """
    distances, rows = known.nearest(points)
    n_clusters = int(of_known.labels.max(initial=-1)) + 1
    columns = np.where(of_known.labels >= 0, of_known.labels, n_clusters)[rows]
    chosen = vote(columns, n_clusters + 1).argmax(axis=1)
    probabilities = (of_known.probabilities[rows] * (columns == chosen[:, None])).mean(axis=1)
    scores = of_known.outlier_scores[rows].mean(axis=1)
    strange = known.is_strange(distances)
    is_noise = strange | (chosen == n_clusters)
    return Assigned(
        labels=np.where(is_noise, -1, chosen).astype(np.int32),
        probabilities=np.where(is_noise, 0, probabilities).astype(np.float32),
        outlier_scores=np.where(strange, 1, scores).astype(np.float32),
    )


def place(
    points: NDArray[np.float32], known: Neighbourhood, positions: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Place points on a map between their nearest landmarks.

    Parameters
    ----------
    points : ndarray of shape (m, d), float32
        New points.
    known : Neighbourhood
        Of the landmarks.
    positions : ndarray of shape (n, 2), float32
        Where the landmarks lie on the map.

    Returns
    -------
    placed : ndarray of shape (m, 2), float32
        The mean of the landmarks, weighted by the inverse square of the distance; a point that coincides
        with a landmark lies on it.
    """
    distances, rows = known.nearest(points, LANDMARKS)
    nearest = np.maximum(distances[:, :1], 1e-12)
    weights = np.square(nearest / np.maximum(distances, 1e-12))
    weights /= weights.sum(axis=1, keepdims=True)
    return (positions[rows] * weights[..., None]).sum(axis=1).astype(np.float32)
