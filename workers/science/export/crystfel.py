"""Lists of frames for CrystFEL: one line a frame, the file and, in HDF5, which event of it."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from workers.science.errors import RecipeError
from workers.science.export.frame_list import FrameList
from workers.science.io.source import relocate

READERS = ("hdf5", "cbf")  # formats whose frames CrystFEL reads where they lie


def write_lists(out: Path, frames: FrameList, source: dict[str, Any]) -> dict[str, str]:
    """Write ``frames.lst`` with all frames and one list for each class.

    An event is written as CrystFEL has it: what stands for ``%`` in the path, ``//`` and the number of the
    frame in its dataset; the number is absent where the dataset is one frame.

    Returns
    -------
    words : dict of str to str
        What is in each file, by its name.
    """
    if source.get("reader", "hdf5") not in READERS:
        cause = "CrystFEL does not read such files where they lie"
        raise RecipeError("CrystFEL lists", cause, "Leave them out, or list the frames of a copy as CXI")
    lines, template = event_lines(frames, source)
    known = np.flatnonzero(frames.source >= 0)
    words = {"frames.lst": _words(len(known), len(frames), template)}
    _write(out / "frames.lst", lines, known)
    for name, stem, rows in frames.by_class():
        rows = rows[frames.source[rows] >= 0]
        _write(out / f"class-{stem}.lst", lines, rows)
        words[f"class-{stem}.lst"] = f"CrystFEL list of the {len(rows)} frames of {name}."
    return words


def event_lines(frames: FrameList, source: dict[str, Any]) -> tuple[np.ndarray, str]:
    """Return a line for each frame, and the path of the frames with ``%`` where it differs among them."""
    names = relocate({"files": [], "names": frames.sources}, _moved(source))["names"]
    files = np.array([*names, ""], object)[frames.source]
    if source.get("reader") == "cbf":
        return files, ""
    head, tail = _common(frames.paths)
    parts = [path[len(head) : len(path) - len(tail)] if head or tail else "" for path in frames.paths]
    is_one = len(frames.paths) == 1
    events = np.array(["" if is_one else part for part in parts] + [""], object)[frames.path]
    numbers = frames.source_index.astype(str).astype(object)
    singles = _single_paths(source)
    if singles is True:
        numbers = np.full(len(frames), "", object)
    template = frames.paths[0] if is_one else f"{head}%{tail}"
    return files + " " + events + "//" + numbers, template


def _single_paths(source: dict[str, Any]) -> bool:
    """Whether each dataset is one frame, so that events have no number."""
    return all("entries" in segment for segment in source["segments"])


def _common(paths: list[str]) -> tuple[str, str]:
    """Return what all paths begin and end with, up to whole numbers."""
    if len(paths) < 2:
        return "", ""
    first, last = min(paths), max(paths)
    length = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    head = re.sub(r"\d+$", "", first[:length])
    ends = [path[len(head) :][::-1] for path in paths]
    first, last = min(ends), max(ends)
    length = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    tail = re.sub(r"^\d+", "", first[:length][::-1])
    return head, tail


def _moved(source: dict[str, Any]) -> dict[str, Any]:
    moved = source.get("moved") or {}
    return {**moved, "files": moved.get("files", {}), "roots": moved.get("roots", [])} if moved else {}


def _words(n_known: int, n_frames: int, template: str) -> str:
    words = f"CrystFEL list of {n_known} frames."
    if n_known < n_frames:
        words += f" {n_frames - n_known} frames whose file could not be read are left out."
    return f"{words} In the geometry file: data = {template}" if template else words


def _write(path: Path, lines: np.ndarray, rows: np.ndarray) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines[rows])
