"""Step: read a file of labels that somebody sent, and find the frames that it speaks of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from workers.science.label_files import lists, rows
from workers.science.label_files.cxi import read_cxi
from workers.science.label_files.recognise import read_index, recognise
from workers.science.label_files.told import Told
from workers.science.labels_file import LabelsError
from workers.science.progress import Progress, silent

NAMED = 5  # rows that were not found, of which a page tells
ENDINGS = "CSV, JSON Lines, Parquet, CXI, .lst, .dat, trains.json or a ZIP of thumbnails"


def read_label_file(
    *,
    labels: str,
    name: str,
    index_dir: str,
    known: list[str],
    everything: bool = False,
    class_name: str = "",
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Read labels of any format that can be downloaded here.

    Parameters
    ----------
    labels : str
        The file.
    name : str
        What it was called; its ending says the format.
    index_dir : str
        Folder with ``frames.parquet``.
    known : list of str
        Classes of the data set.
    everything : bool
        Take all classes of a manifest, also those that a network decided on; else those of people.
    class_name : str
        The class that a list without classes is of; else its name says it.
    out : str
        Folder for ``labels.npz``: `indices` int64 (m,) ascending, and `matrix` bool (m, k).
    on_progress : Progress

    Returns
    -------
    result : dict
        ``what`` the file is, ``by`` what frames were recognised, ``classes``, ``n_sets`` of them that differ,
        ``adds`` (whether other classes of a frame stay), ``n_rows``, ``n_found``, ``n_frames`` (that get a
        label), ``counts`` of the classes,
        ``missing``: a few rows that were not found, in words.

    Raises
    ------
    LabelsError
        If the file cannot be read, or speaks of no frame of the data set.
    """
    on_progress(0, 2, "steps", note="reading the file")
    index = read_index(Path(index_dir) / "frames.parquet")
    told = _read(Path(labels), name, len(index), known, everything, class_name)
    on_progress(1, 2, "steps", note="finding the frames")
    found = recognise(told, index)
    is_there = found.frames >= 0
    missing = [_words(told, row) for row in np.flatnonzero(~is_there)[:NAMED].tolist()]
    if not is_there.any():
        cause = f"speaks of {len(told.matrix)} frames, none of which is in this data set, first {missing[0]}"
        raise LabelsError(name, cause, "Choose the file of this data set")
    indices, places = np.unique(found.frames[is_there], return_inverse=True)
    matrix = np.zeros((len(indices), len(told.classes)), bool)
    np.logical_or.at(matrix, places.ravel(), told.matrix[is_there])
    np.savez(Path(out) / "labels.npz", indices=indices.astype(np.int64), matrix=matrix)
    return {
        "n_sets": len(np.unique(matrix, axis=0)),
        "what": told.what,
        "by": found.by,
        "classes": told.classes,
        "adds": told.adds,
        "n_rows": len(told.matrix),
        "n_found": int(is_there.sum()),
        "n_frames": len(indices),
        "counts": dict(zip(told.classes, matrix.sum(axis=0).tolist(), strict=True)),
        "missing": missing,
    }


def _read(path: Path, name: str, n_frames: int, known: list[str], everything: bool, of: str) -> Told:
    ending = Path(name).suffix.lower()
    readers: dict[str, Callable[[], Told]] = {
        ".csv": lambda: rows.read_csv(path, name, everything=everything),
        ".jsonl": lambda: rows.read_json_lines(path, name, everything=everything),
        ".ndjson": lambda: rows.read_json_lines(path, name, everything=everything),
        ".parquet": lambda: rows.read_parquet(path, name, everything=everything),
        ".json": lambda: rows.read_trains_json(path, name),
        ".cxi": lambda: read_cxi(path, name),
        ".h5": lambda: read_cxi(path, name),
        ".hdf5": lambda: read_cxi(path, name),
        ".lst": lambda: lists.read_crystfel(path, name, of or lists.class_of_file(name, known)),
        ".dat": lambda: lists.read_dragonfly(path, name, n_frames),
        ".txt": lambda: lists.read_dragonfly(path, name, n_frames),
        ".zip": lambda: lists.read_thumbnails(path, name, known),
    }
    if ending not in readers:
        raise LabelsError(name, "is in no format that labels are read from", f"Send {ENDINGS}")
    return readers[ending]()


def _words(told: Told, row: int) -> str:
    """Name a row by what is known of its frame."""
    if told.source is not None and told.source[row]:
        number = "" if told.source_index is None else f" {told.source_index[row]}"
        return f"{Path(told.source[row]).name}{number}"
    if told.train_id is not None and told.train_id[row] >= 0:
        pulse = "" if told.pulse_id is None or told.pulse_id[row] < 0 else f", pulse {told.pulse_id[row]}"
        return f"train {told.train_id[row]}{pulse}"
    return f"frame {told.number[row]}" if told.number is not None else f"row {row + 1}"
