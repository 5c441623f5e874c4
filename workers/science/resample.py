"""Average frames onto a small square grid about the beam centre, leaving masked pixels out.

The average over a rectangle separates into rows and columns, so a block of frames is resampled by two
products with small weight matrices. The same weights applied to the mask give what each average has to be
divided by.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

# An output pixel with less of its area usable than this is masked itself.
MIN_COVERAGE = 0.25
_WORKING_BYTES = 4 * 2**20


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
        rows = weigh_axis(height, self.centre[0], self.side, self.size)
        columns = weigh_axis(width, self.centre[1], self.side, self.size)
        self._row_slice, self._column_slice = _support(rows), _support(columns)
        self._rows = sparse.csr_array(rows[:, self._row_slice])
        self._columns = sparse.csr_array(columns[:, self._column_slice])
        self._good = self._cut(self.mask).astype(np.float32)
        self._stacked: dict[int, sparse.csr_array] = {}
        self._buffer: NDArray | None = None
        self.coverage = self._average(self._good[None])[0]

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
        for first in range(0, len(frames), self._step):
            cut = self._cut(frames[first : first + self._step])
            small[first : first + len(cut)] = self._resample_cut(cut, fill)
        return small

    @property
    def _step(self) -> int:
        # as many frames at once as stay in the processor's cache
        return max(1, _WORKING_BYTES // (4 * self._good.size))

    def _resample_cut(self, cut: NDArray, fill: float) -> NDArray:
        if self._buffer is None:
            self._buffer = np.empty((self._step, *self._good.shape), np.float32)
        values = self._buffer[: len(cut)]
        invalid = find_invalid(cut)
        if invalid is None:
            np.multiply(cut, self._good, out=values, casting="same_kind")
            coverage = self.coverage
        else:
            np.copyto(values, cut, casting="same_kind")
            values[invalid | (self._good == 0)] = 0
            coverage = self._average(np.where(invalid, np.float32(0), self._good))
        sums = self._average(values)
        return np.where(coverage >= MIN_COVERAGE, sums / np.maximum(coverage, 1e-6), np.float32(fill))

    def _cut(self, images: NDArray) -> NDArray:
        return images[..., self._row_slice, self._column_slice]

    def _average(self, images: NDArray) -> NDArray:
        n_images, height, width = images.shape
        if n_images not in self._stacked:
            # one product for the whole block: the same rows once for each frame, on the diagonal
            identity = sparse.eye_array(n_images, dtype=np.float32)
            self._stacked[n_images] = sparse.csr_array(sparse.kron(identity, self._rows, format="csr"))
        lines = self._stacked[n_images] @ images.reshape(n_images * height, width)  # -> (m * s, width)
        # sparse and not BLAS, whose threads wait for each other longer than such a small product takes
        turned = self._columns @ np.ascontiguousarray(lines.T)  # -> (s, m * s), columns first
        return turned.T.reshape(n_images, self.size, self.size)


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


def _support(weights: NDArray) -> slice:
    used = np.flatnonzero(weights.any(axis=0))
    return slice(int(used[0]), int(used[-1]) + 1) if used.size else slice(0, 1)
