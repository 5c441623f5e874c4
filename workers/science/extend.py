"""Carry a clustering and a map from the frames that were fitted to all the others of a data set."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from workers.science.cluster import Clustering
from workers.science.latents import BLOCK, LatentWeights
from workers.science.neighbours import Assigned, Neighbourhood, assign, place
from workers.science.predict import Predictor
from workers.science.progress import Progress, silent


def cluster_rest(
    latents: NDArray[np.float32],
    weights: LatentWeights,
    rows: NDArray[np.int64],
    fitted: Clustering,
    *,
    threads: int = 1,
    on_progress: Progress = silent,
) -> Clustering:
    """Give each frame that was not fitted a cluster, by the tree or by its nearest fitted neighbours.

    Parameters
    ----------
    latents : ndarray of shape (n, d), float32
        Of all frames; usually a memory map, read in blocks.
    weights : LatentWeights
        How they become points.
    rows : ndarray of shape (m,), int64
        The frames that were fitted, ascending.
    fitted : Clustering
        Of those m frames; they keep what it says of them.
    threads : int, default=1
        For the search of neighbours.
    on_progress : Progress
        Told the frames done.

    Returns
    -------
    clustering : Clustering
        Of all n frames. The clusters are numbered anew by size; exemplars are fitted frames, by their
        numbers in the data set; the tree stays that of the fitted points.
    """
    of_known = Assigned(fitted.labels, fitted.probabilities, fitted.outlier_scores)
    tell = _teller(weights.points(latents[rows]), fitted, of_known, threads)
    found = {name: np.empty(len(latents), column.dtype) for name, column in vars(of_known).items()}
    for start, stop in _ranges(len(latents), on_progress, "sorting the rest into clusters"):
        block = tell(weights.points(latents[start:stop]))
        for name, column in vars(block).items():
            found[name][start:stop] = column
    for name, column in vars(of_known).items():
        found[name][rows] = column
    return _number_by_size(replace(fitted, **found), rows)


def _teller(
    points: NDArray[np.float32], fitted: Clustering, of_known: Assigned, threads: int
) -> Callable[[NDArray[np.float32]], Assigned]:
    """Return what tells new points their cluster: the tree, where it is one of the weighted latents.

    UMAP's coordinates are not known of frames that were not reduced, and the tree knows nothing of the parts
    of a cluster that was split; then the neighbours decide.
    """
    density = fitted.density
    if density and "within" not in fitted.choice and np.array_equal(density.points, points):
        return Predictor(fitted, threads).predict
    known = Neighbourhood(points, threads)
    return lambda block: assign(block, known, of_known)


def _number_by_size(clustering: Clustering, rows: NDArray[np.int64]) -> Clustering:
    """Number the clusters by the frames that they have now, and count what is listed of them anew."""
    n_clusters = len(clustering.clusters)
    is_in = clustering.labels >= 0
    labels, probabilities = clustering.labels[is_in], clustering.probabilities[is_in]
    sizes = np.bincount(labels, minlength=n_clusters)
    sums = np.bincount(labels, weights=probabilities, minlength=n_clusters)
    by_size = np.argsort(-sizes, kind="stable")
    number = np.full(n_clusters + 1, -1, np.int32)  # the last entry serves label -1
    number[by_size] = np.arange(n_clusters)
    listed = [
        clustering.clusters[old]
        | {
            "id": new,
            "size": int(sizes[old]),
            "exemplars": rows[clustering.clusters[old]["exemplars"]].tolist(),
            "mean_probability": round(float(sums[old] / max(sizes[old], 1)), 6),
        }
        for new, old in enumerate(by_size.tolist())
    ]
    return replace(clustering, labels=number[clustering.labels], clusters=listed)


def place_rest(
    latents: NDArray[np.float32],
    weights: LatentWeights,
    rows: NDArray[np.int64],
    drawn: NDArray[np.float32],
    out: NDArray[np.float32],
    *,
    threads: int = 1,
    on_progress: Progress = silent,
) -> None:
    """Place each frame that was not drawn between its nearest landmarks.

    Parameters
    ----------
    latents, weights, rows
        As in `cluster_rest`.
    drawn : ndarray of shape (m, 2), float32
        Map of the frames `rows`, the landmarks; they stay where they are.
    out : ndarray of shape (n, 2), float32
        Where to write the map of all frames; usually a memory map.
    threads : int, default=1
        For the search of neighbours.
    on_progress : Progress
        Told the frames done.
    """
    known = Neighbourhood(weights.points(latents[rows]), threads)
    for start, stop in _ranges(len(latents), on_progress, "placing the rest on the map"):
        out[start:stop] = place(weights.points(latents[start:stop]), known, drawn)
    out[rows] = drawn


def _ranges(n: int, on_progress: Progress, note: str) -> Iterator[tuple[int, int]]:
    for start in range(0, n, BLOCK):
        on_progress(start, n, note=note)
        yield start, min(start + BLOCK, n)
