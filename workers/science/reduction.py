"""UMAP, made to give the same answer for the same seed and to cope with few or identical points.

McInnes, Healy and Melville, arXiv:1802.03426. Importing it takes seconds, for numba; import this module only
where it is used.
"""

import contextlib
import re
import warnings

import numba
import numpy as np
import umap
import umap.layouts
import umap.umap_
import umap.utils
from numpy.typing import NDArray

from workers.science.nearest import nearest_neighbours
from workers.science.point_tree import plant
from workers.science.progress import Progress, silent

MIN_POINTS = 16
"""Fewer points have no neighbourhoods to speak of; PCA serves them better."""

APPROXIMATE_FROM = 4096
"""From so many points on UMAP would look for neighbours by an approximation, which is compiled anew in each
process and takes longer than an exact search."""

SLOW_TO_COMPILE = (
    umap.utils.fast_knn_indices,
    umap.umap_.smooth_knn_dist,
    umap.umap_.compute_membership_strengths,
    umap.layouts._nb_optimize_layout_euclidean_single_epoch,
)
"""What UMAP compiles anew in each process, which takes longer than all the rest for a thousand frames."""

for _function in SLOW_TO_COMPILE:
    # Where neither the package's folder nor the user's cache can be written, it is compiled each time.
    with contextlib.suppress(RuntimeError):
        _function.enable_caching()


def umap_coordinates(
    points: NDArray[np.float32],
    *,
    n_dimensions: int,
    n_neighbors: int,
    min_dist: float,
    seed: int,
    threads: int,
    on_progress: Progress = silent,
    note: str = "reducing",
) -> NDArray[np.float32]:
    """Reduce points with UMAP; with PCA if there are too few or they are all the same.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        From `latents.LatentWeights`.
    n_dimensions : int
        Dimensions wanted; missing ones are filled with 0 by the fallback.
    n_neighbors : int
        Size of a neighbourhood; cut to ``n - 1``.
    min_dist : float
        Least distance between points of the result.
    seed : int
        Same seed: same result. UMAP then optimises on one thread.
    threads : int
        For the search of neighbours.
    on_progress : Progress
        Told of the epochs of the optimisation.
    note : str, default="reducing"
        What it is told.

    Returns
    -------
    coordinates : ndarray of shape (n, n_dimensions), float32
        Finite.
    """
    n = len(points)
    if n < MIN_POINTS or np.ptp(points, axis=0).max() < 1e-6:
        return principal_components(points, n_dimensions)
    known = nearest_with_itself(points, n_neighbors, threads) if n >= APPROXIMATE_FROM else (None, None)
    numba.set_num_threads(max(1, min(threads, numba.config.NUMBA_NUM_THREADS)))
    reducer = umap.UMAP(
        n_components=n_dimensions,
        n_neighbors=min(n_neighbors, n - 1),
        min_dist=min_dist,
        random_state=seed,
        n_jobs=1,
        tqdm_kwds={
            "disable": False,
            "file": _EpochReport(on_progress, note),
            "mininterval": 0.5,
            "bar_format": "{n_fmt}/{total_fmt}",
        },
        # The spectral start needs an eigenproblem much larger than the number of dimensions.
        init="spectral" if n > 4 * n_dimensions + 40 else "random",
        precomputed_knn=known,
    )
    with warnings.catch_warnings():
        # Disconnected graphs, one thread because of the seed, a spectral start that fails: all handled.
        warnings.simplefilter("ignore")
        coordinates = reducer.fit_transform(points)
    return np.nan_to_num(np.asarray(coordinates, dtype=np.float32))


def nearest_with_itself(
    points: NDArray[np.float32], k: int, threads: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return rows and distances (n, k) of the nearest points of each, itself first, as UMAP wants them."""
    tree, n = plant(points), len(points)
    found = nearest_neighbours(tree, k - 1, threads=threads)
    rows, distances = np.empty((n, k), np.int64), np.zeros((n, k), np.float32)
    rows[:, 0] = np.arange(n)
    rows[tree.order, 1:] = tree.order[found.rows]
    distances[tree.order, 1:] = np.sqrt(found.squares) * np.float32(tree.scale)
    return rows, distances


class _EpochReport:
    """The file into which UMAP's bar is written: it passes the numbers on, and may raise `Cancelled`."""

    def __init__(self, on_progress: Progress, note: str) -> None:
        self.on_progress, self.note = on_progress, note

    def write(self, text: str) -> None:
        if found := re.search(r"(\d+)/(\d+)", text):
            self.on_progress(int(found[1]), int(found[2]), "epochs", note=self.note)

    def flush(self) -> None:
        pass


def principal_components(points: NDArray[np.float32], n_dimensions: int) -> NDArray[np.float32]:
    """Return the first principal components, each with its largest entry positive, padded with 0.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        Any points.
    n_dimensions : int
        Columns of the result.

    Returns
    -------
    coordinates : ndarray of shape (n, n_dimensions), float32
        In the unit of the points.
    """
    centred = np.asarray(points, dtype=np.float64) - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:n_dimensions]
    largest = np.abs(axes).argmax(axis=1)
    axes *= np.where(axes[np.arange(len(axes)), largest] < 0, -1.0, 1.0)[:, None]
    coordinates = np.zeros((len(points), n_dimensions), np.float32)
    coordinates[:, : len(axes)] = centred @ axes.T
    return coordinates
