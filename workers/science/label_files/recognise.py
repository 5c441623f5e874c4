"""Find the frames again that a file of labels speaks of."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workers.science.label_files.told import Told

BY_PLACE = "source file, path and number in it"
BY_PULSE = "train and pulse"
BY_TRAIN = "train"
BY_NUMBER = "their number in the data set alone, which a new calibration may change"


@dataclass(frozen=True)
class Recognised:
    """The frame of each row, -1 where it was not found, and in words by what they were recognised."""

    frames: NDArray[np.int64]
    by: str


@dataclass(frozen=True)
class Index:
    """Who the frames of a data set are; codes of texts, and numbers, of shape (n,)."""

    sources: list[str]
    paths: list[str]
    source: NDArray[np.int64]
    path: NDArray[np.int64]
    source_index: NDArray[np.int64]
    train_id: NDArray[np.int64]
    pulse_id: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.source)


def read_index(path: Path) -> Index:
    """Read who the frames are from ``frames.parquet``."""
    table = pq.read_table(path, columns=["source", "path", "source_index", "train_id", "pulse_id"])
    codes = {}
    for name in ("source", "path"):
        column = table[name].combine_chunks().cast("string").dictionary_encode()
        column = column.combine_chunks() if hasattr(column, "chunks") else column
        places = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        codes[name] = column.dictionary.to_pylist(), places
    numbers = {
        name: table[name].combine_chunks().cast("int64").fill_null(-1).to_numpy(zero_copy_only=False)
        for name in ("source_index", "train_id", "pulse_id")
    }
    return Index(codes["source"][0], codes["path"][0], codes["source"][1], codes["path"][1], **numbers)


def recognise(told: Told, index: Index) -> Recognised:
    """Find frames by what is surest: where they lie, train and pulse, train alone, and last their number.

    The first of these that finds any frame counts for all, so that no row is matched by less than others.
    """
    for by, find in ((BY_PLACE, _by_place), (BY_PULSE, _by_pulse), (BY_TRAIN, _by_train)):
        frames = find(told, index)
        if frames is not None and (frames >= 0).any():
            return Recognised(frames, by)
    if told.number is not None:
        known = (told.number >= 0) & (told.number < len(index))
        return Recognised(np.where(known, told.number, -1), BY_NUMBER)
    return Recognised(np.full(len(told.matrix), -1), "")


def _by_place(told: Told, index: Index) -> NDArray[np.int64] | None:
    if told.source is None or told.source_index is None:
        return None
    source = _codes(told.source, _files(told.source, index.sources))
    paths = told.path or [""] * len(told.source)
    path = _codes(paths, _paths(set(paths), index.paths))
    number = np.where(told.source_index < 0, 0, told.source_index)
    wanted = _keys(source, path, number, index)
    known = (source >= 0) & (path > -2) & (index.source_index.max(initial=0) >= number)
    if (path == -1).any():  # the file does not say the path: it has to follow from the file and the number
        wanted, ours = (
            _keys(source, path * 0, number, index),
            _keys(index.source, index.path * 0, None, index),
        )
    else:
        ours = _keys(index.source, index.path, None, index)
    return _find(wanted, ours, known)


def _keys(source: NDArray, path: NDArray, number: NDArray | None, index: Index) -> NDArray[np.int64]:
    most = int(index.source_index.max(initial=0)) + 2
    number = index.source_index if number is None else np.minimum(number, most - 1)
    return (source * (len(index.paths) + 1) + path) * most + number


def _files(told: list[str], ours: list[str]) -> dict[str, int]:
    """Return which of our files each name means: the same path, else the only one of that name."""
    whole = {text: code for code, text in enumerate(ours)}
    names = [PurePosixPath(text).name for text in ours]
    by_name = (
        {name: code for code, name in enumerate(names) if names.count(name) == 1}
        if len(names) < 20_000
        else {}
    )
    return {text: whole.get(text, by_name.get(PurePosixPath(text).name, -1)) for text in set(told)}


def _paths(told: set[str], ours: list[str]) -> dict[str, int]:
    """Return which of our paths each means: -1 if the file does not say it, -2 if it is none of ours.

    What stands between percent signs is what CrystFEL puts into the path of its geometry file.
    """
    whole = {text: code for code, text in enumerate(ours)}
    parts: dict[str, int] = {}
    for code, text in enumerate(ours if any(text.startswith("%") for text in told) else ()):
        for piece in set(text.split("/")):
            for part in {piece, piece[len(piece.rstrip("0123456789")) :]}:
                parts[part] = -1 if part in parts else code
    return {
        text: -1 if not text else parts.get(text[1:-1], -1) if text[0] == "%" else whole.get(text, -2)
        for text in told
    }


def _by_pulse(told: Told, index: Index) -> NDArray[np.int64] | None:
    if told.train_id is None or told.pulse_id is None or (index.pulse_id < 0).any():
        return None
    most = int(index.pulse_id.max(initial=0)) + 1
    wanted = told.train_id * most + told.pulse_id
    known = (told.train_id >= 0) & (told.pulse_id >= 0) & (told.pulse_id < most)
    return _find(wanted, index.train_id * most + index.pulse_id, known)


def _by_train(told: Told, index: Index) -> NDArray[np.int64] | None:
    if told.train_id is None or (index.train_id < 0).any():
        return None
    known = told.train_id >= 0
    if told.pulse_id is not None:
        known &= told.pulse_id < 0
    return _find(told.train_id, index.train_id, known)


def _find(wanted: NDArray, ours: NDArray, known: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """Return where each key stands among ours; None where ours do not tell frames apart."""
    order = np.argsort(ours, kind="stable")
    ordered = ours[order]
    if len(ordered) == 0 or (ordered[1:] == ordered[:-1]).any():
        return None
    at = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return np.where(known & (ordered[at] == wanted), order[at], -1)


def _codes(texts: list[str], places: dict[str, int]) -> NDArray[np.int64]:
    return np.array([places[text] for text in texts], np.int64)
