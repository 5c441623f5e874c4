"""Step: the clustering alone, on an array that somebody brings."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workers.science.points_file import load_points
from workers.science.progress import Progress, silent
from workers.science.recipe import read_recipe


def cluster_array(
    *, points: str, recipe: dict[str, Any], threads: int, out: str, on_progress: Progress = silent
) -> dict[str, Any]:
    """Cluster the rows of an array, as they are.

    Parameters
    ----------
    points : str
        An ``.npy`` file with an array of shape (n, d), of numbers.
    recipe : dict
        Settings of `ClusterRecipe`; none of its reduction.
    threads, out, on_progress
        As of `cluster`.

    Returns
    -------
    result : dict
        ``n_points``, ``n_clusters``, ``n_noise`` and ``choice``.

    Raises
    ------
    ScienceError
        If the file is no such array, or a value in it is not a finite number.
    """
    array = load_points(Path(points))
    # What is refused need not wait for the compiler to be loaded.
    from workers.science.cluster import ClusterRecipe, cluster_points
    from workers.science.clustering_files import save_clustering

    settings = read_recipe(ClusterRecipe, {**recipe, "reduce": "none"})
    found = cluster_points(array, settings, threads=threads, on_progress=on_progress)
    save_clustering(replace(found, density=None), Path(out))
    n_noise = int(np.count_nonzero(found.labels < 0))
    counts = {"n_points": len(found.labels), "n_clusters": len(found.clusters), "n_noise": n_noise}
    return {**counts, "choice": found.choice}
