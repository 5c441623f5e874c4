"""Find pixels that the patterns of a whole data set show to be dead, hot or noisy."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# A pixel that expects 25 counts and has none is dead: the Poisson chance is exp(-25).
DEAD_EXPECTED_COUNTS = 25.0
HOT_FACTOR = 5.0
HOT_SIGMA = 10.0
MIN_FRAMES_FOR_HOT = 8
NOISY_FACTOR = 6.0
MIN_FRAMES_FOR_NOISY = 64
_DIM_PERCENTILE = 10
_NEIGHBOURS = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)


def find_dead_pixels(mean: NDArray, peak: NDArray, good: NDArray, n_frames: int) -> NDArray:
    """Find pixels, and gaps of any shape, that were never lit although their surroundings were.

    Parameters
    ----------
    mean, peak : ndarray of shape (h, w), float32
        Mean and maximum counts of each pixel over the data set.
    good : ndarray of shape (h, w), bool
        Pixels that are not known to be bad.
    n_frames : int
        Number of frames behind the patterns.

    Returns
    -------
    dead : ndarray of shape (h, w), bool
        Each connected region without a count whose rim saw at least 25 counts per pixel (median).
    """
    never = good & (np.nan_to_num(peak) <= 0)
    regions, n_regions = ndimage.label(never, structure=np.ones((3, 3)))
    lit = good & ~never
    if n_regions == 0 or not lit.any():
        return np.zeros_like(good)
    rim = np.where(lit, ndimage.grey_dilation(regions, size=(3, 3)), 0)
    expected = np.full(n_regions + 1, 0.0)
    seen = np.unique(rim[rim > 0])
    if seen.size:
        expected[seen] = ndimage.median(np.nan_to_num(mean) * n_frames, labels=rim, index=seen)
    return never & (expected[regions] >= DEAD_EXPECTED_COUNTS)


def find_hot_pixels(mean: NDArray, good: NDArray, n_frames: int) -> NDArray:
    """Find pixels that are far brighter than their neighbours in the mean of many frames.

    Parameters
    ----------
    mean : ndarray of shape (h, w), float32
        Mean counts of each pixel over the data set.
    good : ndarray of shape (h, w), bool
        Pixels that are not known to be bad.
    n_frames : int
        Number of frames behind the mean; with fewer than 8 nothing is hot, as a bright speckle looks the
        same.

    Returns
    -------
    hot : ndarray of shape (h, w), bool
        Five times the median of 5 x 5 pixels, and 10 standard deviations above it, both by counting
        statistics and by the spread of such differences over the detector.
    """
    if n_frames < MIN_FRAMES_FOR_HOT or good.sum() < 25:
        return np.zeros_like(good)
    filled = fill_masked(mean, good, width=5)
    local = ndimage.median_filter(filled, size=5)
    excess = np.where(good, filled - local, 0)
    spread = 1.4826 * np.median(np.abs(excess[good]))
    counting = HOT_SIGMA * np.sqrt(np.maximum(local, 0) * n_frames + 1) / n_frames
    return (
        good
        & (filled > HOT_FACTOR * np.maximum(local, 0))
        & (excess > counting)
        & (excess > HOT_SIGMA * spread)
    )


def find_noisy_pixels(mean: NDArray, variance: NDArray, good: NDArray, n_frames: int) -> NDArray:
    """Find pixels that vary from frame to frame much more than counting and their surroundings explain.

    The variance of a Poisson count is its mean, or a gain times it. Over a data set it is more, as frames
    differ, but then it is so for the pixels around, too: diffraction has no detail smaller than two pixels.

    Parameters
    ----------
    mean : ndarray of shape (h, w), float32
        Mean counts of each pixel over the data set.
    variance : ndarray of shape (h, w), float32
        Variance over the data set with the largest value of each pixel left out, so that one bright shot or
        one cosmic ray makes no pixel noisy.
    good : ndarray of shape (h, w), bool
        Pixels that are not known to be bad.
    n_frames : int
        Number of frames behind the patterns; with fewer than 64 nothing is noisy.

    Returns
    -------
    noisy : ndarray of shape (h, w), bool
        Six times the second largest variance of the eight neighbours, and six times what counting with the
        detector's gain explains.
    """
    good = good & np.isfinite(variance)
    if n_frames < MIN_FRAMES_FOR_NOISY or good.sum() < 25:
        return np.zeros_like(good)
    # Less than a count or two in the whole data set says nothing about its variance.
    level = np.maximum(np.abs(np.nan_to_num(mean)), 2.0 / n_frames)
    ratio = np.where(good, np.nan_to_num(variance) / level, 0)
    lit = good & (ratio > 0)
    # Where frames are dim, counting is all that makes a pixel vary: there the ratio is the gain.
    gain = float(np.percentile(ratio[lit], _DIM_PERCENTILE)) if lit.any() else 0.0
    # The second largest, so that two noisy pixels side by side do not excuse each other.
    around = ndimage.rank_filter(fill_masked(variance, good, width=5), rank=-2, footprint=_NEIGHBOURS)
    return lit & (ratio > NOISY_FACTOR * gain) & (variance > NOISY_FACTOR * around)


def fill_masked(image: NDArray, good: NDArray, *, width: int) -> NDArray:
    """Fill masked pixels with the mean of the good ones around them.

    Parameters
    ----------
    image : ndarray of shape (h, w)
        Anything; values under the mask do not matter.
    good : ndarray of shape (h, w), bool
        True = good.
    width : int
        Side of the square over which is averaged, in pixels.

    Returns
    -------
    filled : ndarray of shape (h, w), float32
        The mean of all good pixels where none is near.
    """
    weight = good.astype(np.float32)
    values = np.where(good, image, 0).astype(np.float32)
    near = ndimage.uniform_filter(weight, width)
    # a filter by running sums leaves rounding errors where no pixel is near
    has_near = near > 0.5 / width**2
    mean_near = ndimage.uniform_filter(values, width) / np.where(has_near, near, 1)
    overall = values.sum(dtype=np.float64) / max(float(weight.sum(dtype=np.float64)), 1.0)
    return np.where(good, values, np.where(has_near, mean_near, overall)).astype(np.float32)
