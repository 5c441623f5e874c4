"""Characteristic classes by density: HDBSCAN* on latents.

McInnes and Healy, arXiv:1705.07321. Neighbours and trees are found by loops of our own (`density_tree`,
`hierarchy`, `selection`); the result is that of hdbscan.
"""

from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.agreement import Agreement, NeighbourGraph
from workers.science.compiled import compiled
from workers.science.density_tree import DensityTree, density_tree, require_finite
from workers.science.hierarchy import Condensed, condense, link
from workers.science.ordering import stable_order
from workers.science.progress import Progress, silent
from workers.science.recipe import require_choice, require_range
from workers.science.selection import (
    Selection,
    exemplars,
    outlier_scores,
    persistences,
    probabilities,
    relative_validity,
    select,
)

N_EXEMPLARS = 16
MIN_SAMPLES = (5, 15)
"""Tried where the recipe leaves it open."""
LEAST_AGREEMENT = 0.9
"""Share of neighbours in the same cluster, beyond chance, that settings must reach to be preferred."""
SHARES = (15, 20, 30, 50)
"""Least sizes tried, as one part in so many of all points."""
FINE_SHARES = (100, 200)
"""Tried as well where such a cluster still has `FINE_FROM` points."""
FINE_FROM = 25


@dataclass(frozen=True)
class ClusterRecipe:
    """How latents are reduced and what counts as a cluster."""

    reduce: str = "umap"
    """``"umap"`` brings neighbours together first; ``"none"`` takes the latents as they are."""
    n_dimensions: int = 5
    n_neighbors: int = 15
    min_cluster_size: int | None = None
    """Frames of the whole data set; None tries several, from a twentieth of it downwards."""
    min_samples: int | None = None
    """Neighbours that make a point dense; None tries several."""
    method: str = "auto"
    """``"eom"`` (few, stable), ``"leaf"`` (many, fine ones) or ``"auto"`` (what tears fewer apart)."""
    max_points: int = 1_000_000
    """Of a larger data set so many frames, drawn at random, are fitted; the rest follows its neighbours."""

    @property
    def leaves_open(self) -> bool:
        """Whether settings are to be chosen."""
        return None in (self.min_cluster_size, self.min_samples) or self.method == "auto"

    def __post_init__(self) -> None:
        """Refuse what HDBSCAN cannot do."""
        require_choice("reduce", self.reduce, ("umap", "none"))
        require_choice("method", self.method, ("auto", "eom", "leaf"))
        require_range("n_dimensions", self.n_dimensions, 2, 50)
        require_range("n_neighbors", self.n_neighbors, 2, 500)
        require_range("max_points", self.max_points, 100, 10_000_000)
        if self.min_cluster_size is not None:
            require_range("min_cluster_size", self.min_cluster_size, 2, 10_000_000)
        if self.min_samples is not None:
            require_range("min_samples", self.min_samples, 1, 1000)


@dataclass(frozen=True)
class Clustering:
    """What HDBSCAN* found, in frame order. Label 0 is the largest cluster, -1 noise.

    `choice` tells the settings, and where the recipe left some open, `table` lists all that were tried and
    `reason` says why these were taken. `density` is what can be clustered again; None without structure.
    """

    labels: NDArray[np.int32]
    probabilities: NDArray[np.float32]
    outlier_scores: NDArray[np.float32]
    tree: dict[str, NDArray]
    clusters: list[dict[str, Any]]
    choice: dict[str, Any] = field(default_factory=dict)
    density: DensityTree | None = None


@dataclass(frozen=True)
class Settings:
    """One way to read clusters from a tree."""

    min_samples: int
    min_cluster_size: int
    method: str


