"""Measure frames: a few numbers of each, and the sum, the maximum and the variance of all."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workers.science.kernels import add_moments, measure_small_counts, measure_values
from workers.science.resample import count_bounds, find_invalid

# Quantiles of a normal distribution, in standard deviations.
_TENTH, _HUNDREDTH = 1.2816, 2.3263
_LIT_SIGMA = 5.0
_SAMPLED_PIXELS = 2_000_000
# Frames that the variance is taken from, at most: with so many it is known to 9 %.
VARIANCE_FRAMES = 256
# 16-bit counts of so many frames add up to less than 2^32.
_SMALL_FRAMES = 65_536
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


class _SmallPatterns:
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
        self._total = np.zeros(n_pixels)
        self._peak = np.full(n_pixels, -np.inf)
        self._n_valid = np.zeros(n_pixels, np.int64)
        self._moments = [np.zeros(n_pixels), np.zeros(n_pixels), np.zeros(n_pixels), self._peak.copy()]
        self._small: _SmallPatterns | None = None

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

    def add_unreadable(self, n_frames: int) -> None:
        """Leave frames without numbers."""
        self.blocks.append({name: np.full(n_frames, np.nan) for name in COLUMNS})

    def columns(self) -> dict[str, NDArray]:
        """Return `COLUMNS`, each of shape (n,) float64, NaN for a frame that could not be read."""
        return {name: np.concatenate([block[name] for block in self.blocks]) for name in COLUMNS}

    def patterns(self) -> dict[str, NDArray]:
        """Return what can be added up over parts, arrays of the shape of a frame.

        ``total`` float64, ``max`` float32 and ``n`` int32 over all frames; over those that the variance is
        taken from: ``sample_n`` int32, ``sample_total``, ``sample_squares`` float64, ``sample_max`` float32.
        """
        self._add_up_small()
        n, total, squares, peak = self._moments
        named = {
            "total": self._total,
            "max": self._peak.astype(np.float32),
            "n": self._n_valid.astype(np.int32),
            "sample_n": n.astype(np.int32),
            "sample_total": total,
            "sample_squares": squares,
            "sample_max": peak.astype(np.float32),
        }
        return {name: pattern.reshape(self.shape) for name, pattern in named.items()}

    def _measure_small(self, flat: NDArray, first_sampled: int) -> dict[str, NDArray]:
        small = self._small
        if small is None or small.keep.dtype != flat.dtype or small.n + len(flat) > _SMALL_FRAMES:
            self._add_up_small()
            small = self._small = _SmallPatterns(self._good, flat.dtype)
        totals, maxima = np.zeros(len(flat)), np.zeros(len(flat))
        n_at_maximum, n_lit = np.zeros(len(flat), np.int64), np.zeros(len(flat), np.int64)
        floor = int(min(max(np.floor(self.lit_threshold), -1), 2**16))
        sampled = first_sampled, self.variance_step
        numbers = totals, maxima, n_at_maximum, n_lit
        measure_small_counts(
            flat, small.keep, floor, *sampled, *numbers, small.sums, small.peak, small.sample
        )
        small.n += len(flat)
        small.n_sampled += len(range(first_sampled, len(flat), self.variance_step))
        share = np.full(len(flat), self._masked_share)
        return dict(zip(COLUMNS, (totals, maxima, n_lit, n_at_maximum, share), strict=True))

    def _add_up_small(self) -> None:
        small, self._small = self._small, None
        if small is None:
            return
        good = small.keep > 0
        self._total += small.sums
        self._n_valid += small.n * good
        if small.n:
            self._peak = np.where(good, np.maximum(self._peak, small.peak), self._peak)
        if small.n_sampled:
            n, total, squares, peak = self._moments
            n += small.n_sampled * good
            for pattern, added in zip((total, squares), small.sample, strict=False):
                pattern += added
            np.copyto(peak, np.maximum(peak, small.sample[2]), where=good)

    def _measure(self, flat: NDArray, first_sampled: int) -> dict[str, NDArray]:
        totals, maxima = np.zeros(len(flat)), np.full(len(flat), -np.inf)
        n_at_maximum, n_lit, n_used = np.zeros((3, len(flat)), np.int64)
        bounds, patterns = count_bounds(flat.dtype), (self._total, self._peak, self._n_valid)
        numbers = totals, maxima, n_at_maximum, n_lit, n_used
        measure_values(flat, self._good, *bounds, float(self.lit_threshold), *numbers, *patterns)
        for number in range(first_sampled, len(flat), self.variance_step):
            add_moments(flat[number], self._good, *bounds, *self._moments)
        maxima = np.where(np.isfinite(maxima), maxima, 0.0)
        share = 1 - n_used / flat.shape[1]
        return dict(zip(COLUMNS, (totals, maxima, n_lit, n_at_maximum, share), strict=True))
