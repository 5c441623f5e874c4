"""Find the frames of one index again in another: the same shots, perhaps calibrated anew.

The number of a frame in its file does not survive a new calibration, which may leave shots out or order
them anew. So the machine's identifiers decide where they tell frames apart, and the place in the file only
where there are none.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

# The first of these that tells all frames apart, in both indices, is used.
KEYS = (
    ("train_id", "pulse_id"),
    ("train_id", "cell_id"),
    ("train_id",),
)
WORDS = {
    ("train_id", "pulse_id"): "train and pulse",
    ("train_id", "cell_id"): "train and cell",
    ("train_id",): "train or bunch",
}
BY_PLACE = "place in the file"


@dataclass(frozen=True)
class Matches:
    """Which frames are the same.

    Attributes
    ----------
    old, new : ndarray of shape (m,), int64
        Numbers of the same frames in the two data sets, ascending in `old`.
    by : str
        What they were recognised by, in words; empty if nothing tells.
    """

    old: NDArray[np.int64]
    new: NDArray[np.int64]
    by: str


def match_frames(old_index: Path, new_index: Path) -> Matches:
    """Match the frames of two indices.

    Parameters
    ----------
    old_index, new_index : Path
        ``frames.parquet`` of two data sets.

    Returns
    -------
    matches : Matches
        Empty if no identifier tells the frames apart, and the files do not hold the same numbers of frames.
    """
    for names in KEYS:
        old, new = (_read_keys(path, names) for path in (old_index, new_index))
        if old is not None and new is not None:
            return Matches(*_join(old, new), WORDS[names])
    old, new = (_frames_by_file(path) for path in (old_index, new_index))
    if old == new:
        numbers = np.arange(sum(old), dtype=np.int64)
        return Matches(numbers, numbers, BY_PLACE)
    nothing = np.zeros(0, np.int64)
    return Matches(nothing, nothing, "")


def _read_keys(path: Path, names: tuple[str, ...]) -> NDArray | None:
    """Return one key a frame, as bytes that compare equal; None if some are unknown or not unique."""
    table = pq.read_table(path, columns=list(names))
    if len(table) == 0 or any(table[name].null_count for name in names):
        return None
    columns = [table[name].to_numpy() for name in names]
    keys = np.ascontiguousarray(np.stack(columns, axis=1)).view(np.dtype((np.void, 8 * len(names)))).ravel()
    return keys if len(np.unique(keys)) == len(keys) else None


def _join(old: NDArray, new: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    _, in_old, in_new = np.intersect1d(old, new, assume_unique=True, return_indices=True)
    order = np.argsort(in_old)
    return in_old[order].astype(np.int64), in_new[order].astype(np.int64)


def _frames_by_file(path: Path) -> list[int]:
    """Return how many frames each file holds, in the order of the data set."""
    # Frames that could not be identified name no file; they count as one.
    named = pc.fill_null(pq.read_table(path, columns=["source"])["source"].combine_chunks(), "")
    source = pc.dictionary_encode(named)
    if isinstance(source, pa.ChunkedArray):
        source = source.combine_chunks()
    return np.bincount(source.indices.to_numpy(), minlength=len(source.dictionary)).tolist()
