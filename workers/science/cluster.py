"""Characteristic classes by density: HDBSCAN* on latents.

McInnes and Healy, arXiv:1705.07321; outlier scores are GLOSH, Campello et al., ACM TKDD 10, 5 (2015).
"""

import warnings
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import hdbscan
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from workers.science.progress import Progress, silent
from workers.science.recipe import require_choice, require_range

N_EXEMPLARS = 16
PARALLEL_FROM = 50_000
"""Points from which processes of their own are worth starting for the core distances."""


@dataclass(frozen=True)
class ClusterRecipe:
    """How latents are reduced and what counts as a cluster."""

    reduce: str = "umap"
    """``"umap"`` brings neighbours together first; ``"none"`` takes the latents as they are."""
    n_dimensions: int = 5
    n_neighbors: int = 15
    min_cluster_size: int | None = None
    """Frames of the whole data set; None tries several, from a fiftieth of it."""
    min_samples: int | None = None
    """Neighbours that make a point dense; None is 5."""
    method: str = "auto"
    """``"eom"`` (few, stable), ``"leaf"`` (many, fine ones) or ``"auto"`` (what separates better)."""
    max_points: int = 50_000
    """Of a larger data set so many frames, drawn at random, are fitted; the rest follows its neighbours."""

    def __post_init__(self) -> None:
        """Refuse what HDBSCAN cannot do."""
        require_choice("reduce", self.reduce, ("umap", "none"))
        require_choice("method", self.method, ("auto", "eom", "leaf"))
        require_range("n_dimensions", self.n_dimensions, 2, 50)
        require_range("n_neighbors", self.n_neighbors, 2, 500)
        require_range("max_points", self.max_points, 100, 1_000_000)
        if self.min_cluster_size is not None:
            require_range("min_cluster_size", self.min_cluster_size, 2, 10_000_000)
        if self.min_samples is not None:
            require_range("min_samples", self.min_samples, 1, 1000)


@dataclass(frozen=True)
class Clustering:
    """What HDBSCAN found, in frame order. Label 0 is the largest cluster, -1 noise."""

    labels: NDArray[np.int32]
    probabilities: NDArray[np.float32]
    outlier_scores: NDArray[np.float32]
    tree: dict[str, NDArray]
    clusters: list[dict[str, Any]]
    choice: dict[str, Any] = field(default_factory=dict)


def cluster_points(
    points: NDArray[np.float32], recipe: ClusterRecipe, *, threads: int = 1, on_progress: Progress = silent
) -> Clustering:
    """Cluster points, choosing what the recipe leaves open by relative validity.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        Reduced or standardised latents.
    recipe : ClusterRecipe
        Settings; None and ``"auto"`` are chosen here and recorded in `choice`.
    threads : int, default=1
        Processes for the core distances of large data sets.
    on_progress : Progress
        Told the settings tried.

    Returns
    -------
    clustering : Clustering
        With all frames as noise if there are too few, and in one cluster if they are all the same.
    """
    n = len(points)
    if n < 4 or np.ptp(points, axis=0).max() < 1e-6:
        return _without_structure(n, recipe)
    trials = _trials(n, recipe)
    best, best_score, best_choice = None, -np.inf, {}
    for i, (size, method) in enumerate(trials):
        on_progress(i, len(trials), "settings", note="clustering")
        found = _run(points, size, _min_samples(n, recipe), method, threads)
        validity, noise = _validity(found), float(np.mean(found.labels_ < 0))
        # To tell empty frames from all others is always easiest and tells nobody anything new, so the number
        # of clusters counts too, by its logarithm.
        score = validity * (1 - noise) * np.log(max(found.labels_.max() + 1, 2))
        if best is None or score > best_score:
            best, best_score = found, score
            best_choice = {"min_cluster_size": size, "method": method}
            best_choice |= {"relative_validity": round(validity, 4), "noise_share": round(noise, 4)}
    return _describe(
        best, points, {**best_choice, "min_samples": _min_samples(n, recipe), "n_tried": len(trials)}
    )


