"""Labels spread from the frames that have them to frames that look alike.

The local and global consistency of D. Zhou et al. (NIPS 2003), on the graph of nearest neighbours: what the
unsupervised step knows, that frames of one class lie together, is worth labels where there are few.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

N_NEIGHBOURS = 15
SHARE = 0.5
"""Of what a frame is taken for, that comes from its neighbours in each round."""
N_ROUNDS = 30


def spread_labels(
    points: NDArray[np.float32], rows: NDArray[np.int64], labels: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return what each frame would be called by the labels around it.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        Frames, labelled and unlabelled.
    rows : ndarray of shape (m,), int64
        Which of them are labelled.
    labels : ndarray of shape (m, c), float32
        Their probabilities for each of c answers that exclude each other; rows sum to 1.

    Returns
    -------
    spread : ndarray of shape (n, c), float32
        Rows sum to 1, or are even where no label reaches.
    """
    graph = _neighbour_graph(points)
    given = np.zeros((len(points), labels.shape[1]), np.float32)
    given[rows] = labels
    found = given
    for _ in range(N_ROUNDS):
        found = np.float32(SHARE) * (graph @ found) + np.float32(1 - SHARE) * given
    total = found.sum(axis=1, keepdims=True)
    even = np.float32(1 / labels.shape[1])
    return np.where(total > 0, found / np.where(total > 0, total, 1), even).astype(np.float32)


def _neighbour_graph(points: NDArray[np.float32]) -> sparse.csr_array:
    """Return who is among whose neighbours, each link divided by the roots of both numbers of links."""
    n, k = len(points), min(N_NEIGHBOURS, len(points) - 1)
    nearest = NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points, return_distance=False)
    starts = np.repeat(np.arange(n), k + 1)
    ones = np.ones(starts.size, np.float32)
    graph = sparse.csr_array((ones, (starts, nearest.ravel())), shape=(n, n))
    graph = graph.maximum(graph.T)
    graph.setdiag(0)
    graph.eliminate_zeros()
    root = sparse.diags_array(1 / np.sqrt(np.maximum(graph.sum(axis=1), 1)).astype(np.float32))
    return (root @ graph @ root).tocsr()
