"""Measure frames: a few numbers of each, and the sum and the maximum of all."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workers.science.resample import find_invalid

# Quantiles of a normal distribution, in standard deviations.
_TENTH, _HUNDREDTH = 1.2816, 2.3263
_LIT_SIGMA = 5.0
_SAMPLED_PIXELS = 2_000_000


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
    """

    shape: tuple[int, int]
    good: NDArray | None
    lit_threshold: float
    totals: list[NDArray] = field(default_factory=list)
    lit_pixels: list[NDArray] = field(default_factory=list)
    maxima: list[NDArray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.total = np.zeros(self.shape, np.float64)
        self.peak = np.full(self.shape, -np.inf, np.float64)
        self.n_valid = np.zeros(self.shape, np.int64)

    def add(self, frames: NDArray) -> None:
        """Measure one block.

        Parameters
        ----------
        frames : ndarray of shape (m, h, w)
            Counts; values that are no counts are left out (see `find_invalid`).
        """
        usable = self._find_usable(frames)
        filled = frames if usable is None else _zero_unusable(frames, usable)
        # 0 is a neutral element for the sum, but not for the maximum of values that may be negative
        raised = filled
        if usable is not None and frames.dtype.kind == "f":
            raised = np.where(usable, frames, frames.dtype.type(-np.inf))
        n_frames = len(frames)
        flat = filled.reshape(n_frames, -1)
        self.totals.append(flat.sum(axis=1, dtype=np.float64))
        limit = self.lit_threshold if frames.dtype.kind == "f" else int(np.floor(self.lit_threshold))
        # frame by frame, because NumPy counts along an axis three times more slowly
        self.lit_pixels.append(np.array([np.count_nonzero(frame > limit) for frame in flat], np.int64))
        maxima = raised.reshape(n_frames, -1).max(axis=1).astype(np.float64)
        self.maxima.append(np.where(np.isfinite(maxima), maxima, 0.0))
        self.total += filled.sum(axis=0, dtype=np.float64)
        np.maximum(self.peak, raised.max(axis=0), out=self.peak)
        self.n_valid += n_frames if usable is None else np.broadcast_to(usable, frames.shape).sum(axis=0)

    def _find_usable(self, frames: NDArray) -> NDArray | None:
        invalid = find_invalid(frames)
        if invalid is None:
            return self.good
        return ~invalid if self.good is None else self.good & ~invalid


def _zero_unusable(frames: NDArray, usable: NDArray) -> NDArray:
    if frames.dtype.kind == "f":  # 0 times NaN is NaN
        return np.where(usable, frames, frames.dtype.type(0))
    return frames * usable.astype(frames.dtype)