def _trials(n: int, recipe: ClusterRecipe) -> list[tuple[int, str]]:
    """Return the pairs of minimum cluster size and method to try."""
    if recipe.min_cluster_size is not None:
        sizes = [recipe.min_cluster_size]
    else:
        sizes = sorted({max(5, n // share) for share in (50, 30, 20)})
    methods = ["eom", "leaf"] if recipe.method == "auto" else [recipe.method]
    return [(min(size, max(2, n // 2)), method) for size, method in product(sizes, methods)]


def _min_samples(n: int, recipe: ClusterRecipe) -> int:
    """Return the neighbours that make a point dense, no more than there are."""
    return min(recipe.min_samples or 5, n - 1)


def _run(
    points: NDArray[np.float32], size: int, min_samples: int, method: str, threads: int
) -> hdbscan.HDBSCAN:
    """Fit HDBSCAN once."""
    model = hdbscan.HDBSCAN(
        min_cluster_size=size,
        min_samples=min_samples,
        cluster_selection_method=method,
        gen_min_span_tree=True,
        prediction_data=True,
        core_dist_n_jobs=threads if len(points) >= PARALLEL_FROM else 1,
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Identical frames have infinite density; the infinities are dealt with in _describe.
        warnings.simplefilter("ignore")
        return model.fit(np.asarray(points, dtype=np.float64))


def _validity(model: hdbscan.HDBSCAN) -> float:
    """Return the relative validity, a fast form of DBCV from -1 to 1; -1 if there are not two clusters."""
    if model.labels_.max() < 1:
        return -1.0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        value = float(model.relative_validity_)
    return value if np.isfinite(value) else -1.0


def _describe(model: hdbscan.HDBSCAN, points: NDArray[np.float32], choice: dict[str, Any]) -> Clustering:
    """Bring a fitted model into the form of the contract."""
    sizes = np.bincount(model.labels_[model.labels_ >= 0], minlength=model.labels_.max() + 1)
    by_size = np.argsort(-sizes, kind="stable")
    number = np.full(len(sizes) + 1, -1, np.int32)  # the last entry serves label -1
    number[by_size] = np.arange(len(sizes))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        outlier_scores = np.nan_to_num(model.outlier_scores_, nan=0.0, posinf=1.0, neginf=0.0)
    probabilities = np.nan_to_num(model.probabilities_, nan=1.0)
    exemplars = _exemplar_points(model, len(sizes))
    clusters = []
    for new, old in enumerate(by_size):
        members = np.flatnonzero(model.labels_ == old)
        persistence = float(np.nan_to_num(model.cluster_persistence_[old], nan=1.0, posinf=1.0))
        clusters.append(
            {
                "id": new,
                "size": len(members),
                "persistence": round(persistence, 6),
                "exemplars": _best_members(points, members, exemplars[old], outlier_scores),
                "mean_probability": round(float(probabilities[members].mean()), 6),
            }
        )
    return Clustering(
        labels=number[model.labels_],
        probabilities=probabilities.astype(np.float32),
        outlier_scores=outlier_scores.astype(np.float32),
        tree=_tree_arrays(model.condensed_tree_.to_numpy()),
        clusters=clusters,
        choice=choice,
    )


def _exemplar_points(model: hdbscan.HDBSCAN, n_clusters: int) -> list[NDArray[np.float64] | None]:
    """Return the densest points of each cluster; None where infinite densities keep hdbscan from telling."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = model.exemplars_
    except (AttributeError, ValueError, IndexError, KeyError):
        return [None] * n_clusters
    return [np.atleast_2d(part) if len(part) else None for part in found]


def _best_members(
    points: NDArray[np.float32],
    members: NDArray[np.int64],
    exemplars: NDArray[np.float64] | None,
    outlier_scores: NDArray[np.float64],
) -> list[int]:
    """Return the frames nearest to any exemplar point, the least outlying first among equals."""
    distance = np.zeros(len(members))
    if exemplars is not None:
        distance = np.round(cKDTree(exemplars).query(points[members])[0], 6)
    order = np.lexsort((members, outlier_scores[members], distance))
    return [int(frame) for frame in members[order[:N_EXEMPLARS]]]


def _tree_arrays(tree: NDArray) -> dict[str, NDArray]:
    """Return the condensed tree as plain arrays, infinite lambdas as the largest finite float32."""
    largest = float(np.finfo(np.float32).max)
    return {
        "parent": tree["parent"].astype(np.int64),
        "child": tree["child"].astype(np.int64),
        "lambda_val": np.nan_to_num(tree["lambda_val"], nan=0.0, posinf=largest),
        "child_size": tree["child_size"].astype(np.int64),
    }


def _without_structure(n: int, recipe: ClusterRecipe) -> Clustering:
    """Return one cluster if there are enough identical points for one, else noise."""
    needed = recipe.min_cluster_size or 5
    is_cluster = n >= max(4, needed)
    members = list(range(min(n, N_EXEMPLARS)))
    whole = {"id": 0, "size": n, "persistence": 1.0, "exemplars": members, "mean_probability": 1.0}
    return Clustering(
        labels=np.full(n, 0 if is_cluster else -1, np.int32),
        probabilities=np.full(n, 1.0 if is_cluster else 0.0, np.float32),
        outlier_scores=np.zeros(n, np.float32),
        tree={
            "parent": np.full(n, n, np.int64),
            "child": np.arange(n, dtype=np.int64),
            "lambda_val": np.ones(n),
            "child_size": np.ones(n, np.int64),
        },
        clusters=[whole] if is_cluster else [],
        choice={"reason": "all frames are the same" if is_cluster else "too few frames"},
    )
