"""Take clusters together that a person says are one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.cluster import N_EXEMPLARS, Clustering
from workers.science.errors import ScienceError


def merge_clusters(clustering: Clustering, groups: Sequence[Sequence[int]]) -> Clustering:
    """Make one cluster of each group.

    Parameters
    ----------
    clustering : Clustering
        Of all frames.
    groups : sequence of sequences of int
        Numbers of clusters, at least two in a group, none in two groups.

    Returns
    -------
    merged : Clustering
        Numbered by size again. A joint cluster lists its parts as ``merged_from``, in the old numbers; its
        exemplars are those of its parts that lie densest, its persistence and mean probability the means of
        theirs, weighted by frames. Probabilities, outlier scores and trees stay as they were.

    Raises
    ------
    ScienceError
        If there is no such cluster, or a group is not one.
    """
    _check(groups, len(clustering.clusters))
    group_of = {cluster: place for place, group in enumerate(groups) for cluster in group}
    kept = [_without_parts(entry) for entry in clustering.clusters if entry["id"] not in group_of]
    joint = [
        _joint([clustering.clusters[each] for each in group], clustering.outlier_scores) for group in groups
    ]
    listed = sorted([*kept, *joint], key=lambda entry: -entry["size"])
    number = np.full(len(clustering.clusters) + 1, -1, np.int32)  # the last entry serves label -1
    clusters = []
    for new, entry in enumerate(listed):
        old = entry.pop("old")
        number[old] = new
        clusters.append(entry | {"id": new})
    choice = {"merged": [sorted(group) for group in groups]}
    return replace(clustering, labels=number[clustering.labels], clusters=clusters, choice=choice)


def _check(groups: Sequence[Sequence[int]], n_clusters: int) -> None:
    named = [cluster for group in groups for cluster in group]
    unknown = [cluster for cluster in named if not 0 <= cluster < n_clusters]
    if unknown:
        cause = f"there is no such cluster; the last one is {n_clusters - 1}"
        raise ScienceError(f"Cluster {unknown[0]}", cause, "Choose among those that are there")
    if not groups or any(len(group) < 2 for group in groups) or len(set(named)) < len(named):
        raise ScienceError("Clusters to merge", "take at least two, each once", "Choose them again")


def _without_parts(entry: dict[str, Any]) -> dict[str, Any]:
    """Forget of what an earlier merge made it: those numbers are of another clustering."""
    kept = {name: value for name, value in entry.items() if name != "merged_from"}
    return kept | {"old": [entry["id"]]}


def _joint(parts: list[dict[str, Any]], outlier_scores: NDArray[np.float32]) -> dict[str, Any]:
    sizes = np.array([part["size"] for part in parts])
    exemplars = np.array([frame for part in parts for frame in part["exemplars"]], np.int64)
    best = exemplars[np.argsort(outlier_scores[exemplars], kind="stable")][:N_EXEMPLARS]
    means = {
        name: round(float(np.average([part[name] for part in parts], weights=sizes)), 6)
        for name in ("persistence", "mean_probability")
    }
    old = sorted(part["id"] for part in parts)
    return {"size": int(sizes.sum()), "exemplars": best.tolist(), "merged_from": old, "old": old, **means}
