"""Step: find the characteristic classes among the latents."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from workers.science.cluster import ClusterRecipe, cluster_points
from workers.science.network import load_card, require_kind
from workers.science.progress import Progress, silent
from workers.science.recipe import read_recipe
from workers.science.reduction import umap_coordinates, weigh_latents


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

    Parameters
    ----------
    latents_dir, network_dir : str
        Folders of the steps `embed` and `learn`.
    recipe : dict
        Settings of `ClusterRecipe`.
    seed : int
        Of the reduction.
    threads : int
        Threads of the reduction.
    out : str
        Existing, empty folder.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_clusters``, ``n_noise`` and ``choice``, the settings chosen where the recipe left them open.

    Raises
    ------
    RecipeError
        If the recipe has unknown settings or contradicts itself.
    ScienceError
        If the network is not a FactorVAE.
    """
    settings, card, folder = read_recipe(ClusterRecipe, recipe), load_card(network_dir), Path(out)
    require_kind(card, "factorvae")
    latents = np.load(Path(latents_dir) / "latents.npy", allow_pickle=False)
    points = weigh_latents(latents, card["figures"])
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
    found = cluster_points(points, settings, threads=threads, on_progress=on_progress)
    np.save(folder / "labels.npy", found.labels)
    np.save(folder / "probabilities.npy", found.probabilities)
    np.save(folder / "outlier_scores.npy", found.outlier_scores)
    np.savez(folder / "tree.npz", **found.tree)
    (folder / "clusters.json").write_text(json.dumps(found.clusters, allow_nan=False), encoding="utf-8")
    n_noise = int(np.count_nonzero(found.labels < 0))
    return {"n_clusters": len(found.clusters), "n_noise": n_noise, "choice": found.choice}
