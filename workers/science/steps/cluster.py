"""Step: find the characteristic classes among the latents."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workers.science.cluster import Clustering, ClusterRecipe, cluster_points
from workers.science.extend import cluster_rest
from workers.science.latents import latent_weights, sample_rows
from workers.science.network import load_card, require_kind
from workers.science.progress import Progress, silent
from workers.science.recipe import read_recipe
from workers.science.reduction import umap_coordinates


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
    """Write labels, probabilities, outlier scores, ``tree.npz`` and ``clusters.json``.

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
        If the network is not a FactorVAE.
    """
    settings, card, folder = read_recipe(ClusterRecipe, recipe), load_card(network_dir), Path(out)
    require_kind(card, "factorvae")
    latents = np.load(Path(latents_dir) / "latents.npy", mmap_mode="r", allow_pickle=False)
    weights = latent_weights(latents, card["figures"])
    rows = sample_rows(len(latents), settings.max_points, seed)
    points = weights.points(latents[rows])
    if settings.reduce == "umap":
        on_progress(0, 0, "settings", note="reducing")
        n_dimensions = min(settings.n_dimensions, points.shape[1])
        points = umap_coordinates(
            points,
            n_dimensions=n_dimensions,
            n_neighbors=settings.n_neighbors,
            min_dist=0.0,
            seed=seed,
            threads=threads,
            on_progress=on_progress,
        )
    scaled = _for_sample(settings, len(rows) / len(latents))
    found = cluster_points(points, scaled, threads=threads, on_progress=on_progress)
    if len(rows) < len(latents):
        found = cluster_rest(latents, weights, rows, found, threads=threads, on_progress=on_progress)
        np.save(folder / "sample.npy", rows)
    _save(found, folder)
    n_noise = int(np.count_nonzero(found.labels < 0))
    counts = {"n_clusters": len(found.clusters), "n_noise": n_noise, "n_fitted": len(rows)}
    return {**counts, "choice": found.choice}


def _for_sample(recipe: ClusterRecipe, share: float) -> ClusterRecipe:
    """Return the recipe for a sample: a cluster has fewer frames there, by its share."""
    if recipe.min_cluster_size is None:
        return recipe
    return replace(recipe, min_cluster_size=max(2, round(recipe.min_cluster_size * share)))


def _save(found: Clustering, folder: Path) -> None:
    np.save(folder / "labels.npy", found.labels)
    np.save(folder / "probabilities.npy", found.probabilities)
    np.save(folder / "outlier_scores.npy", found.outlier_scores)
    np.savez(folder / "tree.npz", **found.tree)
    (folder / "clusters.json").write_text(json.dumps(found.clusters, allow_nan=False), encoding="utf-8")
