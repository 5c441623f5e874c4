"""The map: latents in two dimensions, for the eye only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.progress import Progress, silent
from workers.science.recipe import require_choice, require_range
from workers.science.reduction import principal_components, umap_coordinates


@dataclass(frozen=True)
class ProjectRecipe:
    """How the map is drawn."""

    method: str = "umap"
    """``"umap"`` or ``"pca"``."""
    n_neighbors: int = 15
    min_dist: float = 0.1
    max_points: int = 50_000
    """Of a larger data set so many frames, drawn at random, are laid out; the rest is placed between them."""

    def __post_init__(self) -> None:
        """Refuse what UMAP cannot do."""
        require_choice("method", self.method, ("umap", "pca"))
        require_range("n_neighbors", self.n_neighbors, 2, 500)
        require_range("min_dist", self.min_dist, 0, 1)
        require_range("max_points", self.max_points, 100, 1_000_000)


def project_points(
    points: NDArray[np.float32],
    recipe: ProjectRecipe,
    *,
    seed: int,
    threads: int,
    on_progress: Progress = silent,
) -> NDArray[np.float32]:
    """Lay points out in the plane.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        Weighted active latents.
    recipe : ProjectRecipe
        Method and its settings.
    seed : int
        Same seed: same map.
    threads : int
        For the search of neighbours.
    on_progress : Progress
        Told of the epochs of UMAP.

    Returns
    -------
    map : ndarray of shape (n, 2), float32
        Finite; centred on 0.
    """
    if recipe.method == "pca":
        return principal_components(points, 2)
    plane = umap_coordinates(
        points,
        n_dimensions=2,
        n_neighbors=recipe.n_neighbors,
        min_dist=recipe.min_dist,
        seed=seed,
        threads=threads,
        on_progress=on_progress,
        note="drawing the map",
    )
    return plane - plane.mean(axis=0, dtype=np.float64).astype(np.float32)
