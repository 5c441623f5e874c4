"""Measure frames whose bits lie in planes, as bitshuffle has them, or put their pixels together.

A piece is one block of one frame: for each bit, from the lowest, so many words of which each holds that bit
of 64 pixels. Sums and maxima over frames are kept in the same manner; they are added up and compared by
logic alone, 64 pixels at once and more.
"""

import numpy as np

from workers.science.compiled import compiled

SUM_BITS = 32
# What each byte of a value counts, by the bytes of a value.
FACTORS = {size: np.array([256**byte for byte in range(size)], f"<u{size}") for size in (1, 2, 4, 8)}


@compiled
def measure_planes(
    frames,
    n_bits,
    block,
    keep,
    is_whole,
    floor,
    totals,
    maxima,
    n_at_maximum,
    n_lit,
    sums,
    peak,
    depths,
    work,
):
    """Measure frames of unsigned integers, all of which are counts.

    Parameters
    ----------
    frames : ndarray of shape (m, n_bits * w), uint64
        Flattened frames, block by block; what does not count is set to 0 in them.
    n_bits : int
        Bits of a value, 8 or 16.
    block : int
        Words of a plane of a block; those of the last block may have fewer.
    keep : ndarray of shape (w,), uint64
        A bit is set where the pixel counts.
    is_whole : bool
        Whether all pixels count.
    floor : int
        A pixel is lit if it is larger.
    totals, maxima : ndarray of shape (m,), float64
    n_at_maximum, n_lit : ndarray of shape (m,), int64
        Results, to begin with 0.
    sums : ndarray of shape (32 * w,), uint64
    peak : ndarray of shape (n_bits * w,), uint64
        Patterns, in planes, to which the frames are added; at most 65 536 frames fit.
    depths : ndarray of shape (blocks,), int64
        Up to which plane the maxima of each block have bits; to begin with 0.
    work : ndarray of shape (2, at least block), uint64
        For use in here.
    """
    n_frames, n_words = frames.shape[0], len(keep)
    for low in range(0, n_words, block):
        n = min(block, n_words - low)
        kept, first, second = keep[low : low + n], work[0, :n], work[1, :n]
        summed = sums[SUM_BITS * low : SUM_BITS * (low + n)]
        highest = peak[n_bits * low : n_bits * (low + n)]
        for i in range(n_frames):
            piece = frames[i, n_bits * low : n_bits * (low + n)]
            if not is_whole:
                for bit in range(n_bits):
                    plane = piece[bit * n : (bit + 1) * n]
                    for w in range(n):
                        plane[w] &= kept[w]
            n_used, total = _total(piece, n)
            totals[i] += total
            n_lit[i] += _count_above(piece, n, n_used, floor, first, second)
            top, same = _find_top(piece, n, n_used, first, second)
            if top >= maxima[i]:
                n_at_maximum[i] = same + (n_at_maximum[i] if top == maxima[i] else 0)
                maxima[i] = top
            _add(piece, n, n_used, summed, first)
            depth = max(n_used, depths[low // block])
            _raise(piece, n, depth, highest, first, second)
            depths[low // block] = depth


@compiled
def _count_bits(words):
    """Return how many bits are set; the compiler sees what is meant."""
    found = np.uint64(0)
    for w in range(len(words)):
        x = words[w]
        x -= (x >> np.uint64(1)) & np.uint64(0x5555555555555555)
        x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
        x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        found += (x * np.uint64(0x0101010101010101)) >> np.uint64(56)
    return np.int64(found)


@compiled
def _total(piece, n):
    """Return how many planes there are up to the last that has a bit, and the sum of all values."""
    n_used, total = 0, 0
    for bit in range(len(piece) // n):
        found = _count_bits(piece[bit * n : (bit + 1) * n])
        total += found << bit
        if found > 0:
            n_used = bit + 1
    return n_used, total


@compiled
def _count_above(piece, n, n_used, floor, above, equal):
    """Count the values that are larger than `floor`."""
    if floor < 0:
        return 64 * n
    if floor >> n_used:
        return 0
    above[:] = 0
    equal[:] = ~np.uint64(0)
    for bit in range(n_used - 1, -1, -1):
        plane = piece[bit * n : (bit + 1) * n]
        if (floor >> bit) & 1:
            for w in range(n):
                equal[w] &= plane[w]
        else:
            for w in range(n):
                above[w] |= equal[w] & plane[w]
                equal[w] &= ~plane[w]
    return _count_bits(above)


@compiled
def _find_top(piece, n, n_used, largest, still):
    """Return the largest value, and how many have it: plane by plane, those that have the bit are left."""
    top = 0
    largest[:] = ~np.uint64(0)
    for bit in range(n_used - 1, -1, -1):
        plane, seen = piece[bit * n : (bit + 1) * n], np.uint64(0)
        for w in range(n):
            still[w] = largest[w] & plane[w]
            seen |= still[w]
        if seen != 0:
            top |= 1 << bit
            for w in range(n):
                largest[w] = still[w]
    return top, _count_bits(largest)


@compiled
def _add(piece, n, n_used, sums, carried):
    """Add values to sums as on paper, bit by bit."""
    carried[:] = 0
    for bit in range(n_used):
        plane, summed = piece[bit * n : (bit + 1) * n], sums[bit * n : (bit + 1) * n]
        for w in range(n):
            either = summed[w] ^ plane[w]
            both = summed[w] & plane[w]
            summed[w] = either ^ carried[w]
            carried[w] = both | (either & carried[w])
    for bit in range(n_used, SUM_BITS):
        summed, left = sums[bit * n : (bit + 1) * n], np.uint64(0)
        for w in range(n):
            both = summed[w] & carried[w]
            summed[w] ^= carried[w]
            carried[w] = both
            left |= both
        if left == 0:
            break


@compiled
def _raise(piece, n, depth, peak, raised, undecided):
    """Put values in the place of maxima that are smaller."""
    raised[:] = 0
    undecided[:] = ~np.uint64(0)
    for bit in range(depth - 1, -1, -1):
        plane, highest = piece[bit * n : (bit + 1) * n], peak[bit * n : (bit + 1) * n]
        for w in range(n):
            decided = (plane[w] ^ highest[w]) & undecided[w]
            raised[w] |= decided & plane[w]
            undecided[w] &= ~decided
    seen = np.uint64(0)
    for w in range(n):
        seen |= raised[w]
    if seen == 0:
        return
    for bit in range(depth):
        plane, highest = piece[bit * n : (bit + 1) * n], peak[bit * n : (bit + 1) * n]
        for w in range(n):
            highest[w] ^= (plane[w] ^ highest[w]) & raised[w]


@compiled
def undo_bitshuffle(frames, block, factors, words, octets, values):
    """Put values together from planes of their bits; planes without any bit, which counts have, cost little.

    Parameters
    ----------
    frames : ndarray of shape (m, n * itemsize), uint8
        For each block of values the plane of their lowest bits, then of the next, to the highest.
    block : int
        Values of a block, a multiple of 8; the last block may be shorter.
    factors : ndarray of shape (itemsize,), like `values`
        1, 256, ...
    words : ndarray of shape (at least block / 8,), uint64
        For use in here.
    octets : ndarray of shape (at least block,), uint8
        The same memory.
    values : ndarray of shape (m, n), unsigned
        Result.
    """
    n_bytes, n_values = len(factors), values.shape[1]
    for i in range(len(frames)):
        for low in range(0, n_values, block):
            n = min(block, n_values - low)
            piece = frames[i, low * n_bytes : (low + n) * n_bytes]
            _undo_block(piece, factors, words[: n // 8], octets[:n], values[i, low : low + n])


@compiled
def _undo_block(planes, factors, word, octet, here):
    """Put the values of one block together; see `undo_bitshuffle`."""
    n_groups, at = len(here) // 8, 0
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


@compiled
def add_plane_moments(frames, first, step, block, factors, work, keep, sums, squares, peak):
    """Add frames to what the variance of each pixel is taken from.

    Parameters
    ----------
    frames : ndarray of shape (m, p * itemsize), uint8
        Of unsigned integers of 8 or 16 bits, as `undo_bitshuffle` takes them.
    first, step : int
        The first frame that is added, and how many further the next one is.
    block, factors
        As for `undo_bitshuffle`.
    work : tuple of ndarray
        For use in here: `words` and `octets` as for `undo_bitshuffle`, and at least `block` values like
        `keep`.
    keep : ndarray of shape (p,)
        In the type of the pixels: all bits set where the pixel counts, else 0.
    sums, squares, peak : ndarray of shape (p,), uint32, uint64 and like `keep`
        Sum, sum of squares and maximum of each pixel.
    """
    n_bytes = len(factors)
    words, octets, values = work
    for low in range(0, len(keep), block):
        n = min(block, len(keep) - low)
        kept, summed, squared = keep[low : low + n], sums[low : low + n], squares[low : low + n]
        highest, here = peak[low : low + n], values[:n]
        for i in range(first, len(frames), step):
            piece = frames[i, low * n_bytes : (low + n) * n_bytes]
            _undo_block(piece, factors, words[: n // 8], octets[:n], here)
            for j in range(n):
                value = np.uint32(here[j] & kept[j])
                summed[j] = np.uint32(summed[j] + value)
                squared[j] += np.uint64(np.uint32(value * value))
                highest[j] = value if value > highest[j] else highest[j]
