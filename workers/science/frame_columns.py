"""Measure frames: a few numbers of each, and the sum, the maximum and the variance of all."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workers.science.frame_patterns import PlanePatterns, SmallPatterns, WidePatterns
from workers.science.io.plane_frames import PlaneFrames
from workers.science.kernels import add_moments, add_small_moments, measure_small_counts, measure_values
from workers.science.resample import count_bounds, find_invalid

# Quantiles of a normal distribution, in standard deviations.
_TENTH, _HUNDREDTH = 1.2816, 2.3263
_LIT_SIGMA = 5.0
_SAMPLED_PIXELS = 2_000_000
# Frames that the variance is taken from, at most: with so many it is known to 9 %.
VARIANCE_FRAMES = 256
COLUMNS = ("total", "maximum", "lit_pixels", "n_at_maximum", "masked_share")


def estimate_lit_threshold(frames: NDArray, good: NDArray | None) -> float:
    """Estimate above which value a pixel is lit and not only noise.

    The darkest tenth of the pixels is taken as background, normal about its level; a lit pixel is 5 standard
    deviations above. For detectors that count photons most pixels are 0, so the threshold is 0: one count
    is lit.

    Parameters
    ----------
    frames : ndarray of shape (m, h, w)
        A few frames.
    good : ndarray of shape (h, w), bool, or None
        True = good.

    Returns
    -------
    threshold : float
        In the unit of the frames; a pixel is lit if its value is larger.
    """
    values = frames[:, good] if good is not None else frames
    values = values.ravel()[:: max(1, values.size // _SAMPLED_PIXELS)]
    invalid = find_invalid(values)
    values = values if invalid is None else values[~invalid]
    if values.size == 0:
        return 0.0
    darkest, dark = np.percentile(values.astype(np.float64), (1, 10))
    sigma = (dark - darkest) / (_HUNDREDTH - _TENTH)
    return float(max(0.0, dark + _TENTH * sigma + _LIT_SIGMA * sigma)) if sigma > 0 or dark > 0 else 0.0


@dataclass
class FrameColumns:
    """Numbers of each frame, and patterns over all, gathered block by block.

    Parameters
    ----------
    shape : tuple of int
        (height, width) of the frames.
    good : ndarray of shape (h, w), bool, or None
        Pixels that count; None for all.
    lit_threshold : float
        See `estimate_lit_threshold`.
    variance_step : int, default=1
        The variance is taken from frames whose number is a multiple of this.
    """

    shape: tuple[int, int]
    good: NDArray | None
    lit_threshold: float
    variance_step: int = 1
    blocks: list[dict[str, NDArray]] = field(default_factory=list)

    def __post_init__(self) -> None:
        n_pixels = self.shape[0] * self.shape[1]
        self._good = np.ones(n_pixels, np.uint8) if self.good is None else self.good.ravel().astype(np.uint8)
        self._masked_share = 1 - self._good.mean()
        self._small: SmallPatterns | None = None
        self._planes: PlanePatterns | None = None
        self._wide: WidePatterns | None = None

    def add(self, first: int, frames: NDArray) -> None:
        """Measure one block.

        Parameters
        ----------
        first : int
            Number of its first frame in the data set.
        frames : ndarray of shape (m, h, w)
            Counts; values that are no counts are left out (see `find_invalid`).
        """
        if frames.dtype.kind == "f" and frames.dtype.itemsize == 2:
            frames = frames.astype(np.float32)
        flat = np.ascontiguousarray(frames).reshape(len(frames), -1)
        is_small = flat.dtype.kind == "u" and flat.dtype.itemsize <= 2
        first_sampled = -first % self.variance_step
        self.blocks.append((self._measure_small if is_small else self._measure)(flat, first_sampled))

    def add_planes(self, first: int, frames: PlaneFrames) -> None:
        """Measure one block of frames whose bits lie in planes; all else as in `add`."""
        small, numbers = self._make_room(len(frames), frames.dtype), _zeros(len(frames))
        if self._planes is None or self._planes.block != frames.block:
            self._put_together()
            self._planes = PlanePatterns(small, frames.block)
        first_sampled = -first % self.variance_step
        self._planes.measure(frames, self._floor(), numbers)
        self._planes.add_sample(frames, first_sampled, self.variance_step)
        self.blocks.append(self._count(small, first_sampled, numbers))

    def add_unreadable(self, n_frames: int) -> None:
        """Leave frames without numbers."""
        self.blocks.append({name: np.full(n_frames, np.nan) for name in COLUMNS})

    def columns(self) -> dict[str, NDArray]:
        """Return `COLUMNS`, each of shape (n,) float64, NaN for a frame that could not be read."""
        return {name: np.concatenate([block[name] for block in self.blocks]) for name in COLUMNS}

    def patterns(self) -> dict[str, NDArray]:
        """Return what can be added up over parts, arrays of the shape of a frame.

        ``total``, ``max`` and ``n`` over all frames; over those that the variance is taken from ``sample_n``,
        ``sample_total``, ``sample_squares`` and ``sample_max``. Numbers are int32, sums float64 and maxima
        float32, -inf where there is no value; over unsigned frames of up to 16 bits sums are uint32 or
        uint64, and maxima of the type of the frames, 0 where there is no value.
        """
        self._put_together()
        if self._wide is None and self._small is not None:
            named = self._small.patterns()
        else:
            named = self._widen().patterns()
        return {name: pattern.reshape(self.shape) for name, pattern in named.items()}

    def _measure_small(self, flat: NDArray, first_sampled: int) -> dict[str, NDArray]:
        small, numbers = self._make_room(len(flat), flat.dtype), _zeros(len(flat))
        measure_small_counts(flat, small.keep, self._floor(), *numbers, small.sums, small.peak)
        add_small_moments(flat, first_sampled, self.variance_step, small.keep, *small.sample)
        return self._count(small, first_sampled, numbers)

    def _floor(self) -> int:
        """Return the lit threshold for integers of up to 16 bits."""
        return int(min(max(np.floor(self.lit_threshold), -1), 2**16))

    def _make_room(self, n_frames: int, dtype: np.dtype) -> SmallPatterns:
        """Return patterns to which so many frames of this type can be added."""
        if self._small is None or not self._small.has_room(n_frames, dtype):
            if self._small is not None:
                self._widen()
            self._small = SmallPatterns(self._good, dtype)
        return self._small

    def _count(
        self, small: SmallPatterns, first_sampled: int, numbers: tuple[NDArray, ...]
    ) -> dict[str, NDArray]:
        totals, maxima, n_at_maximum, n_lit = numbers
        small.n += len(totals)
        small.n_sampled += len(range(first_sampled, len(totals), self.variance_step))
        share = np.full(len(totals), self._masked_share)
        return dict(zip(COLUMNS, (totals, maxima, n_lit, n_at_maximum, share), strict=True))

    def _put_together(self) -> None:
        """Add what was gathered in planes to the patterns of small integers."""
        if self._planes is not None:
            self._planes.put_together()
        self._planes = None

    def _widen(self) -> WidePatterns:
        """Put all that was gathered into patterns that hold any number."""
        self._put_together()
        if self._wide is None:
            self._wide = WidePatterns(len(self._good))
        if self._small is not None:
            self._wide.add(self._small)
            self._small = None
        return self._wide

    def _measure(self, flat: NDArray, first_sampled: int) -> dict[str, NDArray]:
        totals, maxima = np.zeros(len(flat)), np.full(len(flat), -np.inf)
        n_at_maximum, n_lit, n_used = np.zeros((3, len(flat)), np.int64)
        wide, bounds = self._widen(), count_bounds(flat.dtype)
        numbers = totals, maxima, n_at_maximum, n_lit, n_used
        patterns = wide.total, wide.peak, wide.n
        measure_values(flat, self._good, *bounds, float(self.lit_threshold), *numbers, *patterns)
        for number in range(first_sampled, len(flat), self.variance_step):
            add_moments(flat[number], self._good, *bounds, *wide.sample)
        maxima = np.where(np.isfinite(maxima), maxima, 0.0)
        share = 1 - n_used / flat.shape[1]
        return dict(zip(COLUMNS, (totals, maxima, n_lit, n_at_maximum, share), strict=True))


def _zeros(n_frames: int) -> tuple[NDArray, ...]:
    """Return where loops put total, maximum, and how many pixels are at it and are lit."""
    return np.zeros(n_frames), np.zeros(n_frames), np.zeros(n_frames, np.int64), np.zeros(n_frames, np.int64)
