"""The rows of a manifest as arrays: what lists of frames and CXI files are written from."""

import re
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workers.science.instrument import COLUMNS

SOURCE = "source_"
IDS = ("train_id", "pulse_id", "cell_id")


@dataclass(frozen=True)
class FrameList:
    """Frames in the order of the data set, each with where it is from and what classes it has.

    Parameters
    ----------
    index : ndarray of shape (m,), int64
        Numbers of the frames in the data set.
    source, path : ndarray of shape (m,), int32
        Places in `sources` and `paths`; -1 where the file could not say.
    sources, paths : list of str
        The files, and the datasets in them.
    source_index : ndarray of shape (m,), int64
        Number of the frame in its dataset; -1 where unknown.
    ids : dict of str to ndarray of shape (m,), int64
        Train, pulse and cell, -1 where unknown.
    decided : ndarray of shape (m, k), bool
        Classes of each frame.
    classes : list of str of length k
        Their names.
    scores : ndarray of shape (m, k), float32, optional
        What the network says of each class; NaN for classes that it does not know.
    instrument : dict of str to ndarray of shape (m,), float64
        Source columns about light and detector (`instrument.COLUMNS`); NaN where unknown.
    """

    index: NDArray[np.int64]
    source: NDArray[np.int32]
    path: NDArray[np.int32]
    sources: list[str]
    paths: list[str]
    source_index: NDArray[np.int64]
    ids: dict[str, NDArray[np.int64]]
    decided: NDArray[np.bool_]
    classes: list[str]
    scores: NDArray[np.float32] | None = None
    instrument: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: NDArray) -> "FrameList":
        """Return some of the rows, by number or by mask."""
        return FrameList(
            self.index[rows],
            self.source[rows],
            self.path[rows],
            self.sources,
            self.paths,
            self.source_index[rows],
            {name: column[rows] for name, column in self.ids.items()},
            self.decided[rows],
            self.classes,
            None if self.scores is None else self.scores[rows],
            {name: column[rows] for name, column in self.instrument.items()},
        )

    def by_class(self) -> list[tuple[str, str, NDArray[np.int64]]]:
        """Return name, stem of file names, and rows of each class that has a frame."""
        stems = file_stems(self.classes)
        found = [
            (name, stem, np.flatnonzero(column))
            for name, stem, column in zip(self.classes, stems, self.decided.T, strict=True)
        ]
        return [entry for entry in found if len(entry[2])]


@dataclass
class Collector:
    """Takes the blocks of a manifest on their way to its files, and keeps what a `FrameList` needs."""

    classes: list[str]
    _sources: dict[str, int] = field(default_factory=dict)
    _paths: dict[str, int] = field(default_factory=dict)
    _columns: dict[str, list[NDArray]] = field(default_factory=dict)

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Take the rows of one block."""
        taken = {"source": _codes(batch.column("source"), self._sources)}
        taken["path"] = _codes(batch.column("path"), self._paths)
        for name in ("index", "source_index", *IDS):
            taken[name] = _integers(batch.column(name))
        for name in COLUMNS:
            if f"{SOURCE}{name}" in batch.schema.names:
                column = batch.column(f"{SOURCE}{name}").cast(pa.float64())
                taken[f"{SOURCE}{name}"] = column.to_numpy(zero_copy_only=False)
        names = [f"p_{name}" for name in self.classes]
        if any(name in batch.schema.names for name in names):
            taken["scores"] = np.stack([_floats(batch, name) for name in names], axis=1)
        for name, values in taken.items():
            self._columns.setdefault(name, []).append(values)

    def frames(self, decided: NDArray[np.bool_]) -> FrameList:
        """Return all rows that were taken; `decided` are their classes."""
        columns = {name: np.concatenate(parts) for name, parts in self._columns.items()}
        return FrameList(
            columns["index"],
            columns["source"],
            columns["path"],
            list(self._sources),
            list(self._paths),
            columns["source_index"],
            {name: columns[name] for name in IDS},
            decided,
            self.classes,
            columns.get("scores"),
            {name: columns[f"{SOURCE}{name}"] for name in COLUMNS if f"{SOURCE}{name}" in columns},
        )


def file_stems(names: list[str]) -> list[str]:
    """Return for each name one that a file may have on any system; no two are alike."""
    stems: list[str] = []
    for name in names:
        stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "class"
        taken, number = {other.casefold() for other in stems}, 2
        unique = stem
        while unique.casefold() in taken:
            unique, number = f"{stem}-{number}", number + 1
        stems.append(unique)
    return stems


def _codes(column: pa.Array, known: dict[str, int]) -> NDArray[np.int32]:
    encoded = column.dictionary_encode()
    places = [known.setdefault(text, len(known)) for text in encoded.dictionary.to_pylist()]
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.array([*places, -1], np.int32)[indices]


def _integers(column: pa.Array) -> NDArray[np.int64]:
    return column.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)


def _floats(batch: pa.RecordBatch, name: str) -> NDArray[np.float32]:
    if name not in batch.schema.names:
        return np.full(len(batch), np.nan, np.float32)
    return batch.column(name).cast(pa.float32()).to_numpy(zero_copy_only=False).astype(np.float32)
