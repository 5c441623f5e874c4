"""Average frames onto a small square grid about the beam centre, leaving masked pixels out.

The average over a rectangle separates into rows and columns, so a frame is resampled by weights of its rows
and then of its columns. The same weights applied to the mask give what each average has to be divided by.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from workers.science.kernels import average_frames, condense_frames, find_gaps

# An output pixel with less of its area usable than this is masked itself.
MIN_COVERAGE = 0.25
# As many frames at once, so that their rows stay near the processor.
_STEP = 8
_INFINITY = 0x7F80  # upper 16 bits of the float
# The compiled loops have one written out for so many weights an output pixel.
_FEW_WEIGHTS = 3


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
        self._unscaled = np.ones((1, self.size, self.size), np.float32)
        coverage = self._average(self._good, np.ones_like(self._good), self._unscaled)
        self.coverage, self._scale = coverage[0], _invert(coverage)

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
            good, scale = self._weigh(block)
            averages = self._average(block, good, scale)
            here = slice(first, first + len(block))
            small[here] = averages if fill == 0 else np.where(scale > 0, averages, np.float32(fill))
        return small

    def resample_levels(self, frames: NDArray, thresholds: NDArray) -> NDArray:
        """Average frames, and count for each output pixel the thresholds that it reaches.

        Parameters
        ----------
        frames : ndarray of shape (m, height, width)
            As for `resample`.
        thresholds : ndarray of shape (255,), float32
            Rising counts, above 0.

        Returns
        -------
        levels : ndarray of shape (m, size, size), uint8
            0 where masked, or where the average is negative.
        """
        table = _look_up_table(np.ascontiguousarray(thresholds, np.float32).tobytes())
        counts = np.empty(self.size, np.float32)
        levels = np.empty((len(frames), self.size, self.size), np.uint8)
        for first in range(0, len(frames), _STEP):
            block = _compilable(frames[first : first + _STEP])
            here = levels[first : first + len(block)]
            good, scale = self._weigh(block)
            weights = self._rows, self._columns, scale
            condense_frames(block, good, *weights, counts, counts.view(np.uint32), table, here)
        return levels

    def _weigh(self, frames: NDArray) -> tuple[NDArray, NDArray]:
        """Return what is good, and what sums over it are multiplied by: for all frames, or for each."""
        has_gap = np.zeros(len(frames), np.uint8)
        if frames.dtype.kind != "u" or frames.dtype.itemsize > 2:
            low, high = count_bounds(frames.dtype)
            find_gaps(frames.reshape(len(frames), -1), self._good.ravel(), low, high, has_gap)
        invalid = find_invalid(frames) if has_gap.any() else None
        if invalid is None:
            return self._good, self._scale
        good = np.ascontiguousarray((self._good != 0) & ~invalid, np.uint8)
        return good, _invert(self._average(good, np.ones_like(self._good), self._unscaled))

    def _average(self, frames: NDArray, good: NDArray, scale: NDArray) -> NDArray:
        averages = np.empty((len(frames), self.size, self.size), np.float32)
        average_frames(frames, good, self._rows, self._columns, scale, averages)
        return averages


def _invert(coverage: NDArray) -> NDArray:
    """Return what sums are multiplied by, float32: 0 where too little is covered."""
    inverse = 1 / np.maximum(coverage, np.float32(1e-6))
    return np.where(coverage >= MIN_COVERAGE, inverse, np.float32(0))


@lru_cache(maxsize=4)
def _look_up_table(thresholds: bytes) -> tuple[NDArray, int, NDArray]:
    """Prepare the table of `kernels.condense_frames` from 255 rising thresholds, float32."""
    rising = np.frombuffer(thresholds, np.float32)
    smallest = (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32)
    levels = np.searchsorted(rising, np.where(smallest > 0, smallest, 0), side="right").astype(np.uint8)
    n_steps = max(1, int(np.diff(levels[: _INFINITY + 1].astype(int)).max()))
    return levels, n_steps, np.append(rising, np.float32(np.nan))


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
    n_weights = max(_FEW_WEIGHTS, int((last - first).max()) + 1)
    padded = np.zeros((size, length + n_weights), np.float32)
    padded[:, :length] = weights
    columns = first[:, None] + np.arange(n_weights)
    return first.astype(np.int64), np.take_along_axis(padded, columns, axis=1)


def _compilable(frames: NDArray) -> NDArray:
    if frames.dtype == np.float16:
        frames = frames.astype(np.float32)
    return np.ascontiguousarray(frames, frames.dtype.newbyteorder("="))
