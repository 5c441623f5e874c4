"""Sum, maximum and variance of each pixel over frames, in small integers as long as they suffice."""

import numpy as np
from numpy.typing import NDArray

from workers.science.io.bitshuffle import put_together
from workers.science.io.plane_frames import WORD, PlaneFrames
from workers.science.plane_kernels import FACTORS, SUM_BITS, add_plane_moments, measure_planes

# 16-bit counts of so many frames add up to less than 2^32.
_SMALL_FRAMES = 65_536


class SmallPatterns:
    """Patterns over frames of unsigned integers of 8 or 16 bits, in small integers themselves.

    Parameters
    ----------
    good : ndarray of shape (p,), uint8
        1 = the pixel counts.
    dtype : dtype
        Of the frames.
    """

    def __init__(self, good: NDArray, dtype: np.dtype) -> None:
        self.keep = np.where(good, np.iinfo(dtype).max, 0).astype(dtype)
        self.sums, self.peak = np.zeros(len(good), np.uint32), np.zeros_like(self.keep)
        self.sample = np.zeros(len(good), np.uint32), np.zeros(len(good), np.uint64), self.peak.copy()
        self.n = self.n_sampled = 0

    def has_room(self, n_frames: int, dtype: np.dtype) -> bool:
        """Say whether so many frames can be added: they are of the same type, and not too many."""
        return self.keep.dtype == dtype and self.n + n_frames <= _SMALL_FRAMES

    def patterns(self) -> dict[str, NDArray]:
        """Return the patterns by name, each of shape (p,); see `FrameColumns.patterns`."""
        good = self.keep > 0
        total, squares, peak = self.sample
        return {
            "total": self.sums,
            "max": self.peak,
            "n": np.where(good, np.int32(self.n), np.int32(0)),
            "sample_n": np.where(good, np.int32(self.n_sampled), np.int32(0)),
            "sample_total": total,
            "sample_squares": squares,
            "sample_max": peak,
        }


class PlanePatterns:
    """Sum and maximum over frames whose bits lie in planes, in planes themselves.

    Parameters
    ----------
    small : SmallPatterns
        Where they belong to.
    block : int
        Pixels of a block.
    """

    def __init__(self, small: SmallPatterns, block: int) -> None:
        good, self._small, self.block = small.keep > 0, small, block
        self.dtype = small.keep.dtype
        self._keep, self._is_whole = np.packbits(good, bitorder="little").view(np.uint64), bool(good.all())
        self._sums = np.zeros(SUM_BITS * len(self._keep), np.uint64)
        self._peak = np.zeros(8 * self.dtype.itemsize * len(self._keep), np.uint64)
        self._depths = np.zeros(-(-len(good) // block), np.int64)
        self._work, words = np.empty((2, block // WORD), np.uint64), np.empty(block // 8, np.uint64)
        self._memory = words, words.view(np.uint8), np.empty(block, self.dtype)

    def measure(self, frames: PlaneFrames, floor: int, numbers: tuple[NDArray, ...]) -> None:
        """Measure frames (see `measure_planes`), and add them."""
        kept, patterns = (self._keep, self._is_whole), (self._sums, self._peak, self._depths)
        words, n_bits = frames.planes.view(np.uint64), 8 * self.dtype.itemsize
        measure_planes(words, n_bits, self.block // WORD, *kept, floor, *numbers, *patterns, self._work)

    def add_sample(self, frames: PlaneFrames, first: int, step: int) -> None:
        """Add every `step`-th frame to those that the variance is taken from."""
        small, settings = self._small, (self.block, FACTORS[self.dtype.itemsize], self._memory)
        add_plane_moments(frames.planes, first, step, *settings, small.keep, *small.sample)

    def put_together(self) -> None:
        """Add what was gathered to the patterns of numbers."""
        small = self._small
        small.sums += self._values(self._sums, np.dtype(np.uint32))
        np.maximum(small.peak, self._values(self._peak, self.dtype), out=small.peak)

    def _values(self, planes: NDArray, dtype: np.dtype) -> NDArray:
        return put_together(planes.view(np.uint8)[None], self.block, dtype)[0]


class WidePatterns:
    """Patterns over frames of any number type.

    Parameters
    ----------
    n_pixels : int
        Pixels of a frame.
    """

    def __init__(self, n_pixels: int) -> None:
        self.total, self.peak = np.zeros(n_pixels), np.full(n_pixels, -np.inf)
        self.n = np.zeros(n_pixels, np.int64)
        # number, sum, sum of squares and maximum over the frames that the variance is taken from
        self.sample = [np.zeros(n_pixels), np.zeros(n_pixels), np.zeros(n_pixels), self.peak.copy()]

    def add(self, small: SmallPatterns) -> None:
        """Add what was gathered in small integers."""
        good = small.keep > 0
        n, total, squares, peak = self.sample
        self.total += small.sums
        self.n += small.n * good
        n += small.n_sampled * good
        total += small.sample[0]
        squares += small.sample[1]
        for wide, added, has_any in (
            (self.peak, small.peak, small.n),
            (peak, small.sample[2], small.n_sampled),
        ):
            if has_any:
                np.copyto(wide, np.maximum(wide, added), where=good)

    def patterns(self) -> dict[str, NDArray]:
        """Return the patterns by name, each of shape (p,); see `FrameColumns.patterns`."""
        n, total, squares, peak = self.sample
        return {
            "total": self.total,
            "max": self.peak.astype(np.float32),
            "n": self.n.astype(np.int32),
            "sample_n": n.astype(np.int32),
            "sample_total": total,
            "sample_squares": squares,
            "sample_max": peak.astype(np.float32),
        }
