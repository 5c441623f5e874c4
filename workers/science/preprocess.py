"""Condense frames: centred on the beam, masked, scaled down, logarithmic; the same offline and live."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.bad_pixels import find_dead_pixels, find_hot_pixels
from workers.science.beam_centre import find_centre
from workers.science.errors import RecipeError, SourceError
from workers.science.recipe import read_recipe, require_choice, require_range
from workers.science.resample import Resampler
from workers.science.thumbnails import log_levels

# The cut-out stays inside the frame unless that would lose more than a quarter of the shorter side.
_KEPT_SIDE = 0.75


@dataclass(frozen=True)
class CondenseRecipe:
    """How frames are condensed.

    Parameters
    ----------
    size : int, default=96
        Side of a condensed frame, in pixels.
    crop : float, optional
        Side of the square that is cut out about the beam, in detector pixels. If not given, the largest
        square that lies inside the frame; or one as wide as the frame's shorter side, where the beam is far
        from the middle.
    scale : {"log"}
        How counts become brightness.
    scale_max : float, optional
        Counts that become 255. If not given, a high percentile of the maximum pattern.
    scale_percentile : float, default=99.9
        That percentile, over the good pixels of the cut-out.
    centre_row, centre_column : float, optional
        The beam on the detector, in pixels. If not given, it is looked for.
    use_file_mask, find_dead, find_hot : bool, default=True
        What is masked: the bad pixels that the file names, and those that the patterns show.
    hole_radius : float, default=0
        Pixels nearer to the beam than this are masked.
    """

    size: int = 96
    crop: float | None = None
    scale: str = "log"
    scale_max: float | None = None
    scale_percentile: float = 99.9
    centre_row: float | None = None
    centre_column: float | None = None
    use_file_mask: bool = True
    find_dead: bool = True
    find_hot: bool = True
    hole_radius: float = 0.0

    def __post_init__(self) -> None:
        require_choice("scale", self.scale, ("log",))
        require_range("size", self.size, 8, 1024)
        require_range("scale_percentile", self.scale_percentile, 50, 100)
        require_range("hole_radius", self.hole_radius, 0, 1e5)
        if self.crop is not None:
            require_range("crop", self.crop, 4, 1e5)
        if self.scale_max is not None:
            require_range("scale_max", self.scale_max, 1e-6, 1e12)
        if (self.centre_row is None) != (self.centre_column is None):
            raise RecipeError("The centre", "only one of row and column is given", "Give both, or neither")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "CondenseRecipe":
        """Build the recipe from plain values; raises RecipeError on what it does not know."""
        return read_recipe(cls, values)


@dataclass(frozen=True)
class Geometry:
    """What has to be known to condense any frame of a detector.

    Parameters
    ----------
    mask : ndarray of shape (h, w), bool
        True = good.
    centre : tuple of float
        Beam (row, column), in pixels.
    scale_max : float
        Counts that become 255.
    size : int
        Side of a condensed frame, in pixels.
    crop : float
        Side of the cut-out, in detector pixels.
    """

    mask: NDArray
    centre: tuple[float, float]
    scale_max: float
    size: int
    crop: float

    @cached_property
    def resampler(self) -> Resampler:
        """The weights that condense a frame; made once."""
        return Resampler(mask=self.mask, centre=self.centre, side=self.crop, size=self.size)

    @property
    def small_mask(self) -> NDArray:
        """Mask of a condensed frame, bool (size, size), True = good."""
        return self.resampler.small_mask


def plan_geometry(
    mean: NDArray, peak: NDArray, n_frames: int, file_mask: NDArray | None, recipe: CondenseRecipe
) -> tuple[Geometry, dict[str, Any]]:
    """Find mask, beam centre and scale from the patterns of a data set.

    Parameters
    ----------
    mean, peak : ndarray of shape (h, w), float32
        Mean and maximum counts of each pixel; NaN where no frame has a value.
    n_frames : int
        Number of frames behind them.
    file_mask : ndarray of shape (h, w), bool, or None
        True = good.
    recipe : CondenseRecipe
        What to look for.

    Returns
    -------
    geometry : Geometry
        For every frame of this detector.
    found : dict
        Numbers for people: pixels masked by each reason, and how well the pattern is symmetric about the
        centre.

    Raises
    ------
    RecipeError
        If the given centre is outside the frame.
    SourceError
        If no pixel is left.
    """
    good = np.isfinite(mean)
    if file_mask is not None and recipe.use_file_mask:
        good &= file_mask
    n_file = int((~good).sum())
    dead = find_dead_pixels(mean, peak, good, n_frames) if recipe.find_dead else np.zeros_like(good)
    good &= ~dead
    hot = find_hot_pixels(mean, good, n_frames) if recipe.find_hot else np.zeros_like(good)
    good &= ~hot
    centre, symmetry = _choose_centre(mean, good, n_frames, recipe)
    good &= ~_hole(good.shape, centre, recipe.hole_radius)
    crop = float(recipe.crop or _largest_crop(good.shape, centre))
    geometry = Geometry(mask=good, centre=centre, scale_max=1.0, size=recipe.size, crop=crop)
    if not geometry.small_mask.any():
        raise SourceError(
            "Mask", "leaves no pixel of the frames", "Choose another mask dataset, or switch it off"
        )
    found = {"masked_by_file": n_file, "dead": int(dead.sum()), "hot": int(hot.sum()), "symmetry": symmetry}
    scale_max = recipe.scale_max or _choose_scale(np.nan_to_num(peak), geometry, recipe.scale_percentile)
    return Geometry(good, centre, float(scale_max), recipe.size, crop), found


def condense_frames(frames: NDArray, geometry: Geometry) -> NDArray:
    """Condense frames as all frames of their data set were.

    Parameters
    ----------
    frames : ndarray of shape (m, h, w)
        Counts as the file has them. Values that are no counts (not finite, negative integers, the largest
        integer of NXmx) are left out like masked pixels.
    geometry : Geometry
        Mask, centre and scale.

    Returns
    -------
    condensed : ndarray of shape (m, s, s), uint8
        ``255 * log1p(max(counts, 0)) / log1p(scale_max)`` of the mean counts; 0 where masked.

    Raises
    ------
    SourceError
        If the frames do not have the shape of the mask.
    """
    if frames.shape[1:] != geometry.mask.shape:
        cause = f"are {frames.shape[1:]} pixels, the geometry is for {geometry.mask.shape}"
        raise SourceError("Frames", cause, "Use a network that learned from frames of this detector")
    return log_levels(geometry.resampler.resample(frames), geometry.scale_max)


def save_geometry(geometry: Geometry, folder: Path, found: dict[str, Any]) -> None:
    """Write ``geometry.npz`` for programs and ``geometry.json`` for people.

    Parameters
    ----------
    geometry : Geometry
        What is written.
    folder : Path
        Where to.
    found : dict
        Further plain values for the JSON file.
    """
    np.savez_compressed(
        folder / "geometry.npz",
        mask=geometry.mask,
        centre=np.asarray(geometry.centre),
        scale_max=np.float64(geometry.scale_max),
        size=np.int64(geometry.size),
        crop=np.float64(geometry.crop),
    )
    height, width = geometry.mask.shape
    summary = {
        "height": height,
        "width": width,
        "centre": list(geometry.centre),
        "crop": geometry.crop,
        "size": geometry.size,
        "scale_max": geometry.scale_max,
        "masked_share": float(1 - geometry.mask.mean()),
        **found,
    }
    (folder / "geometry.json").write_text(json.dumps(summary, indent=1))


def load_geometry(folder: str | Path) -> Geometry:
    """Read the geometry of a condensed data set or of a network.

    Parameters
    ----------
    folder : str or Path
        A folder with ``geometry.npz``.

    Returns
    -------
    geometry : Geometry
        As it was saved.

    Raises
    ------
    SourceError
        If it is missing or not readable.
    """
    path = Path(folder) / "geometry.npz"
    try:
        with np.load(path, allow_pickle=False) as data:
            mask, size = data["mask"].astype(bool), int(data["size"])
            centre = (float(data["centre"][0]), float(data["centre"][1]))
            crop = float(data["crop"]) if "crop" in data else _largest_crop(mask.shape, centre)
            return Geometry(mask, centre, float(data["scale_max"]), size, crop)
    except (OSError, KeyError, ValueError) as error:
        raise SourceError(str(path), f"cannot be read ({error})", "Condense the data set again") from error


def _choose_centre(
    mean: NDArray, good: NDArray, n_frames: int, recipe: CondenseRecipe
) -> tuple[tuple[float, float], float | None]:
    if recipe.centre_row is None or recipe.centre_column is None:
        return find_centre(mean, good, n_frames)
    require_range("centre_row", recipe.centre_row, -0.5, mean.shape[0] - 0.5)
    require_range("centre_column", recipe.centre_column, -0.5, mean.shape[1] - 0.5)
    return (float(recipe.centre_row), float(recipe.centre_column)), None


def _hole(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> NDArray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2


def _largest_crop(shape: tuple[int, int], centre: tuple[float, float]) -> float:
    pairs = zip(centre, shape, strict=True)
    inside = 2 * min(min(position + 0.5, length - 0.5 - position) for position, length in pairs)
    return float(inside if inside >= _KEPT_SIDE * min(shape) else min(shape))


def _choose_scale(peak: NDArray, geometry: Geometry, percentile: float) -> float:
    """Take a percentile of the condensed maximum pattern: single pixels are averaged away there."""
    small = geometry.resampler.resample(peak[None])[0]
    top = float(np.percentile(small[geometry.small_mask], percentile))
    return top if np.isfinite(top) and top > 0 else 1.0
