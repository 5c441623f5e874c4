"""Unpack chunks that bitshuffle and LZ4 made smaller; a stream that is not as it should be is refused."""

from functools import cache

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from workers.science.compiled import compiled
from workers.science.plane_kernels import FACTORS, undo_bitshuffle

_HEADER = 12  # bytes: size of all, then of one block, big-endian
_MAX_BLOCK = 2**16


class DamagedStream(OSError):
    """A stream is damaged, and the HDF5 library had better not see it."""


def unpack_bitshuffle(stored: NDArray, target: NDArray, work: NDArray, itemsize: int) -> None:
    """Unpack one chunk.

    Parameters
    ----------
    stored : ndarray of shape (p,), uint8
        The chunk as the file has it.
    target : ndarray of shape (n,), uint8
        Result.
    work : ndarray of shape (n,), uint8
        Memory for the step between LZ4 and bitshuffle.
    itemsize : int
        Bytes of a value; there is a multiple of 8 values.

    Raises
    ------
    DamagedStream
        If the stream does not fill the result exactly.
    """
    block, factors = unpack_planes(stored, work, itemsize), FACTORS[itemsize]
    memory = _memory(block * itemsize)
    undo_bitshuffle(work[None], block, factors, *memory, target.view(factors.dtype)[None])


def unpack_planes(stored: NDArray, planes: NDArray, itemsize: int) -> int:
    """Undo LZ4 alone.

    Parameters
    ----------
    stored, itemsize
        As for `unpack_bitshuffle`.
    planes : ndarray of shape (n,), uint8
        Result: for each block of values the plane of their lowest bits, then of the next, to the highest.

    Returns
    -------
    block : int
        Values of a block.

    Raises
    ------
    DamagedStream
        If the stream does not fill the result exactly.
    """
    size = len(planes)
    block, longest = measure_stream(stored, size, itemsize)
    if block <= 0:
        raise DamagedStream("a chunk does not begin as a bitshuffle stream of its size")
    if longest <= 0:
        raise DamagedStream("a chunk holds other blocks than its bitshuffle stream says")
    try:
        if longest < block and longest < (size % block or block):
            n_found = len(imagecodecs.lz4h5_decode(stored, out=planes))
        else:
            n_found = _unpack_blocks(stored, planes, block)
    except (RuntimeError, ValueError) as error:  # imagecodecs' own errors are RuntimeErrors
        raise DamagedStream(f"a chunk cannot be decoded ({error})") from error
    if n_found != size:
        raise DamagedStream("a chunk is shorter than its bitshuffle stream says")
    return block // itemsize


def put_together(planes: NDArray, block: int, dtype: np.dtype) -> NDArray:
    """Put values together from planes of their bits.

    Parameters
    ----------
    planes : ndarray of shape (m, n * itemsize), uint8
        As from `unpack_planes`.
    block : int
        Values of a block.
    dtype : dtype
        Of the values, in the byte order of this machine.

    Returns
    -------
    values : ndarray of shape (m, n)
    """
    factors = FACTORS[dtype.itemsize]
    values = np.empty((len(planes), planes.shape[1] // dtype.itemsize), dtype)
    undo_bitshuffle(planes, block, factors, *_memory(block * dtype.itemsize), values.view(factors.dtype))
    return values


@cache
def _memory(block: int) -> tuple[NDArray, NDArray]:
    """Return memory for `undo_bitshuffle`, for this process to use again; at most `_MAX_BLOCK` bytes."""
    words = np.empty(block // 8, np.uint64)
    return words, words.view(np.uint8)


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


def load_bitshuffle(itemsize: int) -> None:
    """Load or compile the loops for values of so many bytes."""
    nothing, factors = np.zeros(64, np.uint8), FACTORS[itemsize]
    measure_stream(nothing, 64, itemsize)
    undo_bitshuffle(nothing[None, :0], 8, factors, *_memory(64), nothing[None, :0].view(factors.dtype))


@compiled
def measure_stream(stored, size, itemsize):
    """Return the bytes of a block, unpacked, and of the longest block, packed.

    Parameters
    ----------
    stored : ndarray of shape (p,), uint8
        The size of all and of a block, unpacked; LZ4 blocks, each behind its own length; all big-endian.
    size : int
        Bytes that all must have.
    itemsize : int
        Bytes of a value.

    Returns
    -------
    block : int
        0 if the sizes are not possible.
    longest : int
        0 if the blocks do not fill `size` bytes and `stored`.
    """
    if len(stored) < _HEADER:
        return 0, 0
    total, block = np.int64(0), np.int64(0)
    for at in range(8):
        total = total * 256 + np.int64(stored[at])
    for at in range(8, _HEADER):
        block = block * 256 + np.int64(stored[at])
    if total != size or block <= 0 or block > _MAX_BLOCK or block % (8 * itemsize) != 0:
        return 0, 0
    at, left, longest = _HEADER, size, 0
    while left > 0:
        if at + 4 > len(stored):
            return block, 0
        length = 0
        for byte in range(4):
            length = length * 256 + np.int64(stored[at + byte])
        if length <= 0:
            return block, 0
        longest = max(longest, length)
        at += 4 + length
        left -= block
    return block, (longest if at == len(stored) else 0)
