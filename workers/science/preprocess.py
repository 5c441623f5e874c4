"""Condense frames: centred on the beam, masked, scaled down, stretched; the same offline and live."""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.beam_centre import find_centre
from workers.science.condense_recipe import CondenseRecipe
from workers.science.errors import SourceError
from workers.science.mask_reasons import REASONS, DrawnMask, Patterns, count_reasons, find_reasons
from workers.science.recipe import require_range
from workers.science.resample import Resampler
from workers.science.scale import DEFAULT, level_thresholds

# The cut-out stays inside the frame unless that would lose more than a quarter of the shorter side.
_KEPT_SIDE = 0.75


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
    scale : {"log", "sqrt", "none"}
        How counts become brightness.
    reasons : ndarray of shape (h, w), uint8, optional
        Why pixels are masked, bits of `mask_reasons.REASONS`.
    """

    mask: NDArray
    centre: tuple[float, float]
    scale_max: float
    size: int
    crop: float
    scale: str = DEFAULT
    reasons: NDArray | None = None

    @cached_property
    def resampler(self) -> Resampler:
        """The weights that condense a frame; made once."""
        return Resampler(mask=self.mask, centre=self.centre, side=self.crop, size=self.size)

    @cached_property
    def thresholds(self) -> NDArray:
        """Counts from which each level begins (see `scale.level_thresholds`)."""
        return level_thresholds(self.scale, self.scale_max)

    @property
    def small_mask(self) -> NDArray:
        """Mask of a condensed frame, bool (size, size), True = good."""
        return self.resampler.small_mask


def plan_geometry(
    patterns: Patterns, file_mask: NDArray | None, recipe: CondenseRecipe, drawn: DrawnMask | None = None
) -> tuple[Geometry, dict[str, Any]]:
    """Find mask, beam centre and scale from the patterns of a data set.

    Parameters
    ----------
    patterns : Patterns
        Mean, maximum and variance of each pixel.
    file_mask : ndarray of shape (h, w), bool, or None
        True = good.
    recipe : CondenseRecipe
        What to look for.
    drawn : DrawnMask, optional
        The mask that the recipe names.

    Returns
    -------
    geometry : Geometry
        For every frame of this detector.
    found : dict
        For people: pixels masked by each reason, how well the pattern is symmetric about the centre, and
        what was done about each step of the recipe, in words.

    Raises
    ------
    RecipeError
        If the given centre is outside the frame, or the recipe leaves too few pixels.
    SourceError
        If no pixel is left, or a mask has another shape than the frames.
    """
    reasons, done = find_reasons(patterns, file_mask, drawn, recipe)
    centre, symmetry = _choose_centre(patterns, reasons == 0, recipe)
    done.append(_centre_words(centre, symmetry))
    if recipe.hole_radius:
        hole = _hole(reasons.shape, centre, recipe.hole_radius)
        reasons[hole] |= REASONS["hole"]
        done.append(f"hole about the beam, radius {recipe.hole_radius:g} px: {int(hole.sum()):,} px")
    good = reasons == 0
    size, crop = recipe.fit_size(float(recipe.crop or _largest_crop(good.shape, centre)))
    geometry = Geometry(good, centre, 1.0, size, crop, recipe.scale, reasons)
    if not geometry.small_mask.any():
        raise SourceError(
            "Mask", "leaves no pixel of the frames", "Choose another mask dataset, or switch it off"
        )
    scale_max = recipe.scale_max or _choose_scale(
        np.nan_to_num(patterns.peak), geometry, recipe.scale_percentile
    )
    geometry = replace(geometry, scale_max=float(scale_max))
    done += _size_words(geometry, recipe)
    counts = count_reasons(reasons)
    found = {
        "masked_by": counts,
        "masked_by_file": counts["file"] + counts["empty"],
        "dead": counts["dead"],
        "hot": counts["hot"],
        "noisy": counts["noisy"],
        "symmetry": symmetry,
        "done": done,
    }
    return geometry, found


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
        The levels of the mean counts (see `scale.to_levels`); 0 where masked.

    Raises
    ------
    SourceError
        If the frames do not have the shape of the mask.
    """
    if frames.shape[1:] != geometry.mask.shape:
        cause = f"are {frames.shape[1:]} pixels, the geometry is for {geometry.mask.shape}"
        raise SourceError("Frames", cause, "Use a network that learned from frames of this detector")
    return geometry.resampler.resample_levels(frames, geometry.thresholds)


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
        scale=np.str_(geometry.scale),
        **({} if geometry.reasons is None else {"reasons": geometry.reasons}),
    )
    height, width = geometry.mask.shape
    summary = {
        "height": height,
        "width": width,
        "centre": list(geometry.centre),
        "crop": geometry.crop,
        "size": geometry.size,
        "scale": geometry.scale,
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
            scale = str(data["scale"]) if "scale" in data else DEFAULT
            reasons = data.get("reasons")
            return Geometry(mask, centre, float(data["scale_max"]), size, crop, scale, reasons)
    except (OSError, KeyError, ValueError) as error:
        raise SourceError(str(path), f"cannot be read ({error})", "Condense the data set again") from error


def _choose_centre(
    patterns: Patterns, good: NDArray, recipe: CondenseRecipe
) -> tuple[tuple[float, float], float | None]:
    if recipe.centre_row is None or recipe.centre_column is None:
        return find_centre(patterns.mean, good & np.isfinite(patterns.mean), patterns.n_frames)
    height, width = good.shape
    require_range("centre_row", recipe.centre_row, -0.5, height - 0.5)
    require_range("centre_column", recipe.centre_column, -0.5, width - 0.5)
    return (float(recipe.centre_row), float(recipe.centre_column)), None


def _centre_words(centre: tuple[float, float], symmetry: float | None) -> str:
    place = f"({centre[0]:.1f}, {centre[1]:.1f})"
    if symmetry is None:
        return f"beam centre given: {place}"
    if symmetry == 0:
        return f"beam centre: the middle of the frame, {place}, as the mean pattern shows no symmetry"
    return f"beam centre found by symmetry: {place}, correlation {symmetry:.2f}"


def _size_words(geometry: Geometry, recipe: CondenseRecipe) -> list[str]:
    row, column = geometry.centre
    a_side = f"{geometry.size} × {geometry.size} px"
    if recipe.bin is None:
        shrunk = f"size {a_side}, {geometry.crop / geometry.size:.3g} detector pixels a side of each"
    else:
        shrunk = f"bin {recipe.bin} × {recipe.bin}: {a_side}"
    chosen = "given" if recipe.scale_max else f"percentile {recipe.scale_percentile:g} of the maximum pattern"
    return [
        f"crop {geometry.crop:g} px about ({row:.1f}, {column:.1f})",
        shrunk,
        f"scale {geometry.scale}, 255 = {geometry.scale_max:,.4g} counts, {chosen}",
    ]


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
