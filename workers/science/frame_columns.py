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
        self._total = np.zeros(n_pixels)
        self._peak = np.full(n_pixels, -np.inf)
        self._n_valid = np.zeros(n_pixels, np.int64)
        self._moments = [np.zeros(n_pixels), np.zeros(n_pixels), np.zeros(n_pixels), self._peak.copy()]
        self._small: tuple[NDArray, NDArray, NDArray] | None = None
        self._n_small = 0

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
        self.blocks.append(self._measure_small(flat) if is_small else self._measure(flat))
        low, high = count_bounds(flat.dtype)
        for number in range(-first % self.variance_step, len(flat), self.variance_step):
            add_moments(flat[number], self._good, low, high, *self._moments)

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

    def _measure_small(self, flat: NDArray) -> dict[str, NDArray]:
        if (
            self._small is None
            or self._small[0].dtype != flat.dtype
            or self._n_small + len(flat) > _SMALL_FRAMES
        ):
            self._add_up_small()
            keep = np.where(self._good, np.iinfo(flat.dtype).max, 0).astype(flat.dtype)
            self._small = keep, np.zeros(len(keep), np.uint32), np.zeros_like(keep)
        keep, sums, peak = self._small
        totals, maxima = np.zeros(len(flat)), np.zeros(len(flat))
        n_at_maximum, n_lit = np.zeros(len(flat), np.int64), np.zeros(len(flat), np.int64)
        floor = int(min(max(np.floor(self.lit_threshold), -1), 2**16))
        measure_small_counts(flat, keep, floor, totals, maxima, n_at_maximum, n_lit, sums, peak)
        self._n_small += len(flat)
        share = np.full(len(flat), 1 - self._good.mean())
        return dict(zip(COLUMNS, (totals, maxima, n_lit, n_at_maximum, share), strict=True))

    def _add_up_small(self) -> None:
        if self._small is not None:
            keep, sums, peak = self._small
            self._total += sums
            self._n_valid += self._n_small * (keep > 0)
            if self._n_small:
                self._peak = np.where(keep > 0, np.maximum(self._peak, peak), self._peak)
        self._small, self._n_small = None, 0

    def _measure(self, flat: NDArray) -> dict[str, NDArray]:
        totals, maxima = np.zeros(len(flat)), np.full(len(flat), -np.inf)
        n_at_maximum, n_lit, n_used = np.zeros((3, len(flat)), np.int64)
        bounds, patterns = count_bounds(flat.dtype), (self._total, self._peak, self._n_valid)
        numbers = totals, maxima, n_at_maximum, n_lit, n_used
        measure_values(flat, self._good, *bounds, float(self.lit_threshold), *numbers, *patterns)
        maxima = np.where(np.isfinite(maxima), maxima, 0.0)
        share = 1 - n_used / flat.shape[1]
        return dict(zip(COLUMNS, (totals, maxima, n_lit, n_at_maximum, share), strict=True))
