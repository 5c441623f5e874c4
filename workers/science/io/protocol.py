"""What every reader of frames can do, whatever the format of its files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from workers.science.io.guard import Guard

BLOCK_BYTES = 48 * 2**20


@dataclass(frozen=True)
class FrameIds:
    """Who the frames of one range are; every field has one item a frame.

    Parameters
    ----------
    source, path : list of str
        File, and dataset inside it.
    source_index : ndarray of shape (m,), int64
        Index of the frame in that dataset.
    train_id, pulse_id, cell_id : numpy.ma.MaskedArray of shape (m,), int64
        Machine identifiers; masked where the file does not tell.
    """

    source: list[str]
    path: list[str]
    source_index: NDArray
    train_id: np.ma.MaskedArray
    pulse_id: np.ma.MaskedArray
    cell_id: np.ma.MaskedArray


class FrameReader(Protocol):
    """Read ranges of frames of one data set, in its order, as if it were one stack."""

    n_frames: int
    height: int
    width: int
    dtype: np.dtype

    def read(self, start: int, stop: int) -> NDArray:
        """Read the frames ``[start, stop)`` as an array of shape (m, height, width), native byte order."""

    def read_mask(self) -> NDArray | None:
        """Read the detector mask as bool (height, width), True = good, or None if the file has none."""

    def identify(self, start: int, stop: int) -> FrameIds:
        """Say where the frames ``[start, stop)`` come from."""

    def read_columns(self, start: int, stop: int) -> dict[str, NDArray]:
        """Read what the file knows of each frame besides its counts, such as the pulse energy.

        One array of shape (m,) float64 for each name in the description's ``columns``, NaN where unknown.
        """

    def read_labels(self, start: int, stop: int) -> NDArray | None:
        """Read the labels that the file holds, bool (m, k), k as in the description's ``label_names``."""

    def block_length(self, start: int, block_bytes: int) -> int:
        """Say how many frames from `start` on are best read at once, about `block_bytes` of them."""

    def close(self) -> None:
        """Close all files."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


class Format(Protocol):
    """A format: how its files are recognised, described and opened.

    Parameters
    ----------
    name : str
        Stands in a description as ``reader``.
    title : str
        For people, with the usual endings of the files: "NumPy (.npy, .npz)".
    words : str
        What a data set of it is called: "NumPy array". Stands in a description as ``format_words``, unless
        the format tells layouts apart that have words of their own.
    """

    name: str
    title: str
    words: str

    def recognises(self, head: bytes, path: str, guard: "Guard") -> bool:
        """Whether a file with these first bytes is of this format.

        Where bytes do not tell its name does, or a look into it through the guard.
        """

    def describe(self, guard: "Guard", sources: Sequence[str], dataset_path: str | None) -> dict[str, Any]:
        """Describe files as a source description, without the keys that `describe_source` adds.

        A file of several that cannot be read becomes an entry of ``states``; a `SourceError` is raised
        where nothing is left.
        """

    def open(self, description: dict[str, Any]) -> FrameReader:
        """Open what was described; each file is opened through a guard when it is first needed."""


def iterate_blocks(
    reader: FrameReader, start: int, stop: int, *, block_bytes: int = BLOCK_BYTES
) -> Iterator[tuple[int, NDArray]]:
    """Read a range block by block, so that memory stays flat however long the range is.

    Parameters
    ----------
    reader : FrameReader
        Where the frames come from.
    start, stop : int
        Half-open range of frames.
    block_bytes : int, default=48 MiB
        Rough size of a block in memory.

    Yields
    ------
    first : int
        Number of the first frame of the block.
    frames : ndarray of shape (m, height, width)
        The block.

    Raises
    ------
    SourceError
        If a frame cannot be read.
    """
    first = start
    while first < stop:
        last = min(stop, first + reader.block_length(first, block_bytes))
        yield first, reader.read(first, last)
        first = last
