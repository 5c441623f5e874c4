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

from workers.science.kernels import find_longest_block

_DEFLATE, _SHUFFLE, _BITSHUFFLE = 1, 2, 32008
_LZ4 = 2  # of bitshuffle's own settings
_HEADER = 12  # bytes: size of all, then of one block, big-endian
_MAX_BLOCK = 2**16
# A chunk that compression made larger is left to the HDF5 library.
_ROOM = 4096


Decoder = Callable[[NDArray, NDArray, NDArray, int], None]


class _Surprise(Exception):
    """A chunk is not as it should be."""


class _Damaged(OSError):
    """A chunk is damaged, and the HDF5 library had better not see it."""


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
            self.span, self.behind = self.chunks[0], (0,) * (len(self.chunks) - 1)
            chunk_bytes = prod(self.chunks) * self.dtype.itemsize
            self._stored = np.empty(chunk_bytes + _ROOM, np.uint8)
            self._work = np.empty(chunk_bytes, np.uint8)

    def read(self, start: int, stop: int) -> NDArray:
        """Read the frames ``[start, stop)``, in the shape and byte order of the file."""
        if self.decode is None:
            return self.dataset[start:stop]
        try:
            return self._read_chunks(start, stop)
        except _Damaged:
            raise
        except (_Surprise, OSError, RuntimeError, ValueError, TypeError):
            return self.dataset[start:stop]

    def _read_chunks(self, start: int, stop: int) -> NDArray:
        frames = np.empty((stop - start, *self.shape[1:]), self.dtype)
        for first in range(start - start % self.span, stop, self.span):
            low, high = max(first, start), min(first + self.span, stop)
            if high - low == self.span:
                self._read_chunk(first, frames[low - start : high - start])
            else:
                chunk = np.empty(self.chunks, self.dtype)
                self._read_chunk(first, chunk)
                frames[low - start : high - start] = chunk[low - first : high - first]
        return frames

    def _read_chunk(self, first: int, frames: NDArray) -> None:
        mask, stored = self.dataset.id.read_direct_chunk((first, *self.behind), out=self._stored)
        if mask:
            raise _Surprise  # a filter was left out
        target = frames.reshape(-1).view(np.uint8)
        self.decode(np.asarray(stored), target, self._work, self.dtype.itemsize)


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
        return _unpack_bitshuffle if is_known and prod(dataset.chunks) % 8 == 0 else None
    return None


def _inflate(stored: NDArray, target: NDArray, work: NDArray, itemsize: int) -> None:
    # the stream ends with a checksum, which is compared
    found = imagecodecs.deflate_decode(stored, out=target)
    if len(found) != len(target):
        raise _Surprise


def _inflate_shuffled(stored: NDArray, target: NDArray, work: NDArray, itemsize: int) -> None:
    _inflate(stored, work, work, itemsize)
    planes, values = work.reshape(itemsize, -1), target.reshape(-1, itemsize)
    for byte in range(itemsize):
        values[:, byte] = planes[byte]


def _unpack_bitshuffle(stored: NDArray, target: NDArray, work: NDArray, itemsize: int) -> None:
    size = int.from_bytes(stored[:8].tobytes(), "big")
    block = int.from_bytes(stored[8:_HEADER].tobytes(), "big")
    if size != len(target) or not 0 < block <= _MAX_BLOCK or block % (8 * itemsize):
        raise _Damaged("a chunk does not begin as a bitshuffle stream of its size")
    longest = find_longest_block(stored, _HEADER, size, block)
    if longest < 0:
        raise _Damaged("a chunk holds other blocks than its bitshuffle stream says")
    try:
        if longest < block and longest < (size % block or block):
            found = imagecodecs.lz4h5_decode(stored, out=work)
            n_found = len(found)
        else:
            n_found = _unpack_blocks(stored, work, block)
    except (RuntimeError, ValueError) as error:  # imagecodecs' own errors are RuntimeErrors
        raise _Damaged(f"a chunk cannot be decoded ({error})") from error
    if n_found != size:
        raise _Damaged("a chunk is shorter than its bitshuffle stream says")
    kind = np.dtype(f"u{itemsize}")
    imagecodecs.bitshuffle_decode(work.view(kind), blocksize=block // itemsize, out=target.view(kind))


def _unpack_blocks(stored: NDArray, work: NDArray, block: int) -> int:
    """Decode block by block: one that did not become smaller looks to `lz4h5_decode` as if stored plain."""
    at, done = _HEADER, 0
    while done < len(work):
        length = int.from_bytes(stored[at : at + 4].tobytes(), "big")
        piece = work[done : done + block]
        if len(imagecodecs.lz4_decode(stored[at + 4 : at + 4 + length], out=piece)) != len(piece):
            break
        at, done = at + 4 + length, done + len(piece)
    return done
