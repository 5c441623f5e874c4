"""Unpack chunks that bitshuffle and LZ4 made smaller; a stream that is not as it should be is refused."""

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from workers.science.compiled import compiled

_HEADER = 12  # bytes: size of all, then of one block, big-endian
_MAX_BLOCK = 2**16
_FACTORS = {
    np.dtype(f"<u{size}"): np.array([256**byte for byte in range(size)], f"<u{size}") for size in (1, 2, 4, 8)
}


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
    size = int.from_bytes(stored[:8].tobytes(), "big")
    block = int.from_bytes(stored[8:_HEADER].tobytes(), "big")
    if size != len(target) or not 0 < block <= _MAX_BLOCK or block % (8 * itemsize):
        raise DamagedStream("a chunk does not begin as a bitshuffle stream of its size")
    longest = find_longest_block(stored, _HEADER, size, block)
    if longest < 0:
        raise DamagedStream("a chunk holds other blocks than its bitshuffle stream says")
    try:
        if longest < block and longest < (size % block or block):
            n_found = len(imagecodecs.lz4h5_decode(stored, out=work))
        else:
            n_found = _unpack_blocks(stored, work, block)
    except (RuntimeError, ValueError) as error:  # imagecodecs' own errors are RuntimeErrors
        raise DamagedStream(f"a chunk cannot be decoded ({error})") from error
    if n_found != size:
        raise DamagedStream("a chunk is shorter than its bitshuffle stream says")
    words = np.empty(block // (8 * itemsize), np.uint64)
    kind = np.dtype(f"<u{itemsize}")
    undo_bitshuffle(work, block // itemsize, _FACTORS[kind], words, words.view(np.uint8), target.view(kind))


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
    nothing, kind = np.zeros(16, np.uint8), np.dtype(f"<u{itemsize}")
    find_longest_block(nothing, _HEADER, 64, 64)
    words = np.zeros(1, np.uint64)
    undo_bitshuffle(nothing[:0], 8, _FACTORS[kind], words, words.view(np.uint8), nothing[:0].view(kind))


@compiled
def find_longest_block(stored, start, size, block):
    """Return the length of the longest packed block; -1 if the blocks do not fill `size` bytes and `stored`.

    Parameters
    ----------
    stored : ndarray of shape (p,), uint8
        LZ4 blocks, each behind its own length.
    start : int
        Where the first block's length stands, 4 bytes, big-endian.
    size, block : int
        Bytes of all blocks and of one, unpacked.
    """
    at, left, longest = start, size, 0
    while left > 0:
        if at + 4 > len(stored):
            return -1
        length = 0
        for byte in range(4):
            length = length * 256 + np.int64(stored[at + byte])
        if length <= 0:
            return -1
        longest = max(longest, length)
        at += 4 + length
        left -= block
    return longest if at == len(stored) else -1


@compiled
def undo_bitshuffle(planes, block, factors, words, octets, values):
    """Put values together from planes of their bits; planes without any bit, which counts have, cost little.

    Parameters
    ----------
    planes : ndarray of shape (n * itemsize,), uint8
        For each block of values the plane of their lowest bits, then of the next, to the highest.
    block : int
        Values of a block, a multiple of 8; the last block may be shorter.
    factors : ndarray of shape (itemsize,), like `values`
        1, 256, ...
    words : ndarray of shape (block / 8,), uint64
        For use in here.
    octets : ndarray of shape (block,), uint8
        The same memory.
    values : ndarray of shape (n,), unsigned
        Result.
    """
    for low in range(0, len(values), block):
        here = values[low : low + block]
        n_groups = len(here) // 8
        word, octet = words[:n_groups], octets[: len(here)]
        at = low * len(factors)
        for byte in range(len(factors)):
            has_bits = False
            for bit in range(8):
                plane = planes[at : at + n_groups]
                at += n_groups
                seen = np.uint8(0)
                for g in range(n_groups):
                    seen |= plane[g]
                if seen == 0:
                    continue
                shift = np.uint64(8 * bit)
                if has_bits:
                    for g in range(n_groups):
                        word[g] |= np.uint64(plane[g]) << shift
                else:
                    for g in range(n_groups):
                        word[g] = np.uint64(plane[g]) << shift
                has_bits = True
            if not has_bits:
                if byte == 0:
                    here[:] = 0
                continue
            # each word is a square of 8 by 8 bits, turned by swapping ever larger parts of it
            for g in range(n_groups):
                square = word[g]
                part = (square ^ (square >> np.uint64(7))) & np.uint64(0x00AA00AA00AA00AA)
                square ^= part ^ (part << np.uint64(7))
                part = (square ^ (square >> np.uint64(14))) & np.uint64(0x0000CCCC0000CCCC)
                square ^= part ^ (part << np.uint64(14))
                part = (square ^ (square >> np.uint64(28))) & np.uint64(0x00000000F0F0F0F0)
                word[g] = square ^ part ^ (part << np.uint64(28))
            if byte == 0:
                for i in range(len(here)):
                    here[i] = octet[i]
            else:
                factor = factors[byte]
                for i in range(len(here)):
                    here[i] += octet[i] * factor
