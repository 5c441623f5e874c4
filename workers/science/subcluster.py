"""Look for clusters within one cluster."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from workers.science.cluster import Clustering, ClusterRecipe, cluster_points
from workers.science.errors import ScienceError
from workers.science.progress import Progress, silent


def split_cluster(
    clustering: Clustering,
    cluster: int,
    recipe: ClusterRecipe,
    *,
    seen: NDArray[np.float32] | None = None,
    threads: int = 1,
    on_progress: Progress = silent,
) -> Clustering:
    """Put those that are found within a cluster in its place.

    Parameters
    ----------
    clustering : Clustering
        Of n points, with its density tree.
    cluster : int
        Which cluster to look into.
    recipe, seen, threads, on_progress
        As of `cluster_points`; sizes count points of that cluster, `seen` is of all points.

    Returns
    -------
    found : Clustering
        The other clusters stay as they were, but for their numbers, which go by size again. A point of
        `cluster` that is in none of its parts is noise. The trees stay those of all points. If nothing is
        found within, the clustering as it was, and the choice says so.

    Raises
    ------
    ScienceError
        If there is no such cluster, or the tree was not kept.
    """
    if not 0 <= cluster < len(clustering.clusters) or clustering.density is None:
        last = len(clustering.clusters) - 1
        raise ScienceError(
            f"Cluster {cluster}", "there is no such cluster to look into", f"Choose one from 0 to {last}"
        )
    rows = np.flatnonzero(clustering.labels == cluster)
    within = cluster_points(
        np.asarray(clustering.density.points[rows]),
        recipe,
        seen=None if seen is None else seen[rows],
        threads=threads,
        on_progress=on_progress,
    )
    if len(within.clusters) < 2:
        return replace(clustering, choice={"within": cluster, "reason": "no clusters within it were found"})
    return _put_in_place(clustering, cluster, rows, within)


def _put_in_place(
    clustering: Clustering, cluster: int, rows: NDArray[np.int64], within: Clustering
) -> Clustering:
    n_before = len(clustering.clusters)
    columns = {
        name: getattr(clustering, name).copy() for name in ("labels", "probabilities", "outlier_scores")
    }
    columns["labels"][rows] = np.where(within.labels >= 0, within.labels + n_before, -1)
    columns["probabilities"][rows] = within.probabilities
    columns["outlier_scores"][rows] = within.outlier_scores
    parts = [
        part | {"id": part["id"] + n_before, "exemplars": rows[part["exemplars"]].tolist()}
        for part in within.clusters
    ]
    listed = [entry for entry in clustering.clusters if entry["id"] != cluster] + parts
    listed.sort(key=lambda entry: -entry["size"])
    number = np.full(n_before + len(parts) + 1, -1, np.int32)  # the last entry serves label -1
    number[[entry["id"] for entry in listed]] = np.arange(len(listed))
    columns["labels"] = number[columns["labels"]]
    return replace(
        clustering,
        **columns,
        clusters=[entry | {"id": new} for new, entry in enumerate(listed)],
        choice=within.choice | {"within": cluster, "n_parts": len(parts)},
    )
