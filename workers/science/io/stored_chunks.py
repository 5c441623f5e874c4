"""Read chunks as the file has them, neighbours at once: one call of the system for many small frames."""

import os
from array import array
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

# As much at once as stays near the processor until it is decoded.
_TOGETHER = 256 * 2**10
# What may lie between two chunks that are read at once.
_GAP = 4096
# A chunk that compression made larger is left to the HDF5 library.
_ROOM = 4096
# Places are looked up, all at once, when more than one chunk of so many has been asked for.
_WORTHWHILE = 8


class OddChunk(Exception):
    """A chunk is not as it should be."""


class StoredChunks:
    """Read chunks of one dataset.

    Parameters
    ----------
    dataset : h5py.Dataset
        In chunks of whole frames.
    chunk_bytes : int
        Size of a chunk, unpacked.
    """

    def __init__(self, dataset: h5py.Dataset, chunk_bytes: int) -> None:
        self._id, self._span, self._n_behind = dataset.id, dataset.chunks[0], dataset.ndim - 1
        self._most = chunk_bytes + _ROOM
        self._memory = np.empty(max(_TOGETHER, self._most), np.uint8)
        self._n_chunks = -(-dataset.shape[0] // self._span)
        self._n_read = 0
        self._descriptor = _find_descriptor(dataset.file)
        self._places: tuple[array, array] | None = None

    def expect(self, n_chunks: int) -> None:
        """Take so many chunks as asked for: who knows this before has the places looked up at once."""
        self._n_read = max(self._n_read, n_chunks)

    def read(self, first: int, last: int) -> Iterator[NDArray]:
        """Yield chunks ``[first, last)``, each uint8 (p,) and valid until the next is asked for.

        Raises
        ------
        OddChunk
            If a chunk was never written, is too large, or if a filter was left out.
        """
        self._n_read += last - first
        # to look up one place takes the library as long as to go through many
        if self._descriptor is None or self._n_read * _WORTHWHILE < self._n_chunks:
            yield from map(self._read_one, range(first, last))
            return
        if self._places is None:
            descriptor, self._descriptor = self._descriptor, None  # not again where this fails
            self._places, self._descriptor = self._locate_all(), descriptor
        if not self._id.valid:
            raise OddChunk  # the file has been closed, and its descriptor may be another's
        begins, ends = (list(numbers[first:last]) for numbers in self._places)
        at = 0
        while at < len(begins):
            after = self._count_together(begins, ends, at)
            begin = begins[at]
            memory = self._memory[: ends[after - 1] - begin]
            if os.preadv(self._descriptor, [memory], begin) != len(memory):
                raise OddChunk
            for low, high in zip(begins[at:after], ends[at:after], strict=True):
                yield memory[low - begin : high - begin]
            at = after

    def _count_together(self, begins: list[int], ends: list[int], at: int) -> int:
        """Return up to where chunks lie side by side."""
        after = at
        while after < len(begins):
            if not 0 < ends[after] - begins[after] <= self._most:
                raise OddChunk
            is_near = after == at or 0 <= begins[after] - ends[after - 1] <= _GAP
            if not is_near or ends[after] - begins[at] > len(self._memory):
                break
            after += 1
        return after

    def _locate_all(self) -> tuple[array, array]:
        """Return where each chunk begins and ends in the file; both 0 if it has to be left to the library."""
        begins, ends = (array("q", bytes(8 * self._n_chunks)) for _ in range(2))

        def note(info: Any) -> None:
            number = info.chunk_offset[0] // self._span
            if not info.filter_mask and info.byte_offset is not None and 0 <= number < self._n_chunks:
                begins[number], ends[number] = info.byte_offset, info.byte_offset + info.size

        self._id.chunk_iter(note)
        return begins, ends

    def _read_one(self, number: int) -> NDArray:
        corner = (number * self._span, *(0,) * self._n_behind)
        mask, stored = self._id.read_direct_chunk(corner, out=self._memory)
        if mask:
            raise OddChunk
        # not as an array of its own: its type would have to be looked into anew at each call of a loop
        return self._memory[: len(stored)]


def _find_descriptor(file: h5py.File) -> int | None:
    """Return the descriptor of a file in which a chunk lies where the library says, None where it may not."""
    if file.driver != "sec2" or file.userblock_size or file.swmr_mode:
        return None
    return file.id.get_vfd_handle()
