"""One virtual HDF5 dataset of frames that stay where they are."""

from collections.abc import Iterable, Iterator

import h5py
import numpy as np
from numpy.typing import NDArray

from workers.science.io.places import Piece

MOST_STRETCHES = 64  # in one mapping


def create_virtual(
    group: h5py.Group, name: str, n_frames: int, pieces: Iterable[Piece], n_modules: int, dtype: np.dtype
) -> h5py.Dataset:
    """Create a dataset that points at frames of other files.

    Parameters
    ----------
    group, name
        Where it is created.
    n_frames : int
        Its length.
    pieces : iterable of Piece
        Where the frames lie; what no piece has is NaN, or 0 where the values are integers.
    n_modules : int
        Number of modules that lie in datasets of their own; 0 where frames are whole.
    dtype : numpy.dtype
        Of the values.

    Returns
    -------
    dataset : h5py.Dataset
        Of shape (n, y, x), or (n, module, y, x).
    """
    pieces = list(pieces)
    inner = pieces[0].frame_shape
    shape = (n_frames, n_modules, *inner) if n_modules else (n_frames, *inner)
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_obj_track_times(False)
    plist.set_fill_value(np.array(np.nan if dtype.kind == "f" else 0, dtype))
    target = h5py.h5s.create_simple(shape)
    for piece in pieces:
        source = h5py.h5s.create_simple(piece.shape)
        names = _escaped(piece.file), _escaped(piece.path)
        for stretches in _groups(runs(piece.rows, piece.targets)):
            source.select_none()
            target.select_none()
            for row, place, length in stretches:
                source.select_hyperslab(*piece.box(row, length), op=h5py.h5s.SELECT_OR)
                target.select_hyperslab(*_box(piece, place, length, n_modules), op=h5py.h5s.SELECT_OR)
            plist.set_virtual(target, *names, source)
    space = h5py.h5s.create_simple(shape)
    h5py.h5d.create(group.id, name.encode(), h5py.h5t.py_create(dtype), space, plist)
    return group[name]


def _box(piece: Piece, place: int, length: int, n_modules: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return start and size of what a stretch of a piece is in the virtual dataset."""
    inner = piece.frame_shape
    if n_modules:
        return (place, piece.module, 0, 0), (length, 1, *inner)
    return (place, *(0,) * len(inner)), (length, *inner)


def _groups(stretches: list[tuple[int, int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    """Yield stretches that one mapping can hold: some, in which rows and targets only go up.

    A mapping costs kilobytes and a stretch in it some bytes, but the time for one goes with their square.
    """
    group: list[tuple[int, int, int]] = []
    for stretch in stretches:
        goes_back = group and (stretch[0] <= group[-1][0] or stretch[1] <= group[-1][1])
        if goes_back or len(group) == MOST_STRETCHES:
            yield group
            group = []
        group.append(stretch)
    if group:
        yield group


def runs(rows: NDArray[np.int64], targets: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Return first row, first target and length of each stretch in which both count up by one."""
    ends = (np.diff(rows) != 1) | (np.diff(targets) != 1)
    starts = np.flatnonzero(np.r_[True, ends])
    lengths = np.diff(np.r_[starts, len(rows)])
    return list(zip(rows[starts].tolist(), targets[starts].tolist(), lengths.tolist(), strict=True))


def _escaped(text: str) -> bytes:
    """Return a name as the HDF5 library takes it for itself and not for a pattern."""
    return text.replace("%", "%%").encode()
