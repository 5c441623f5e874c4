"""Step: draw the map of a data set."""

from pathlib import Path
from typing import Any

import numpy as np

from workers.science.extend import place_rest
from workers.science.latents import latent_weights, sample_rows
from workers.science.network import load_card, require_kind
from workers.science.progress import Progress, silent
from workers.science.project import ProjectRecipe, project_points
from workers.science.recipe import read_recipe


def project(
    *,
    latents_dir: str,
    network_dir: str,
    recipe: dict[str, Any],
    seed: int,
    threads: int,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Write ``map.npy``, float32 (n, 2).

    Parameters
    ----------
    latents_dir, network_dir : str
        Folders of the steps `embed` and `learn`.
    recipe : dict
        Settings of `ProjectRecipe`.
    seed : int
        Same seed: same map.
    threads : int
        For the search of neighbours.
    out : str
        Existing, empty folder.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_fitted``: frames that were laid out; the rest was placed between them.

    Raises
    ------
    RecipeError
        If the recipe has unknown settings or contradicts itself.
    ScienceError
        If the network is not a FactorVAE.
    """
    settings, card = read_recipe(ProjectRecipe, recipe), load_card(network_dir)
    require_kind(card, "factorvae")
    latents = np.load(Path(latents_dir) / "latents.npy", mmap_mode="r", allow_pickle=False)
    on_progress(0, len(latents), note="drawing the map")
    weights = latent_weights(latents, card["figures"])
    most = settings.max_points if settings.method == "umap" else len(latents)
    rows = sample_rows(len(latents), most, seed)
    drawn = project_points(
        weights.points(latents[rows]), settings, seed=seed, threads=threads, on_progress=on_progress
    )
    plane = np.lib.format.open_memmap(Path(out) / "map.npy", "w+", np.float32, (len(latents), 2))
    if len(rows) < len(latents):
        place_rest(latents, weights, rows, drawn, plane, threads=threads, on_progress=on_progress)
    else:
        plane[:] = drawn
    plane.flush()
    return {"n_fitted": len(rows)}
