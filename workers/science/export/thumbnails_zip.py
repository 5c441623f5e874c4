"""Thumbnails in a folder for each class, as one ZIP archive."""

import csv
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.science.export.frame_list import FrameList, file_stems
from workers.science.thumbnails import INFERNO

UNSORTED = "no class"
TABLE = "frames.csv"
_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP can say: two writings are the same
_REPORT = 256


def write_thumbnails(
    path: Path, frames: FrameList, condensed: NDArray[np.uint8], on_frames: Callable[[int], None]
) -> dict[str, str]:
    """Write a PNG of each frame into the folder of each of its classes, and who they are as ``frames.csv``.

    Parameters
    ----------
    path : Path
        The archive.
    frames : FrameList
        The rows of the manifest.
    condensed : ndarray of shape (n, s, s), uint8
        The condensed frames of the data set; may be a memory map.
    on_frames : callable
        Called with the number of frames that are written.

    Returns
    -------
    words : dict of str to str
        What is in the file, by its name.
    """
    folders = file_stems(frames.classes)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, TABLE, _table(frames, folders))
        for row, index in enumerate(frames.index.tolist()):
            picture = _png(condensed[index])
            meant = [folder for folder, is_in in zip(folders, frames.decided[row], strict=True) if is_in]
            for folder in meant or [UNSORTED]:
                _add(archive, f"{folder}/{index:07d}.png", picture)
            if row % _REPORT == 0:
                on_frames(row)
    return {path.name: f"Thumbnails of {len(frames)} frames in a folder for each class, and frames.csv."}


def _table(frames: FrameList, folders: list[str]) -> bytes:
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(["picture", "folder", "class", "source", "path", "source_index", "train_id", "pulse_id"])
    sources, paths = [*frames.sources, ""], [*frames.paths, ""]
    for row, index in enumerate(frames.index.tolist()):
        ids = [int(frames.ids[name][row]) for name in ("train_id", "pulse_id")]
        place = [sources[frames.source[row]], paths[frames.path[row]], int(frames.source_index[row]), *ids]
        told = ["" if value == -1 else value for value in place]
        classes = np.flatnonzero(frames.decided[row]).tolist()
        for column in classes or [None]:
            names = [UNSORTED, ""] if column is None else [folders[column], frames.classes[column]]
            rows.writerow([f"{index:07d}.png", *names, *told])
    return text.getvalue().encode()


def _png(levels: NDArray[np.uint8]) -> bytes:
    picture = Image.fromarray(np.ascontiguousarray(levels), "P")
    picture.putpalette(INFERNO.tobytes())
    data = io.BytesIO()
    picture.save(data, "PNG", compress_level=1)
    return data.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _TIME)
    info.external_attr = 0o644 << 16
    archive.writestr(info, data)
