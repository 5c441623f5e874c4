"""Steps: plan how frames are condensed, condense them in parts, and put the parts together."""

import shutil
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io import open_source
from workers.science.io.plane_frames import PlaneFrames
from workers.science.io.tolerant import Unreadable, read_blocks
from workers.science.mask_files import load_patterns, read_drawn_mask
from workers.science.preprocess import (
    CondenseRecipe,
    Geometry,
    condense_frames,
    load_geometry,
    plan_geometry,
    save_geometry,
)
from workers.science.progress import Progress, silent

_COPIED_BYTES = 4 * 2**20
# small enough to stay near the processor between reading and condensing
_BLOCK_BYTES = 4 * 2**20
# frames whose bits lie apart are put together so many at once
_PIECE_BYTES = 2**20


def plan_condense(
    *,
    source: dict[str, Any],
    index_dir: str,
    recipe: dict[str, Any],
    drawn_mask: str | None = None,
    drawn_words: str = "",
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Find mask, beam centre and scale of a data set.

    Parameters
    ----------
    source : dict
        A source description.
    index_dir : str
        Folder written by `merge_index`.
    recipe : dict
        Settings of a `CondenseRecipe`.
    drawn_mask : str, optional
        Picture of the mask that the recipe names, white where masked.
    drawn_words : str, default=""
        Whose mask it is, and which.
    out : str
        Folder for ``geometry.npz`` and ``geometry.json``.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``centre`` (row, column), ``masked_share`` of the frame, ``scale_max`` in counts.

    Raises
    ------
    SourceError
        If the mask cannot be read, if a file has changed, or if no pixel is left.
    RecipeError
        If a setting is unknown or out of range.
    """
    settings = CondenseRecipe.from_dict(recipe)
    on_progress(0, 1, "plans", note="looking for the beam and for bad pixels")
    with open_source(source) as reader:
        file_mask = reader.read_mask()
    patterns = load_patterns(index_dir, source["n_frames"])
    drawn = read_drawn_mask(drawn_mask, drawn_words, settings.drawn_mask)
    geometry, found = plan_geometry(patterns, file_mask, settings, drawn)
    save_geometry(geometry, Path(out), {**found, "recipe": recipe})
    on_progress(1, 1, "plans")
    share = float(1 - geometry.mask.mean())
    return {"centre": list(geometry.centre), "masked_share": share, "scale_max": geometry.scale_max}


def condense_range(
    *,
    source: dict[str, Any],
    geometry_dir: str,
    recipe: dict[str, Any],
    start: int,
    stop: int,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Condense the frames of one range.

    Parameters
    ----------
    source : dict
        A source description.
    geometry_dir : str
        Folder written by `plan_condense`.
    recipe : dict
        The settings that the plan was made with.
    start, stop : int
        Half-open range of frames.
    out : str
        Folder for ``condensed.npy``, in which a frame that cannot be read is 0, and ``unreadable.json``.
    on_progress : Progress

    Returns
    -------
    result : dict
        Empty.

    Raises
    ------
    SourceError
        If the frames do not fit the geometry.
    RecipeError
        If a setting is unknown or out of range.
    """
    CondenseRecipe.from_dict(recipe)
    geometry, failed = load_geometry(geometry_dir), Unreadable()
    with open_source(source) as reader, (Path(out) / "condensed.npy").open("wb") as file:
        _write_header(file, stop - start, geometry.size)
        unread = np.zeros((1, geometry.size, geometry.size), np.uint8)
        # frames of another shape are left whole, for `condense_frames` to say so
        as_planes = (reader.height, reader.width) == geometry.mask.shape
        blocks = read_blocks(reader, start, stop, failed, block_bytes=_BLOCK_BYTES, as_planes=as_planes)
        for _, last, frames in blocks:
            file.write(unread.data if frames is None else _condense(frames, geometry).data)
            on_progress(last - start, stop - start)
    failed.save(out)
    return {}


def merge_condense(
    *, parts: list[str], geometry_dir: str, out: str, on_progress: Progress = silent
) -> dict[str, Any]:
    """Put the condensed parts together, one after the other.

    Parameters
    ----------
    parts : list of str
        Folders written by `condense_range`, in the order of their frames.
    geometry_dir : str
        Folder written by `plan_condense`; copied along.
    out : str
        Folder for ``condensed.npy``, ``geometry.npz`` and ``geometry.json``.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_frames`` and ``size``; ``n_unreadable``: frames that could not be read and are 0; ``causes``: why
        the first of them could not.

    Raises
    ------
    SourceError
        If the parts do not fit together, or if no frame could be read.
    """
    folder, failed = Path(out), Unreadable()
    for part in parts:
        failed.add_part(part)
    arrays = [np.load(Path(part) / "condensed.npy", mmap_mode="r", allow_pickle=False) for part in parts]
    n_frames, size = sum(len(array) for array in arrays), load_geometry(geometry_dir).size
    if any(array.shape[1:] != (size, size) for array in arrays):
        raise SourceError("Parts", "were condensed to different sizes", "Condense the data set again")
    if failed.n_frames == n_frames:
        cause = f"none of the {n_frames} frames can be read; the first: {failed.causes[0]}"
        raise SourceError("The data set", cause, "Check the files, or register them again")
    with (folder / "condensed.npy").open("wb") as file:
        _write_header(file, n_frames, size)
        for number, (part, array) in enumerate(zip(parts, arrays, strict=True)):
            _copy_frames(Path(part) / "condensed.npy", array.offset, file)
            on_progress(number + 1, len(parts), "parts")
    for name in ("geometry.npz", "geometry.json"):
        shutil.copyfile(Path(geometry_dir) / name, folder / name)
    return {"n_frames": n_frames, "size": size, "n_unreadable": failed.n_frames, "causes": failed.causes}


def _condense(frames: NDArray | PlaneFrames, geometry: Geometry) -> NDArray:
    """Condense frames; where their bits lie apart they are put together only a few at once."""
    if not isinstance(frames, PlaneFrames):
        return condense_frames(frames, geometry)
    step, shape = max(1, _PIECE_BYTES // frames.planes.shape[1]), geometry.mask.shape
    pieces = (frames.put_together(first, first + step) for first in range(0, len(frames), step))
    return np.concatenate([condense_frames(piece.reshape(-1, *shape), geometry) for piece in pieces])


def _copy_frames(path: Path, offset: int, target: BinaryIO) -> None:
    # copied as bytes, not through the memory map, whose pages would count as this process's memory
    with path.open("rb") as part:
        part.seek(offset)
        shutil.copyfileobj(part, target, _COPIED_BYTES)


def _write_header(file: object, n_frames: int, size: int) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (n_frames, size, size)}
    np.lib.format.write_array_header_1_0(file, header)
