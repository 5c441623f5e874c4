"""Where in which HDF5 files frames lie, so that a virtual dataset can point at them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.audit import hdf5_errors
from workers.science.io.euxfel_reader import EuxfelReader
from workers.science.io.guard import Guard
from workers.science.io.layout import locate_frames
from workers.science.io.links import GuardedFile, Located
from workers.science.io.source import relocate

BLOCK = 4096  # frames of a run whose modules are looked up at a time
READERS = ("hdf5", "euxfel")


@dataclass(frozen=True)
class Piece:
    """Rows of one dataset, and which of the frames they are.

    Parameters
    ----------
    file, path : str
        Real path of the file, and path of the dataset in it.
    shape, dtype
        Of that dataset.
    rows : ndarray of shape (m,), int64
        Along its first axis; [-1] stands for the whole of a dataset that is one frame.
    targets : ndarray of shape (m,), int64
        Places among the frames that were asked for.
    module : int, optional
        Which module of the detector it is, where each lies in a file of its own.
    """

    file: str
    path: str
    shape: tuple[int, ...]
    dtype: np.dtype
    rows: NDArray[np.int64]
    targets: NDArray[np.int64]
    module: int | None = None

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of what one row has of a frame, of the first gain channel of raw data."""
        inner = self.shape if self.rows[0] < 0 else self.shape[1:]
        has_gain = self.module is not None and len(self.shape) == 4
        return inner[1:] if has_gain else (inner[0], *inner[2:]) if len(inner) == 4 else inner

    def box(self, row: int, length: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return start and size of a hyperslab of the dataset, from `row` on."""
        if row < 0:
            return (0,) * len(self.shape), self.shape
        rest = list(self.shape[1:])
        if self.module is not None and len(self.shape) == 4:
            rest[0] = 1
        elif len(self.shape) == 5:
            rest[1] = 1
        return (row, *(0 for _ in rest)), (length, *rest)


def can_point_at(source: dict[str, Any]) -> bool:
    """Whether a virtual dataset can point at the frames of a source description: only at HDF5."""
    return source.get("reader", "hdf5") in READERS


def find_pieces(
    source: dict[str, Any], frames: NDArray[np.int64], lost: list[SourceError] | None = None
) -> Iterator[Piece]:
    """Say where frames lie.

    Parameters
    ----------
    source : dict
        A source description; what has moved is looked for where it is now.
    frames : ndarray of shape (m,), int64
        Numbers of frames, ascending.
    lost : list of SourceError, optional
        Gets what is wrong with files that are passed over; without, the first such error is raised.

    Yields
    ------
    piece : Piece
        Of each dataset that has some of the frames.

    Raises
    ------
    SourceError
        If the frames do not lie in HDF5 files, or if a file is missing or has changed.
    """
    if not can_point_at(source):
        words = source.get("format_words", source.get("reader"))
        cause = f"is no HDF5 but of the format “{words}”, and a virtual dataset points at HDF5 only"
        raise SourceError(source["files"][0]["path"], cause, "Ask for a copy of the frames instead")
    source = relocate(source, source.get("moved") or {})
    if source.get("reader") == "euxfel":
        yield from _of_run(source, frames)
    else:
        yield from _of_stacks(source, frames, lost)


def _of_stacks(
    source: dict[str, Any], frames: NDArray[np.int64], lost: list[SourceError] | None
) -> Iterator[Piece]:
    guard = Guard(source["roots"], {item["path"]: item["fingerprint"] for item in source["files"]})
    segments = source["segments"]
    starts = [0, *accumulate(segment["n_frames"] for segment in segments)]
    file: GuardedFile | None = None
    try:
        for segment, first in zip(segments, starts, strict=False):
            lo, hi = np.searchsorted(frames, [first, first + segment["n_frames"]])
            if lo == hi:
                continue
            try:
                if file is None or file.path != segment["file"]:
                    if file is not None:
                        file.close()
                    file = None
                    file = GuardedFile(guard, segment["file"])
                yield from _of_segment(file, segment, frames[lo:hi] - first, np.arange(lo, hi), lost)
            except SourceError as error:
                _pass_over(error, lost)
    finally:
        if file is not None:
            file.close()


def _pass_over(error: SourceError, lost: list[SourceError] | None) -> None:
    if lost is None:
        raise error
    lost.append(error)


def _of_segment(
    file: GuardedFile,
    segment: dict[str, Any],
    rows: NDArray[np.int64],
    targets: NDArray[np.int64],
    lost: list[SourceError] | None,
) -> Iterator[Piece]:
    if "entries" not in segment:
        yield from _resolve(locate_frames(file, segment["path"]), rows, targets)
        return
    for row, target in zip(rows.tolist(), targets.tolist(), strict=True):
        path = segment["path"].replace("{entry}", str(segment["entries"][row]))
        try:
            yield from _resolve(locate_frames(file, path), np.zeros(1, np.int64), np.array([target]))
        except SourceError as error:
            _pass_over(error, lost)


def _resolve(located: Located, rows: NDArray[np.int64], targets: NDArray[np.int64]) -> Iterator[Piece]:
    """Yield where rows of a dataset are stored: a virtual one that only joins others is looked through."""
    node = located.node
    if node.ndim == 2:
        rows = np.full(len(rows), -1)
    joined = _joined(located) if node.is_virtual and node.ndim > 2 else None
    if joined is None:
        yield Piece(located.file.opened.real_path, node.name, node.shape, node.dtype, rows, targets)
        return
    left = np.ones(len(rows), bool)
    for start, length, piece, first in joined:
        here = left & (rows >= start) & (rows < start + length)
        left &= ~here
        if here.any():
            yield Piece(
                piece.file, piece.path, piece.shape, piece.dtype, rows[here] - start + first, targets[here]
            )
    if left.any():
        cause = "is a virtual dataset in which some frames come from nowhere"
        raise SourceError(located.file.subject(located.path), cause, "Leave them out, or ask for a copy")


def _joined(located: Located) -> list[tuple[int, int, Piece, int]] | None:
    """Return rows, their number, dataset and first row in it of what a virtual dataset joins; None if it
    does anything else than to put whole frames of others one after the other.
    """
    found, node = [], located.node
    with hdf5_errors(located.file.subject(located.path)):
        for source in node.virtual_sources():
            file = located.file if source.file_name == "." else located.file.open_beside(source.file_name)
            there = file.locate(source.dset_name).node
            spaces = [_rows_of(source.vspace, node.shape), _rows_of(source.src_space, there.shape)]
            if None in spaces or there.shape[1:] != node.shape[1:] or spaces[0][1] != spaces[1][1]:
                return None
            none = np.zeros(0, np.int64)
            piece = Piece(file.opened.real_path, there.name, there.shape, there.dtype, none, none)
            found.append((*spaces[0], piece, spaces[1][0]))
    return found


def _rows_of(space: h5py.h5s.SpaceID, shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Return first row and number of rows of a selection of whole rows that follow each other."""
    if space.get_select_type() == h5py.h5s.SEL_ALL:
        return 0, shape[0]
    if space.get_select_type() != h5py.h5s.SEL_HYPERSLABS or not space.is_regular_hyperslab():
        return None
    low, high = space.get_select_bounds()
    if any(low[1:]) or any(end + 1 != side for end, side in zip(high[1:], shape[1:], strict=True)):
        return None
    length = high[0] - low[0] + 1
    is_whole = space.get_select_npoints() == length * int(np.prod(shape[1:]))
    return (int(low[0]), int(length)) if is_whole else None


def _of_run(source: dict[str, Any], frames: NDArray[np.int64]) -> Iterator[Piece]:
    """Yield the rows of each module, block by block of the run."""
    with EuxfelReader(source) as reader:
        is_modular = source["n_modules"] > 1
        for start in range(0, source["n_frames"], BLOCK):
            stop = min(source["n_frames"], start + BLOCK)
            lo, hi = np.searchsorted(frames, [start, stop])
            if lo == hi:
                continue
            place = np.full(stop - start, -1)
            place[frames[lo:hi] - start] = np.arange(lo, hi)
            for segment, members, rows in reader.gather(start, stop):
                meant = place[members] >= 0
                if not meant.any():
                    continue
                module = reader.open_module(segment)
                yield Piece(
                    module.real_path,
                    module.data_path,
                    module.images.shape,
                    module.images.dtype,
                    rows[meant],
                    place[members][meant],
                    segment["module"] if is_modular else None,
                )
