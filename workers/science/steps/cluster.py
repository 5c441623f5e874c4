"""Steps: find the characteristic classes among the latents, and read them anew from their tree."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.cluster import Clustering, ClusterRecipe, cluster_points, read_clusters
from workers.science.clustering_files import load_clustering, save_clustering
from workers.science.extend import cluster_rest
from workers.science.fine_tree import save_fine_tree
from workers.science.latents import LatentWeights, latent_weights, sample_rows
from workers.science.merge import merge_clusters
from workers.science.progress import Progress, silent
from workers.science.recipe import read_recipe
from workers.science.subcluster import split_cluster

REDUCED_AT_MOST = 50_000
"""Frames that UMAP is given; it needs hours and tens of gigabytes for a million."""


def cluster(
    *,
    latents_dir: str,
    network_dir: str,
    recipe: dict[str, Any],
    seed: int,
    threads: int,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Write labels, probabilities, outlier scores, two trees, ``clusters.json`` and ``density/``.

    Of more frames than the recipe allows a sample is fitted (``sample.npy``, int64: their numbers, to which
    the leaves of the tree refer), and the rest follows its nearest fitted neighbours.

    Parameters
    ----------
    latents_dir, network_dir : str
        Folders of the steps `embed` and `learn`.
    recipe : dict
        Settings of `ClusterRecipe`.
    seed : int
        Of the sample and the reduction.
    threads : int
        Threads of the reduction and of the search of neighbours.
    out : str
        Existing, empty folder.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_clusters``, ``n_noise``, ``n_fitted`` (frames among which the clusters were found) and ``choice``,
        the settings chosen where the recipe left them open.

    Raises
    ------
    RecipeError
        If the recipe has unknown settings or contradicts itself.
    ScienceError
        If the network is not a FactorVAE, or a latent is not a finite number.
    """
    settings = read_recipe(ClusterRecipe, recipe)
    latents, weights = _latents(latents_dir, network_dir)
    most = min(settings.max_points, REDUCED_AT_MOST) if settings.reduce == "umap" else settings.max_points
    rows = sample_rows(len(latents), most, seed)
    points, seen = weights.points(latents[rows]), None
    if settings.reduce == "umap":
        points, seen = _reduced(points, settings, seed, threads, on_progress), points
    scaled = _for_sample(settings, len(rows) / len(latents))
    found = cluster_points(points, scaled, seen=seen, threads=threads, on_progress=on_progress)
    save_fine_tree(found, Path(out))
    if len(rows) == len(latents):
        return _write(found, len(rows), out)
    return _write_with_rest(found, rows, latents, weights, threads, out, on_progress)


