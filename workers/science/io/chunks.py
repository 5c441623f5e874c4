"""Read compressed frames around the filters of the HDF5 library, which take most of the time.

A chunk is read as it is stored and decoded by libdeflate or by LZ4 and bitshuffle straight into the block of
frames. This is done for a short list of layouts, in which the decoded size is known before and every size
that a stream claims is checked against it. With anything else the HDF5 library reads the block; also where a
chunk is not as it should be, so that it says what is wrong with it. A bitshuffle stream is the exception:
damaged ones have made its filter crash, so they are refused here.
"""

from collections.abc import Callable
from math import prod

import h5py
import imagecodecs
import numpy as np
from numpy.typing import NDArray

from workers.science.io.bitshuffle import DamagedStream, unpack_bitshuffle, unpack_planes
from workers.science.io.plane_frames import WORD, PlaneFrames
from workers.science.io.stored_chunks import OddChunk, StoredChunks

_DEFLATE, _SHUFFLE, _BITSHUFFLE = 1, 2, 32008
_LZ4 = 2  # of bitshuffle's own settings

_ODD = (OddChunk, OSError, RuntimeError, ValueError, TypeError, OverflowError)

Decoder = Callable[[NDArray, NDArray, NDArray, int], None]


class ChunkedFrames:
    """Read frames of one dataset, by its chunks where that is quicker.

    Parameters
    ----------
    dataset : h5py.Dataset
        A dataset that the audit accepted, of shape (n, h, w) or (n, module, y, x).
    """

    def __init__(self, dataset: h5py.Dataset) -> None:
        self.dataset = dataset
        self.decode = _choose_decoder(dataset)
        if self.decode is not None:
            # asked once: h5py asks the library each time, which takes as long as to decode a small chunk
            self.chunks, self.shape, self.dtype = dataset.chunks, dataset.shape, dataset.dtype
            self.span = self.chunks[0]
            chunk_bytes = prod(self.chunks) * self.dtype.itemsize
            self._stored = StoredChunks(dataset, chunk_bytes)
            self._work = np.empty(chunk_bytes, np.uint8)
            self._planes = np.empty((0, chunk_bytes), np.uint8)

    def expect(self, n_frames: int) -> None:
        """Prepare for so many frames, which will be asked for in pieces."""
        if self.decode is not None:
            self._stored.expect(n_frames // self.span)

    def read(self, start: int, stop: int) -> NDArray:
        """Read the frames ``[start, stop)``, in the shape and byte order of the file."""
        if self.decode is None:
            return self.dataset[start:stop]
        try:
            return self._read_chunks(start, stop)
        except DamagedStream:
            raise
        except _ODD:
            return self.dataset[start:stop]

    def read_planes(self, start: int, stop: int) -> PlaneFrames | None:
        """Read frames ``[start, stop)`` as bitshuffle has them, in memory that the next call uses again.

        None where `read` has to be asked instead.
        """
        if not self._has_planes():
            return None
        if len(self._planes) < stop - start:
            self._planes = np.empty((stop - start, len(self._work)), np.uint8)
        planes = self._planes[: stop - start]
        itemsize = self.dtype.itemsize
        try:
            pairs = zip(planes, self._stored.read(start, stop), strict=True)
            blocks = {unpack_planes(stored, row, itemsize) for row, stored in pairs}
        except _ODD:
            return None
        block = blocks.pop()
        return None if blocks or block % WORD else PlaneFrames(planes, block, self.dtype)

    def _has_planes(self) -> bool:
        """Whether each chunk is one frame of small counts, in whole words of each plane."""
        if self.decode is not unpack_bitshuffle or self.span != 1 or prod(self.chunks) % WORD:
            return False
        return self.dtype.isnative and self.dtype.kind == "u" and self.dtype.itemsize <= 2

    def _read_chunks(self, start: int, stop: int) -> NDArray:
        frames = np.empty((stop - start, *self.shape[1:]), self.dtype)
        firsts = range(start - start % self.span, stop, self.span)
        chunks = self._stored.read(start // self.span, -(-stop // self.span))
        for first, stored in zip(firsts, chunks, strict=True):
            low, high = max(first, start), min(first + self.span, stop)
            if high - low == self.span:
                self._decode(stored, frames[low - start : high - start])
            else:
                chunk = np.empty(self.chunks, self.dtype)
                self._decode(stored, chunk)
                frames[low - start : high - start] = chunk[low - first : high - first]
        return frames

    def _decode(self, stored: NDArray, frames: NDArray) -> None:
        self.decode(stored, frames.reshape(-1).view(np.uint8), self._work, self.dtype.itemsize)


def _choose_decoder(dataset: h5py.Dataset) -> Decoder | None:
    """Return what decodes a chunk of the dataset, None where the HDF5 library shall do it."""
    if dataset.is_virtual or dataset.chunks is None or dataset.ndim < 3 or dataset.dtype.kind not in "iuf":
        return None
    if dataset.chunks[1:] != dataset.shape[1:]:
        return None
    plist = dataset.id.get_create_plist()
    filters = [plist.get_filter(number) for number in range(plist.get_nfilters())]
    codes = [item[0] for item in filters]
    if codes == [_DEFLATE]:
        return _inflate
    itemsize = dataset.dtype.itemsize
    if codes == [_SHUFFLE, _DEFLATE]:
        return _inflate_shuffled if filters[0][2][:1] in ((), (itemsize,)) else None
    if codes == [_BITSHUFFLE]:
        settings = filters[0][2]
        is_known = len(settings) >= 5 and settings[2] == itemsize and settings[4] == _LZ4
        return unpack_bitshuffle if is_known and prod(dataset.chunks) % 8 == 0 else None
    return None


def _inflate(stored: NDArray, target: NDArray, work: NDArray, itemsize: int) -> None:
    # the stream ends with a checksum, which is compared
    found = imagecodecs.deflate_decode(stored, out=target)
    if len(found) != len(target):
        raise OddChunk


def _inflate_shuffled(stored: NDArray, target: NDArray, work: NDArray, itemsize: int) -> None:
    _inflate(stored, work, work, itemsize)
    planes, values = work.reshape(itemsize, -1), target.reshape(-1, itemsize)
    for byte in range(itemsize):
        values[:, byte] = planes[byte]
