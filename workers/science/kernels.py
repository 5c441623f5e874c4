"""Loops over frames that touch each pixel once, compiled: what a frame holds, and its condensed form.

Frames go in as they lie in the file. Loops run over pieces of all frames of a block, outside, and over the
frames, inside, so that what is kept for each pixel stays in the processor's cache.
"""

import numpy as np

from workers.science.compiled import compiled

_PIECE = 4096  # pixels; 16-bit counts of so many add up to less than 2^32


@compiled
def measure_small_counts(frames, keep, floor, totals, maxima, n_at_maximum, n_lit, sums, peak):
    """Measure frames of unsigned integers of 8 or 16 bits, all of which are counts.

    Parameters
    ----------
    frames : ndarray of shape (m, p), uint8 or uint16
        Flattened frames.
    keep : ndarray of shape (p,), like `frames`
        All bits set where the pixel counts, else 0.
    floor : int
        A pixel is lit if it is larger.
    totals, maxima : ndarray of shape (m,), float64
    n_at_maximum, n_lit : ndarray of shape (m,), int64
        Results, to begin with 0.
    sums : ndarray of shape (p,), uint32
    peak : ndarray of shape (p,), like `frames`
        Patterns to which the frames are added; at most 65 536 frames fit.
    """
    n_frames, n_pixels = frames.shape
    for low in range(0, n_pixels, _PIECE):
        kept, summed, highest = keep[low : low + _PIECE], sums[low : low + _PIECE], peak[low : low + _PIECE]
        for i in range(n_frames):
            piece = frames[i, low : low + _PIECE]  # counted from 0, else nothing runs on several lanes
            total, lit, top = np.uint32(0), np.uint32(0), np.uint16(0)
            for j in range(len(piece)):
                value = np.uint16(piece[j] & kept[j])
                total = np.uint32(total + value)
                lit = np.uint32(lit + np.uint32(value > floor))
                top = value if value > top else top
                summed[j] = np.uint32(summed[j] + value)
                highest[j] = value if value > highest[j] else highest[j]
            totals[i] += total
            n_lit[i] += lit
            if top >= maxima[i]:
                same = np.uint32(0)
                for j in range(len(piece)):
                    same = np.uint32(same + np.uint32(np.uint16(piece[j] & kept[j]) == top))
                n_at_maximum[i] = same + (n_at_maximum[i] if top == maxima[i] else 0)
                maxima[i] = top


@compiled
def add_small_moments(frames, first, step, keep, sums, squares, peak):
    """Add frames of unsigned integers of 8 or 16 bits to what the variance of each pixel is taken from.

    Parameters
    ----------
    frames, keep
        As in `measure_small_counts`.
    first, step : int
        The first frame that is added, and how many further the next one is.
    sums, squares, peak : ndarray of shape (p,), uint32, uint64 and like `frames`
        Sum, sum of squares and maximum of each pixel.
    """
    n_frames, n_pixels = frames.shape
    for low in range(0, n_pixels, _PIECE):
        kept, summed, highest = keep[low : low + _PIECE], sums[low : low + _PIECE], peak[low : low + _PIECE]
        squared = squares[low : low + _PIECE]
        for i in range(first, n_frames, step):
            piece = frames[i, low : low + _PIECE]
            for j in range(len(piece)):
                value = np.uint32(piece[j] & kept[j])
                summed[j] = np.uint32(summed[j] + value)
                squared[j] += np.uint64(np.uint32(value * value))
                highest[j] = value if value > highest[j] else highest[j]


@compiled
def measure_values(
    frames, good, low, high, floor, totals, maxima, n_at_maximum, n_lit, n_used, sums, peak, n_valid
):
    """Measure frames of any number type; what is not above `low` and below `high` is left out.

    Parameters
    ----------
    frames : ndarray of shape (m, p)
        Flattened frames.
    good : ndarray of shape (p,), uint8
        1 = the pixel counts.
    low, high : float
        Bounds of what is a count, themselves outside (see `resample.count_bounds`).
    floor : float
        A pixel is lit if it is larger.
    totals, maxima : ndarray of shape (m,), float64
        Results, to begin with 0 and -inf.
    n_at_maximum, n_lit, n_used : ndarray of shape (m,), int64
        Results, to begin with 0.
    sums, peak : ndarray of shape (p,), float64
    n_valid : ndarray of shape (p,), int64
        Patterns to which the frames are added; `peak` begins with -inf.
    """
    n_frames, n_pixels = frames.shape
    for first in range(0, n_pixels, _PIECE):
        here = slice(first, first + _PIECE)
        kept, summed, highest, counted = good[here], sums[here], peak[here], n_valid[here]
        for i in range(n_frames):
            piece = frames[i, here]
            total, lit, used, top = 0.0, 0, 0, -np.inf
            for j in range(len(piece)):
                value = np.float64(piece[j])
                usable = (value > low) & (value < high) & (kept[j] != 0)
                counts = value if usable else 0.0
                raised = value if usable else -np.inf
                total += counts
                lit += usable & (value > floor)
                used += usable
                top = raised if raised > top else top
                summed[j] += counts
                highest[j] = raised if raised > highest[j] else highest[j]
                counted[j] += usable
            totals[i] += total
            n_lit[i] += lit
            n_used[i] += used
            if top >= maxima[i] and top > -np.inf:
                same = 0
                for j in range(len(piece)):
                    same += (np.float64(piece[j]) == top) & (kept[j] != 0)
                n_at_maximum[i] = same + (n_at_maximum[i] if top == maxima[i] else 0)
                maxima[i] = top


