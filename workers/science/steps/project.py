"""Step: draw the map of a data set."""

from pathlib import Path
from typing import Any

import numpy as np

from workers.science.network import load_card, require_kind
from workers.science.progress import Progress, silent
from workers.science.project import ProjectRecipe, project_points
from workers.science.recipe import read_recipe
from workers.science.reduction import weigh_latents


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
        Empty.

    Raises
    ------
    RecipeError
        If the recipe has unknown settings or contradicts itself.
    ScienceError
        If the network is not a FactorVAE.
    """
    settings, card = read_recipe(ProjectRecipe, recipe), load_card(network_dir)
    require_kind(card, "factorvae")
    latents = np.load(Path(latents_dir) / "latents.npy", allow_pickle=False)
    on_progress(0, len(latents), note="drawing the map")
    points = weigh_latents(latents, card["figures"])
    drawn = project_points(points, settings, seed=seed, threads=threads, on_progress=on_progress)
    np.save(Path(out) / "map.npy", drawn)
    return {}
