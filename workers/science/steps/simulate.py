"""Make a data set whose classes are known: a CXI file of simulated frames, and their labels."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workers.science.errors import RecipeError
from workers.science.io.cxi_writer import CxiHeader, CxiWriter
from workers.science.progress import Progress, silent
from workers.science.shapes import CLASSES
from workers.science.simulate import Frame, Recipe, detector_mask, simulate_frames

LABEL_COLUMNS = (
    "index",
    "classes",
    "kind",
    "radius_nm",
    "wavelength_nm",
    "in_plane_angle_deg",
    "tilt_deg",
    "aspect",
    "photons",
    "centre_row",
    "centre_column",
)
_CHUNK = 32  # frames between two reports: about half a second
_MAX_FRAMES = 10_000_000


def simulate(
    *,
    n_frames: int,
    shape: Sequence[int],
    seed: int,
    mix: str = "balanced",
    out: str | Path,
    on_progress: Progress = silent,
    threads: int = 2,
) -> dict[str, Any]:
    """Simulate wide-angle diffraction of helium droplets into a CXI file.

    Parameters
    ----------
    n_frames : int
        How many frames, at least 1.
    shape : sequence of int
        Rows and columns of a frame.
    seed : int
        Not negative; the same seed, shape and mix give the same frames, however many are asked for.
    mix : str, default="balanced"
        "balanced" for equally many frames of each kind of particle, "real" for the mix of CXIDB 94.
    out : str or Path
        Empty folder for `simulated.cxi` and `labels.csv`.
    on_progress : Progress
        Told after each chunk of frames.
    threads : int, default=2
        Frames computed at a time.

    Returns
    -------
    result : dict
        ``{"n_frames": n}``.

    Raises
    ------
    RecipeError
        If a number is out of its range.
    """
    if not 1 <= n_frames <= _MAX_FRAMES:
        raise RecipeError("n_frames", f"{n_frames} frames", f"Ask for 1 to {_MAX_FRAMES} frames")
    if seed < 0:
        raise RecipeError("seed", f"{seed} is negative", "Give a whole number from 0 on")
    recipe, out = Recipe(shape=tuple(shape), mix=mix), Path(out)
    on_progress(0, n_frames, note="Simulating")
    labels_partial = out / ".labels.csv.partial"
    with (
        CxiWriter(out / "simulated.cxi", _header(recipe, seed, n_frames)) as cxi,
        labels_partial.open("w", newline="", encoding="utf-8") as labels,
    ):
        rows = csv.DictWriter(labels, LABEL_COLUMNS, lineterminator="\n")
        rows.writeheader()
        for frames in simulate_frames(recipe, seed, n_frames, chunk=_CHUNK, threads=threads):
            tags = np.array([[name in f.particle.classes for name in CLASSES] for f in frames], np.int8)
            cxi.append(
                np.stack([f.counts for f in frames]), tags, np.array([f.wavelength_nm for f in frames])
            )
            rows.writerows(_label_row(frame) for frame in frames)
            on_progress(frames[-1].index + 1, n_frames, note="Simulating")
    labels_partial.replace(out / "labels.csv")
    return {"n_frames": n_frames}


def _header(recipe: Recipe, seed: int, n_frames: int) -> CxiHeader:
    height, width = recipe.shape
    return CxiHeader(
        n_frames=n_frames,
        mask=detector_mask(recipe, seed),
        distance_m=recipe.distance_m,
        pixel_size_m=recipe.pixel_size_m,
        headings=CLASSES,
        title="SIMULATED wide-angle diffraction of single helium droplets",
        description=(
            "These frames are simulated, not measured: multi-slice Fourier transform, "
            f"mix {recipe.mix}, seed {seed}, {height} x {width} pixels, detector to "
            f"{recipe.max_angle_deg:g} degrees. The tags are the truth of the simulation."
        ),
        source_name="simulated free-electron laser",
    )


def _label_row(frame: Frame) -> dict[str, Any]:
    particle = frame.particle
    return {
        "index": frame.index,
        "classes": ";".join(particle.classes),
        "kind": particle.kind,
        "radius_nm": f"{particle.radius_nm:.2f}",
        "wavelength_nm": f"{frame.wavelength_nm:.3f}",
        "in_plane_angle_deg": f"{particle.in_plane_angle_deg:.2f}",
        "tilt_deg": f"{particle.tilt_deg:.2f}",
        "aspect": f"{particle.aspect:.3f}",
        "photons": f"{frame.photons:.0f}",
        "centre_row": f"{frame.centre[0]:.2f}",
        "centre_column": f"{frame.centre[1]:.2f}",
    }