@compiled
def add_moments(frame, good, low, high, n, sums, squares, peak):
    """Add one frame to what the variance of each pixel is taken from.

    Parameters
    ----------
    frame : ndarray of shape (p,)
        A flattened frame.
    good, low, high
        As in `measure_values`.
    n, sums, squares, peak : ndarray of shape (p,), float64
        Number, sum, sum of squares and maximum of the values of each pixel; `peak` begins with -inf.
    """
    for j in range(len(frame)):
        value = np.float64(frame[j])
        usable = (value > low) & (value < high) & (good[j] != 0)
        counts = value if usable else 0.0
        n[j] += usable
        sums[j] += counts
        squares[j] += counts * counts
        peak[j] = value if usable and value > peak[j] else peak[j]


@compiled
def find_gaps(frames, good, low, high, has_gap):
    """Mark frames in which a good pixel holds no count; all as in `measure_values`, `has_gap` uint8 (m,)."""
    n_frames, n_pixels = frames.shape
    for i in range(n_frames):
        frame, gaps = frames[i], 0
        for j in range(n_pixels):
            value = np.float64(frame[j])
            gaps += ~((value > low) & (value < high)) & (good[j] != 0)
        has_gap[i] = gaps > 0


@compiled
def _add_rows(frame, mask, rows, row, left, right, line):
    """Add up the rows below one row of the result, from column `left` to `right`; see `average_frames`."""
    first, weights = rows
    cut = line[left:right]
    cut[:] = 0
    for k in range(weights.shape[1]):
        weight, y = weights[row, k], first[row] + k
        if weight == 0:
            continue
        pixels, usable = frame[y, left:right], mask[y, left:right]
        for x in range(len(cut)):
            value = np.float32(pixels[x])
            cut[x] += weight * (value if usable[x] != 0 else np.float32(0))


@compiled
def _add_columns(line, columns, scale, result):
    """Add up the pixels of a line below each pixel of the result, and scale; see `average_frames`."""
    first, weights = columns
    if weights.shape[1] == 3:  # written out it takes half the time
        for column in range(len(result)):
            x = np.uintp(first[column])
            total = weights[column, 0] * line[x]
            total += weights[column, 1] * line[x + np.uintp(1)]
            total += weights[column, 2] * line[x + np.uintp(2)]
            result[column] = total * scale[column]
        return
    for column in range(len(result)):
        total, x = np.float32(0), np.uintp(first[column])
        for k in range(weights.shape[1]):
            total += weights[column, k] * line[x + np.uintp(k)]
        result[column] = total * scale[column]


@compiled
def average_frames(frames, good, rows, columns, scale, averages):
    """Add up the pixels below each output pixel, weighted by row and by column.

    Parameters
    ----------
    frames : ndarray of shape (m, height, width)
        Frames.
    good : ndarray of shape (m or 1, height, width), uint8
        1 = good; other pixels are taken as 0, whatever they hold. One for all frames, or one each.
    rows, columns : tuple of ndarray of shape (s,), int64, and (s, k), float32
        First input row or column of each output row or column, and the weights from the first on; 0 where
        there are fewer than k, which may lie outside.
    scale : ndarray of shape (m or 1, s, s), float32
        What the sums are multiplied by. One for all frames, or one each.
    averages : ndarray of shape (m, s, s), float32
        Result.
    """
    n_frames, _, width = frames.shape
    n_columns = columns[1].shape[1]
    left, right = max(0, columns[0].min()), min(width, columns[0].max() + n_columns)
    line = np.zeros(width + n_columns, np.float32)
    for row in range(averages.shape[1]):
        for i in range(n_frames):
            mask, factors = good[i if len(good) > 1 else 0], scale[i if len(scale) > 1 else 0]
            _add_rows(frames[i], mask, rows, row, left, right, line)
            _add_columns(line, columns, factors[row], averages[i, row])


@compiled
def condense_frames(frames, good, rows, columns, scale, counts, bits, table, levels):
    """Average frames and look up levels: count for each average the thresholds that it reaches.

    Parameters
    ----------
    frames, good, rows, columns, scale
        As in `average_frames`.
    counts : ndarray of shape (s,), float32
        For use in here.
    bits : ndarray of shape (s,), uint32
        The same memory: the upper 16 bits of a positive float grow with its value.
    table : tuple
        Level of the smallest value with each 16 upper bits, uint8 (65536,); how many thresholds there are
        at most between values with the same ones; rising thresholds, float32 (256,), the last of which is
        NaN, which nothing reaches.
    levels : ndarray of shape (m, s, s), uint8
        Result; 0 for negative averages and NaN.
    """
    n_frames, _, width = frames.shape
    n_columns = columns[1].shape[1]
    left, right = max(0, columns[0].min()), min(width, columns[0].max() + n_columns)
    line = np.zeros(width + n_columns, np.float32)
    lowest, n_steps, thresholds = table
    for row in range(levels.shape[1]):
        for i in range(n_frames):
            mask, factors = good[i if len(good) > 1 else 0], scale[i if len(scale) > 1 else 0]
            _add_rows(frames[i], mask, rows, row, left, right, line)
            _add_columns(line, columns, factors[row], counts)
            result = levels[i, row]
            # unsigned, so that no index needs a look at whether it counts from the end; no branch, which the
            # processor could not foresee
            if n_steps == 1:
                for column in range(len(result)):
                    level = np.uintp(lowest[np.uintp(bits[column] >> np.uint32(16))])
                    result[column] = level + np.uintp(counts[column] >= thresholds[level])
                continue
            for column in range(len(result)):
                level = np.uintp(lowest[np.uintp(bits[column] >> np.uint32(16))])
                for _ in range(n_steps):
                    level += np.uintp(counts[column] >= thresholds[level])
                result[column] = level
