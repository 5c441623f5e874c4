"""Tell hits from empty frames by how many pixels are lit, and saturated pixels from bright ones."""

import numpy as np
from numpy.typing import NDArray

_MIN_BACKGROUNDS = 8
_SIGMA = 5.0
_BINS = 256
# Two groups: the share of the variance that lies between them is 0.64 for one normal group cut in the middle.
_MIN_SEPARATION = 0.75
_MIN_GROUP = 0.02
_MIN_DISTANCE = 0.4  # natural logarithm of lit pixels: hits light half as many again as empty frames
_OUTLIER_SIGMA = 4.0
# Spread (natural logarithm of lit pixels) up to which frames are alike, and the share that counts as darkest.
_ALIKE = 0.35
_DARKEST = 0.02
# A detector that saturates below the top of its number type shows the same largest value again and again.
_MIN_SATURATED_FRAMES = 3
_MIN_SATURATION = 255.0


def find_hit_threshold(lit_pixels: NDArray, is_background: NDArray | None = None) -> tuple[float, str]:
    """Find from how many lit pixels on a frame is a hit.

    Parameters
    ----------
    lit_pixels : ndarray of shape (n,)
        Lit pixels of each frame; NaN where a frame could not be read.
    is_background : ndarray of shape (n,), bool, optional
        Frames of which it is known that no particle was hit.

    Returns
    -------
    threshold : float
        Pixels, at least 1.
    words : str
        For people: how it was found.
    """
    known = np.isfinite(lit_pixels)
    lit = lit_pixels[known]
    if lit.size == 0:
        return 1.0, "no frame could be read"
    if is_background is not None and np.count_nonzero(is_background[known]) >= _MIN_BACKGROUNDS:
        dark = lit[is_background[known]]
        spread = max(float(dark.std()), 1.0)
        return float(max(1.0, np.ceil(dark.mean() + _SIGMA * spread))), "5 sigma above the background shots"
    logs = np.log1p(lit)
    cut, separation, smaller = _otsu(logs)
    if separation >= _MIN_SEPARATION and smaller >= _MIN_GROUP and _distance(logs, cut) >= _MIN_DISTANCE:
        return float(max(1.0, np.ceil(np.expm1(cut)))), "between the two groups of frames, by Otsu's method"
    return _threshold_of_one_group(lit, logs)


def _threshold_of_one_group(lit: NDArray, logs: NDArray) -> tuple[float, str]:
    """Find the threshold where frames do not fall into two groups: nearly all are empty, or nearly all hits.

    Empty frames are alike. Particles differ in size and in how well they were hit, so frames whose numbers of
    lit pixels are spread widely are hits, but for those that are as dark as the darkest.
    """
    middle = float(np.median(logs))
    spread = 1.4826 * float(np.median(np.abs(logs - middle)))
    if spread > _ALIKE:
        darkest = float(np.quantile(lit, _DARKEST))
        limit = darkest + _SIGMA * np.sqrt(darkest + 1)
        return float(max(1.0, np.ceil(limit))), "nearly all frames are hits: 5 sigma above the darkest"
    limit = np.expm1(middle + _OUTLIER_SIGMA * max(spread, 0.1))
    if not (lit >= limit).any():
        return 1.0, "all frames are alike and none stands out, so that all count"
    words = "nearly all frames are alike: what stands out above them by 4 sigma"
    return float(max(1.0, np.ceil(limit))), words


def _distance(logs: NDArray, cut: float) -> float:
    return float(logs[logs >= cut].mean() - logs[logs < cut].mean())


def _otsu(values: NDArray) -> tuple[float, float, float]:
    """Return the best cut, the share of the variance between both sides, and that of the smaller side."""
    if np.ptp(values) < 1e-9:
        return float(values[0]), 0.0, 0.0
    counts, edges = np.histogram(values, bins=_BINS)
    weights, middle = counts / counts.sum(), (edges[:-1] + edges[1:]) / 2
    below, moment = np.cumsum(weights), np.cumsum(weights * middle)
    mean = moment[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.nan_to_num((mean * below - moment) ** 2 / (below * (1 - below)))
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    cut = int(best[len(best) // 2])  # the middle of an empty stretch between the groups
    variance = float((weights * (middle - mean) ** 2).sum())
    smaller = float(min(below[cut], 1 - below[cut]))
    return float(edges[cut + 1]), float(between[cut] / variance) if variance > 0 else 0.0, smaller


def find_saturation(maximum: NDArray, dtype: np.dtype) -> float | None:
    """Find the value at which the detector saturates, if it was reached.

    Parameters
    ----------
    maximum : ndarray of shape (n,), float64
        Maximum of each frame; NaN where a frame could not be read.
    dtype : numpy.dtype
        Of the frames.

    Returns
    -------
    saturation : float or None
        The top of unsigned 8- and 16-bit numbers, or a value of at least 255 that is the largest of the data
        set and the maximum of three frames or more.
    """
    known = maximum[np.isfinite(maximum)]
    if known.size == 0:
        return None
    top = float(known.max())
    if dtype.kind == "u" and dtype.itemsize <= 2 and top == np.iinfo(dtype).max:
        return top
    is_repeated = np.count_nonzero(known == top) >= _MIN_SATURATED_FRAMES and np.ptp(known) > 0
    return top if is_repeated and top >= _MIN_SATURATION else None
