"""Average frames onto a small square grid about the beam centre, leaving masked pixels out.

The average over a rectangle separates into rows and columns, so a frame is resampled by weights of its rows
and then of its columns. The same weights applied to the mask give what each average has to be divided by.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from workers.science.kernels import average_frames, find_gaps, look_up_levels

# An output pixel with less of its area usable than this is masked itself.
MIN_COVERAGE = 0.25
# As many frames at once, so that their rows stay near the processor.
_STEP = 16


def weigh_axis(length: int, centre: float, side: float, size: int) -> NDArray:
    """Weight every input pixel for every output pixel along one axis.

    Parameters
    ----------
    length : int
        Number of input pixels.
    centre : float
        Position of the beam, in pixels; pixel i reaches from i - 0.5 to i + 0.5.
    side : float
        Width of the cut-out about the centre, in pixels.
    size : int
        Number of output pixels.

    Returns
    -------
    weights : ndarray of shape (size, length), float32
        Shares of area where the output is coarser than the input, else of linear interpolation. A row sums
        to 1, less where it reaches beyond the input.
    """
    step = side / size
    pixels = np.arange(length)
    if step >= 1:
        lower = centre - side / 2 + step * np.arange(size)[:, None]
        overlap = np.minimum(lower + step, pixels + 0.5) - np.maximum(lower, pixels - 0.5)
        return (np.clip(overlap, 0, None) / step).astype(np.float32)
    position = centre - side / 2 + step * (np.arange(size)[:, None] + 0.5)
    return np.clip(1 - np.abs(position - pixels), 0, None).astype(np.float32)


@dataclass
class Resampler:
    """Resample blocks of frames of one shape; not for use by several threads at once.

    Parameters
    ----------
    mask : ndarray of shape (height, width), bool
        True = good.
    centre : tuple of float
        Beam centre (row, column), in pixels.
    side : float
        Side of the cut-out square, in pixels.
    size : int
        Side of the result, in pixels.
    """

    mask: NDArray
    centre: tuple[float, float]
    side: float
    size: int
    coverage: NDArray = field(init=False)

    def __post_init__(self) -> None:
        height, width = self.mask.shape
        self._rows = _support(weigh_axis(height, self.centre[0], self.side, self.size))
        self._columns = _support(weigh_axis(width, self.centre[1], self.side, self.size))
        self._good = np.ascontiguousarray(self.mask, np.uint8)[None]
        self.coverage = self._add_up(self._good, np.ones_like(self._good))[0]

    @property
    def small_mask(self) -> NDArray:
        """Mask of the result, bool (size, size), True = good."""
        return self.coverage >= MIN_COVERAGE

    def resample(self, frames: NDArray, *, fill: float = 0.0) -> NDArray:
        """Average frames over the output pixels.

        Parameters
        ----------
        frames : ndarray of shape (m, height, width)
            Counts. Values that are no count (see `find_invalid`) are left out like masked pixels.
        fill : float, default=0
            What masked pixels of the result hold.

        Returns
        -------
        small : ndarray of shape (m, size, size), float32
            Mean counts per input pixel.
        """
        small = np.empty((len(frames), self.size, self.size), np.float32)
        for first in range(0, len(frames), _STEP):
            block = _compilable(frames[first : first + _STEP])
            small[first : first + len(block)] = self._average(block, fill)
        return small

    def resample_levels(self, frames: NDArray, thresholds: NDArray) -> NDArray:
        """Average frames, and count for each output pixel the thresholds that it reaches.

        Parameters
        ----------
        frames : ndarray of shape (m, height, width)
            As for `resample`.
        thresholds : ndarray of shape (255,), float32
            Rising counts.

        Returns
        -------
        levels : ndarray of shape (m, size, size), uint8
            0 where masked, or where the average is negative.
        """
        starts, reached = prepare_look_up(thresholds)
        levels = np.empty((len(frames), self.size, self.size), np.uint8)
        for first in range(0, len(frames), _STEP):
            block = _compilable(frames[first : first + _STEP])
            counts = np.ascontiguousarray(self._average(block, 0.0)).ravel()
            here = levels[first : first + len(block)].reshape(-1)
            look_up_levels(counts, counts.view(np.int32), starts, reached, here)
        return levels

    def _average(self, frames: NDArray, fill: float) -> NDArray:
        has_gap = np.zeros(len(frames), np.uint8)
        if frames.dtype.kind != "u" or frames.dtype.itemsize > 2:
            low, high = count_bounds(frames.dtype)
            find_gaps(frames.reshape(len(frames), -1), self._good.ravel(), low, high, has_gap)
        good, coverage = self._good, self.coverage
        if has_gap.any():
            invalid = find_invalid(frames)
            good = self._good if invalid is None else (self._good != 0) & ~invalid
            good = np.ascontiguousarray(np.broadcast_to(good, frames.shape), np.uint8)
            coverage = self._add_up(good, np.ones_like(self._good))
        sums = self._add_up(frames, good)
        is_good = coverage >= MIN_COVERAGE
        # one multiplication in place, by which masked pixels become 0; they are filled only where asked
        sums *= np.where(is_good, 1 / np.maximum(coverage, np.float32(1e-6)), np.float32(0))
        return sums if fill == 0 else np.where(is_good, sums, np.float32(fill))

    def _add_up(self, frames: NDArray, good: NDArray) -> NDArray:
        sums = np.empty((len(frames), self.size, self.size), np.float32)
        average_frames(frames, good, *self._rows, *self._columns, sums)
        return sums


@lru_cache(maxsize=4)
def _look_up_tables(thresholds: bytes) -> tuple[NDArray, NDArray]:
    rising = np.frombuffer(thresholds, np.float32)
    lowest = (np.arange(1 << 15, dtype=np.int32) << 16).view(np.float32)
    known = np.where(np.isnan(lowest), np.inf, lowest)
    starts = np.searchsorted(rising, known, side="right").astype(np.uint8)
    return starts, np.append(rising, np.float32(np.nan))


def prepare_look_up(thresholds: NDArray) -> tuple[NDArray, NDArray]:
    """Prepare tables for `kernels.look_up_levels` from 255 rising thresholds, float32; made once for each."""
    return _look_up_tables(np.ascontiguousarray(thresholds, np.float32).tobytes())


def count_bounds(dtype: np.dtype) -> tuple[float, float]:
    """Return between which values, themselves outside, a value is a count; as `find_invalid` has it."""
    if dtype.kind == "f":
        return -np.inf, np.inf
    has_marker = dtype.kind == "u" and dtype.itemsize >= 4
    return -1.0, float(np.iinfo(dtype).max) if has_marker else np.inf


def find_invalid(frames: NDArray) -> NDArray | None:
    """Find values that are not counts.

    Parameters
    ----------
    frames : ndarray
        Values as the file has them.

    Returns
    -------
    invalid : ndarray of bool, or None
        True where a float is not finite, where a signed integer is negative (detectors mark bad pixels by
        -1, -2), or where an unsigned integer of 32 or 64 bits is the largest one (NXmx); None if there is
        no such value. Negative floats are noise about a subtracted background and stay.
    """
    kind, n_bytes = frames.dtype.kind, frames.dtype.itemsize
    if kind == "f":
        # a sum is finite unless a value is not, and costs less than a mask
        with np.errstate(all="ignore"):
            if np.isfinite(frames.sum(dtype=np.float64)):
                return None
        invalid = ~np.isfinite(frames)
    elif kind == "i":
        if frames.min(initial=0) >= 0:
            return None
        invalid = frames < 0
    elif n_bytes >= 4:
        largest = np.iinfo(frames.dtype).max
        if frames.max(initial=0) < largest:
            return None
        invalid = frames == largest
    else:
        return None
    return invalid if invalid.any() else None


def _support(weights: NDArray) -> tuple[NDArray, NDArray]:
    """Return for each output pixel its first input pixel, int64 (s,), and the weights from there, (s, k)."""
    size, length = weights.shape
    used = weights > 0
    first = np.where(used.any(axis=1), used.argmax(axis=1), 0)
    last = np.where(used.any(axis=1), length - 1 - used[:, ::-1].argmax(axis=1), 0)
    n_weights = int((last - first).max()) + 1
    padded = np.zeros((size, length + n_weights), np.float32)
    padded[:, :length] = weights
    columns = first[:, None] + np.arange(n_weights)
    return first.astype(np.int64), np.take_along_axis(padded, columns, axis=1)


def _compilable(frames: NDArray) -> NDArray:
    if frames.dtype == np.float16:
        frames = frames.astype(np.float32)
    return np.ascontiguousarray(frames, frames.dtype.newbyteorder("="))