def cluster_points(
    points: NDArray[np.float32],
    recipe: ClusterRecipe,
    *,
    seen: NDArray[np.float32] | None = None,
    threads: int = 1,
    on_progress: Progress = silent,
) -> Clustering:
    """Cluster points, choosing what the recipe leaves open by who is whose neighbour.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        Reduced or standardised latents.
    recipe : ClusterRecipe
        Settings; None and ``"auto"`` are chosen here and recorded in `choice`.
    seen : ndarray of shape (n, k), float32, optional
        The points before they were reduced, whose neighbours choose among settings: a reduction tears apart
        and draws together. By default the points themselves.
    threads : int, default=1
        The result does not depend on it.
    on_progress : Progress
        Told the points done in each phase, and the settings tried.

    Returns
    -------
    clustering : Clustering
        With all frames as noise if there are too few, and in one cluster if they are all the same.

    Raises
    ------
    ScienceError
        If a coordinate is not a finite number.
    """
    require_finite(points)
    n = len(points)
    if n < 4 or np.ptp(points, axis=0).max() <= 1e-6 * np.abs(points).max():
        return _without_structure(n, recipe)
    most = max(_samples_tried(n, recipe))
    density = density_tree(points, most, threads=threads, on_progress=on_progress)
    return read_clusters(density, recipe, seen=seen, threads=threads, on_progress=on_progress)


def read_clusters(
    density: DensityTree,
    recipe: ClusterRecipe,
    *,
    seen: NDArray[np.float32] | None = None,
    threads: int = 1,
    on_progress: Progress = silent,
) -> Clustering:
    """Cluster points whose neighbours are known.

    Parameters
    ----------
    density : DensityTree
        Of n points; keeps what is connected here.
    recipe, seen, threads, on_progress
        As of `cluster_points`.

    Returns
    -------
    clustering : Clustering
        The same as of `cluster_points`.

    Raises
    ------
    ScienceError
        If `min_samples` is more than the neighbours that were kept.
    """
    trials = _trials(len(density.points), recipe)
    table, best, linkages = [], None, {}
    graph = None
    if len(trials) > 1 and seen is not None:
        graph = NeighbourGraph.of_points(seen, threads=threads, on_progress=on_progress)
    elif len(trials) > 1:
        graph = NeighbourGraph(density.points, density.neighbours, density.order)
    for samples in reversed(_samples_tried(len(density.points), recipe)):  # those of the most give the others
        density.connect(samples, threads=threads, on_progress=on_progress)
    for i, tried in enumerate(trials):
        spanning = density.connect(tried.min_samples)
        on_progress(i, len(trials), "settings", note="choosing clusters")
        if tried.min_samples not in linkages:
            linkages = {tried.min_samples: link(spanning)}
        condensed = condense(linkages[tried.min_samples], tried.min_cluster_size)
        selection = select(condensed, tried.method)
        table.append(_describe_trial(tried, selection, relative_validity(spanning, selection.labels)))
        if graph is not None:
            table[-1] |= _judge(graph.agreement(selection.labels))
        if best is None or _rank(table[-1]) > _rank(table[best[0]]):
            best = i, condensed, selection
    chosen, condensed, selection = best
    choice = {**table[chosen], "n_tried": len(trials)}
    if len(trials) > 1:
        choice |= {"reason": _reason(table, chosen), "table": table}
    return replace(_describe(condensed, selection), choice=choice, density=density)


