"""Labels from CXI: the tags of a detector, and where its frames are from."""

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.audit import check_stored, hdf5_errors
from workers.science.io.file_labels import label_headings, read_plain_texts
from workers.science.io.guard import Guard
from workers.science.io.links import GuardedFile
from workers.science.label_files.told import MOST_CLASSES, MOST_ROWS, Told
from workers.science.labels_file import LabelsError

TAGS = tuple(f"/entry_1/instrument_1/detector_{number}/tags" for number in range(1, 5))
IDS = {"train_id": ("trainId", "trainID"), "pulse_id": ("pulseId", "pulseID")}


def read_cxi(path: Path, name: str) -> Told:
    """Read the tags of a CXI file; frames without one are passed over."""
    guard = Guard([str(path.parent)])
    try:
        with GuardedFile(guard, str(path)) as file:
            return _read(file, name)
    except SourceError as error:
        raise LabelsError(name, error.cause, error.remedy) from error


def _read(file: GuardedFile, name: str) -> Told:
    place = next((each for each in TAGS if _numbers(file, each) is not None), None)
    tags = _numbers(file, place) if place else None
    if tags is None or tags.ndim != 2 or not 0 < tags.shape[0] <= MOST_CLASSES or tags.shape[1] > MOST_ROWS:
        raise LabelsError(name, "holds no tags of a detector", "Choose a CXI file with tags and headings")
    matrix = tags.T > 0
    rows = np.flatnonzero(matrix.any(axis=1))
    if not len(rows):
        raise LabelsError(name, "has no tag that applies to a frame", "Choose another file")
    n_frames, headings = len(matrix), label_headings(file.locate(place).node, tags.shape[0])
    ids = {column: _column(file, names, n_frames) for column, names in IDS.items()}
    origin = _origin(file, n_frames)
    told = {column: values[rows] for column, values in ids.items() if values is not None}
    told |= {
        column: [values[row] for row in rows] for column, values in origin.items() if isinstance(values, list)
    }
    told |= {c: values[rows] for c, values in origin.items() if not isinstance(values, list)}
    if not told:
        told = {"number": rows}
    return Told("CXI tags", headings, matrix[rows], **told)


def _origin(file: GuardedFile, n_frames: int) -> dict[str, list[str] | NDArray[np.int64]]:
    """Return file, path and number of each frame, as our own files say them."""
    group = "/entry_1/origin_1"
    columns = {name: _column(file, (f"origin_1/{name}",), n_frames) for name in ("file", "path", "index")}
    if any(values is None for values in columns.values()):
        return {}
    files, paths = (read_plain_texts(file, f"{group}/{name}") for name in ("files", "paths"))
    return {
        "source": _named(files, columns["file"]),
        "path": _named(paths, columns["path"]),
        "source_index": columns["index"],
    }


def _named(texts: list[str], places: NDArray[np.int64]) -> list[str]:
    return [texts[place] if 0 <= place < len(texts) else "" for place in places.tolist()]


def _column(file: GuardedFile, names: tuple[str, ...], n_frames: int) -> NDArray[np.int64] | None:
    for name in names:
        values = _numbers(file, f"/entry_1/{name}")
        if values is not None and values.shape == (n_frames,) and values.dtype.kind in "iu":
            return values.astype(np.int64)
    return None


def _numbers(file: GuardedFile, path: str) -> NDArray | None:
    try:
        node = file.locate(path).node
        if not isinstance(node, h5py.Dataset) or node.is_virtual or node.size > MOST_ROWS * MOST_CLASSES:
            return None
        with hdf5_errors(file.subject(path)):
            check_stored(node, file.subject(path))
            return node[()]
    except SourceError:
        return None