def recluster(
    *,
    cluster_dir: str,
    latents_dir: str,
    network_dir: str,
    recipe: dict[str, Any],
    within: int | None,
    threads: int,
    merge: list[list[int]] | None = None,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Read clusters anew from the tree of an earlier clustering, look into one of them, or merge some.

    Parameters
    ----------
    cluster_dir : str
        Folder of the step `cluster`, or of this one.
    latents_dir, network_dir : str
        What it was made of.
    recipe : dict
        Settings of `ClusterRecipe`; those of the reduction and the sample are of no effect.
    within : int or None
        The cluster to look into; its parts take its place. None reads all clusters anew.
    threads, out, on_progress
        As of `cluster`.
    merge : list of lists of int, optional
        Groups of clusters to make one of each; then nothing is read anew.

    Returns
    -------
    result : dict
        As of `cluster`.

    Raises
    ------
    RecipeError
        If the recipe has unknown settings or contradicts itself.
    ScienceError
        If the tree was not kept, `min_samples` is more than was kept for, or there is no such cluster.
    """
    settings = read_recipe(ClusterRecipe, recipe)
    earlier = load_clustering(Path(cluster_dir), needs_tree=not merge)
    rows = _fitted(Path(cluster_dir), len(earlier.labels))
    if merge:
        return _write_merged(merge_clusters(earlier, merge), rows, out)
    scaled = _for_sample(settings, len(rows) / len(earlier.labels))
    is_whole, seen = len(rows) == len(earlier.labels), None
    if settings.leaves_open or not is_whole:
        latents, weights = _latents(latents_dir, network_dir)
    if settings.leaves_open:
        seen = _unless_clustered(weights.points(latents[rows]), earlier)
    how = {"seen": seen, "threads": threads, "on_progress": on_progress}
    if within is None:
        found = read_clusters(earlier.density, scaled, **how)
        save_fine_tree(found, Path(out))
    else:
        found = split_cluster(_of_fitted(earlier, rows), within, scaled, **how)
    if is_whole:
        return _write(found, len(rows), out)
    return _write_with_rest(found, rows, latents, weights, threads, out, on_progress)


def _latents(latents_dir: str, network_dir: str) -> tuple[NDArray[np.float32], LatentWeights]:
    # It brings torch along, which takes seconds to load and which nobody needs who reads from a tree alone.
    from workers.science.network import load_card, require_kind

    card = load_card(network_dir)
    require_kind(card, "factorvae")
    latents = np.load(Path(latents_dir) / "latents.npy", mmap_mode="r", allow_pickle=False)
    return latents, latent_weights(latents, card["figures"])


def _unless_clustered(points: NDArray[np.float32], earlier: Clustering) -> NDArray[np.float32] | None:
    """Return points, or None if it is they that were clustered, not what they were reduced to."""
    same = earlier.density is not None and np.array_equal(points, earlier.density.points)
    return None if same else points


def _reduced(
    points: NDArray[np.float32], settings: ClusterRecipe, seed: int, threads: int, on_progress: Progress
) -> NDArray[np.float32]:
    # Importing UMAP takes seconds, which who reads clusters from a tree need not wait.
    from workers.science.reduction import umap_coordinates

    on_progress(0, 0, "settings", note="reducing")
    return umap_coordinates(
        points,
        n_dimensions=min(settings.n_dimensions, points.shape[1]),
        n_neighbors=settings.n_neighbors,
        min_dist=0.0,
        seed=seed,
        threads=threads,
        on_progress=on_progress,
    )


def _for_sample(recipe: ClusterRecipe, share: float) -> ClusterRecipe:
    """Return the recipe for a sample: a cluster has fewer frames there, by its share."""
    if recipe.min_cluster_size is None:
        return recipe
    return replace(recipe, min_cluster_size=max(2, round(recipe.min_cluster_size * share)))


def _fitted(folder: Path, n_frames: int) -> NDArray[np.int64]:
    """Return the frames that a clustering was fitted to."""
    sample = folder / "sample.npy"
    return np.load(sample, allow_pickle=False) if sample.exists() else np.arange(n_frames)


def _of_fitted(found: Clustering, rows: NDArray[np.int64]) -> Clustering:
    """Return what a clustering of all frames says of the fitted ones; exemplars are rows of the sample."""
    place = {frame: at for at, frame in enumerate(rows.tolist())}
    labels = found.labels[rows]
    sizes = np.bincount(labels[labels >= 0], minlength=len(found.clusters))
    listed = []
    for entry in found.clusters:
        exemplars = [place[frame] for frame in entry["exemplars"]]
        listed.append(entry | {"size": int(sizes[entry["id"]]), "exemplars": exemplars})
    columns = {name: getattr(found, name)[rows] for name in ("probabilities", "outlier_scores")}
    return replace(found, labels=labels, clusters=listed, **columns)


def _write_with_rest(
    found: Clustering,
    rows: NDArray[np.int64],
    latents: NDArray[np.float32],
    weights: LatentWeights,
    threads: int,
    out: str,
    on_progress: Progress,
) -> dict[str, Any]:
    """Let the frames that were not fitted follow, and write all."""
    found = cluster_rest(latents, weights, rows, found, threads=threads, on_progress=on_progress)
    np.save(Path(out) / "sample.npy", rows)
    return _write(found, len(rows), out)


def _write_merged(found: Clustering, rows: NDArray[np.int64], out: str) -> dict[str, Any]:
    if len(rows) < len(found.labels):
        np.save(Path(out) / "sample.npy", rows)
    return _write(found, len(rows), out)


def _write(found: Clustering, n_fitted: int, out: str) -> dict[str, Any]:
    save_clustering(found, Path(out))
    n_noise = int(np.count_nonzero(found.labels < 0))
    counts = {"n_clusters": len(found.clusters), "n_noise": n_noise, "n_fitted": n_fitted}
    return {**counts, "choice": found.choice}
