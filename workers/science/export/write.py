"""All files of a manifest, written in one go: the rows once, then what is made of the list of frames."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import RecipeError, SourceError
from workers.science.export import crystfel, dragonfly_lists, thumbnails_zip, train_lists
from workers.science.export.cxi import CxiSource, mask_of, write_copy, write_virtual
from workers.science.export.frame_list import Collector, FrameList
from workers.science.export.tables import TABLES, write_tables
from workers.science.manifest import ManifestTable
from workers.science.progress import Progress

LISTS = ("cxi", "cxi-classes", "cxi-copy", "crystfel", "dragonfly", "trains", "thumbnails")
FORMATS = (*TABLES, *LISTS)
DEFAULT_FORMATS = ("csv", "parquet")
TABLE_WORDS = {
    "csv": "One row a frame; text that a spreadsheet would run has an apostrophe in front.",
    "jsonl": "One JSON object a frame.",
    "parquet": "One row a frame, with types.",
}
_SPARE = 0.02  # of the disk, which a copy leaves free


@dataclass(frozen=True)
class Makings:
    """What files are made of besides the rows.

    Parameters
    ----------
    source : dict, optional
        The source description; CXI and CrystFEL lists need it.
    condensed : Path, optional
        Folder of condensed frames; thumbnails need it, and CXI takes its mask from there.
    title : str
        Of the data set.
    """

    source: dict[str, Any] | None = None
    condensed: Path | None = None
    title: str = ""


def write_files(
    table: ManifestTable, out: Path, formats: tuple[str, ...], makings: Makings, on_progress: Progress
) -> tuple[list[str], dict[str, str]]:
    """Write the files of all `formats`.

    Parameters
    ----------
    table : ManifestTable
        The rows.
    out : Path
        An existing, empty folder.
    formats : tuple of str
        Of `FORMATS`.
    makings : Makings
        What else is needed.
    on_progress : Progress

    Returns
    -------
    columns : list of str
        Of the tables.
    words : dict of str to str
        What is in each file, by its name.

    Raises
    ------
    RecipeError
        If a format does not apply to this data set.
    SourceError
        If frames cannot be found or read.
    """
    if missing := [name for name in LISTS if name in formats and makings.source is None]:
        raise RecipeError(f"Format {missing[0]}", "the source is not known", "Ask for the manifest again")
    if "cxi-copy" in formats:
        _check_room(out, table.n_frames, makings.source)
    wanted = [name for name in LISTS if name in formats]
    collector = Collector(table.class_names) if wanted else None

    def on_block(done: int) -> None:
        on_progress(done, table.n_frames, "frames", note="writing the rows")

    columns = write_tables(table, out, on_block, formats, collector)
    words = {TABLES[name]: TABLE_WORDS[name] for name in formats if name in TABLES}
    if collector is not None:
        frames = collector.frames(table.decided)
        for name in wanted:
            on_progress(0, len(frames), "frames", note=f"writing {name}")
            words |= _WRITERS[name](out, frames, table.n_indexed, makings, on_progress)
    return columns, words


def copy_bytes(n_frames: int, source: dict[str, Any]) -> int:
    """Return how large the copies of frames are at most: as they are, not compressed."""
    return n_frames * source["height"] * source["width"] * np.dtype(source["dtype"]).itemsize


def _check_room(out: Path, n_frames: int, source: dict[str, Any]) -> None:
    needed, disk = copy_bytes(n_frames, source), shutil.disk_usage(out)
    if needed > disk.free - _SPARE * disk.total:
        cause = f"needs up to {needed / 1e9:.1f} GB, and {disk.free / 1e9:.1f} GB of the disk are free"
        raise RecipeError("Copy of the frames", cause, "Choose fewer frames, or CXI that points at the files")


def _cxi_source(makings: Makings) -> CxiSource:
    mask = None
    if makings.condensed is not None and (path := makings.condensed / "geometry.npz").exists():
        with np.load(path, allow_pickle=False) as geometry:
            if "reasons" in geometry:
                mask = mask_of(geometry["reasons"])
    return CxiSource(makings.source, mask, makings.title)


def _cxi(out: Path, frames: FrameList, n: int, makings: Makings, on_progress: Progress) -> dict[str, str]:
    return {"frames.cxi": write_virtual(out / "frames.cxi", frames, _cxi_source(makings))}


def _cxi_classes(
    out: Path, frames: FrameList, n: int, makings: Makings, on_progress: Progress
) -> dict[str, str]:
    source, words = _cxi_source(makings), {}
    for place, (name, stem, rows) in enumerate(groups := frames.by_class()):
        on_progress(place, len(groups), "classes", note="writing CXI")
        told = write_virtual(out / f"class-{stem}.cxi", frames.take(rows), source)
        words[f"class-{stem}.cxi"] = f"{name}: {told}"
    if not words:
        raise RecipeError("CXI by class", "no frame has a class", "Sort or label first")
    return words


def _cxi_copy(
    out: Path, frames: FrameList, n: int, makings: Makings, on_progress: Progress
) -> dict[str, str]:
    report = _reporter(on_progress, len(frames), "copying frames")
    return {"copy.cxi": write_copy(out / "copy.cxi", frames, _cxi_source(makings), report)}


def _crystfel(
    out: Path, frames: FrameList, n: int, makings: Makings, on_progress: Progress
) -> dict[str, str]:
    return crystfel.write_lists(out, frames, makings.source)


def _dragonfly(
    out: Path, frames: FrameList, n: int, makings: Makings, on_progress: Progress
) -> dict[str, str]:
    return dragonfly_lists.write_lists(out, frames, n)


def _trains(out: Path, frames: FrameList, n: int, makings: Makings, on_progress: Progress) -> dict[str, str]:
    return train_lists.write_lists(out, frames)


def _thumbnails(
    out: Path, frames: FrameList, n: int, makings: Makings, on_progress: Progress
) -> dict[str, str]:
    condensed = _open_condensed(makings, n)
    report = _reporter(on_progress, len(frames), "drawing thumbnails")
    return thumbnails_zip.write_thumbnails(out / "thumbnails.zip", frames, condensed, report)


def _open_condensed(makings: Makings, n_frames: int) -> NDArray[np.uint8]:
    if makings.condensed is None:
        raise RecipeError("Thumbnails", "the frames are not condensed yet", "Sort this data set first")
    condensed = np.load(makings.condensed / "condensed.npy", mmap_mode="r", allow_pickle=False)
    if len(condensed) != n_frames:
        cause = f"{len(condensed)} condensed frames do not fit the index, which has {n_frames}"
        raise SourceError("Thumbnails", cause, "Sort this data set again")
    return condensed


def _reporter(on_progress: Progress, total: int, note: str) -> Callable[[int], None]:
    return lambda done: on_progress(done, total, "frames", note=note)


_WRITERS = {
    "cxi": _cxi,
    "cxi-classes": _cxi_classes,
    "cxi-copy": _cxi_copy,
    "crystfel": _crystfel,
    "dragonfly": _dragonfly,
    "trains": _trains,
    "thumbnails": _thumbnails,
}