def _trials(n: int, recipe: ClusterRecipe) -> list[Settings]:
    """Return the settings to try, those of one spanning tree together."""
    if recipe.min_cluster_size is not None:
        sizes = [recipe.min_cluster_size]
    else:
        fine = [n // share for share in FINE_SHARES if n // share >= FINE_FROM]
        sizes = sorted({max(5, n // share) for share in SHARES} | set(fine))
    methods = ["eom", "leaf"] if recipe.method == "auto" else [recipe.method]
    return [
        Settings(samples, min(size, max(2, n // 2)), method)
        for samples, size, method in product(_samples_tried(n, recipe), sizes, methods)
    ]


def _samples_tried(n: int, recipe: ClusterRecipe) -> list[int]:
    """Return how many neighbours make a point dense, no more than there are."""
    tried = MIN_SAMPLES if recipe.min_samples is None else (recipe.min_samples,)
    return sorted({min(samples, n - 1) for samples in tried})


def _describe_trial(tried: Settings, selection: Selection, validity: float) -> dict[str, Any]:
    """Return a row of the table of settings."""
    return {
        "min_cluster_size": tried.min_cluster_size,
        "min_samples": tried.min_samples,
        "method": tried.method,
        "n_clusters": len(selection.chosen),
        "noise_share": round(float(np.mean(selection.labels < 0)), 4),
        "relative_validity": round(validity, 4),
    }


def _judge(agreed: Agreement) -> dict[str, float]:
    """Return what settings are compared by.

    Where clusters cut through what belongs together, neighbours are in different ones; such settings come
    last. Among the others modularity weighs how finely frames are told apart against what is torn by it. The
    relative validity compares densities, and prefers few large clusters however different their members.
    """
    return {
        "agreement": round(agreed.kappa, 4),
        "modularity": round(agreed.modularity, 4),
        "score": round(agreed.modularity if agreed.kappa >= LEAST_AGREEMENT else agreed.kappa - 1, 6),
    }


def _rank(row: dict[str, Any]) -> tuple[float, int]:
    """Return what settings are sorted by: what is as good to a hundredth is better with fewer clusters."""
    return round(row["score"], 2), -row["n_clusters"]


def _reason(table: list[dict[str, Any]], chosen: int) -> str:
    """Say in words why a row of the table was taken."""
    row = table[chosen]
    if row["n_clusters"] < 2:
        return f"None of {len(table)} settings found two clusters; the first was taken."
    agree = f"{row['agreement']:.0%} of neighbours in the same cluster, beyond chance"
    if row["score"] < 0:
        return f"Of {len(table)} settings the one in which neighbours agree most: {agree}."
    return (
        f"Of the settings of {len(table)} in which neighbours agree ({agree}), the one with the greatest "
        f"modularity ({row['modularity']:.2f}); of equals, that with the fewest clusters "
        f"({row['n_clusters']})."
    )


def _describe(condensed: Condensed, selection: Selection) -> Clustering:
    """Number the clusters by size, and list them."""
    labels, n_clusters = selection.labels, len(selection.chosen)
    sizes = np.bincount(labels[labels >= 0], minlength=n_clusters)
    number = cluster_numbers(selection)
    by_size = np.argsort(number[:-1])
    labels = number[labels]
    strengths, outliers = probabilities(condensed, selection), outlier_scores(condensed)
    sums = np.bincount(labels[labels >= 0], weights=strengths[labels >= 0], minlength=n_clusters)
    kept = persistences(condensed, selection)
    best = _best_members(labels, exemplars(condensed, selection), outliers, n_clusters)
    clusters = [
        {
            "id": new,
            "size": int(sizes[old]),
            "persistence": round(float(kept[old]), 6),
            "exemplars": best[new],
            "mean_probability": round(float(sums[new] / sizes[old]), 6),
        }
        for new, old in enumerate(by_size.tolist())
    ]
    return Clustering(labels, strengths, outliers, condensed.as_rows(), clusters)


def cluster_numbers(selection: Selection) -> NDArray[np.int32]:
    """Return the number by size of each of k selected clusters, (k + 1,); the last entry serves label -1."""
    n_clusters = len(selection.chosen)
    sizes = np.bincount(selection.labels[selection.labels >= 0], minlength=n_clusters)
    number = np.full(n_clusters + 1, -1, np.int32)
    number[np.argsort(-sizes, kind="stable")] = np.arange(n_clusters)
    return number


def _best_members(
    labels: NDArray[np.int32],
    is_exemplar: NDArray[np.bool_],
    outliers: NDArray[np.float32],
    n_clusters: int,
) -> list[list[int]]:
    """Return for each cluster its densest points, and where these are few, those that are nearly as dense."""
    after_the_exemplars = (~is_exemplar).astype(np.uint32) << np.uint32(31)
    rows = stable_order(outliers.view(np.uint32) | after_the_exemplars)
    best, counts = _first_of_each(rows, labels, np.zeros(n_clusters, np.int64), N_EXEMPLARS)
    return [best[cluster, :count].tolist() for cluster, count in enumerate(counts.tolist())]


@compiled
def _first_of_each(rows, labels, counts, most):
    """List for each label the first of `rows` that have it, no more than `most`, and count them."""
    first = np.empty((len(counts), most), np.int64)
    for row in rows:
        label = labels[row]
        if label >= 0 and counts[label] < most:
            first[label, counts[label]] = row
            counts[label] += 1
    return first, counts


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
