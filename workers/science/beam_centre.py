"""Find the beam on the detector: the point about which the mean pattern looks the same when turned by 180
degrees.

Single patterns of wide-angle scattering are not symmetric; their mean over many orientations is.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

MAX_SIDE = 384
MIN_OVERLAP = 0.3
MIN_CORRELATION = 0.3
MIN_SIGNAL_COUNTS = 1000.0


def find_centre(mean: NDArray, good: NDArray, n_frames: int) -> tuple[tuple[float, float], float]:
    """Find the centre of inversion symmetry by masked normalised cross-correlation with the turned pattern.

    With s = 2c, the correlation of f(r) and f(s - r) over the pixels that are good at both is a convolution
    of the pattern with itself, and its normalisation a convolution of the masks (D. Padfield, IEEE Trans.
    Image Process. 21, 2706 (2012), for the case that both images are the same one).

    Parameters
    ----------
    mean : ndarray of shape (h, w), float32
        Mean counts of each pixel.
    good : ndarray of shape (h, w), bool
        True = good.
    n_frames : int
        Number of frames behind the mean.

    Returns
    -------
    centre : tuple of float
        (row, column) in pixels; the middle of the frame where the signal is too weak or shows no symmetry.
    correlation : float
        Correlation at the centre; 0 where the middle was taken.
    """
    middle = ((mean.shape[0] - 1) / 2, (mean.shape[1] - 1) / 2)
    counts = np.where(good, np.maximum(np.nan_to_num(mean), 0), 0).astype(np.float32)
    if counts.sum(dtype=np.float64) * n_frames < MIN_SIGNAL_COUNTS:
        return middle, 0.0
    factor = -(-max(mean.shape) // MAX_SIDE)
    sums, weights = _bin(counts, factor), _bin(good.astype(np.float32), factor)
    usable = weights >= factor**2 / 4
    # the square root evens out Poisson noise, and keeps the centre from outshining the rings
    image = np.sqrt(np.where(usable, sums / np.maximum(weights, 1), 0))
    image = _smooth(image, usable)
    if image[usable].std() < 1e-3 * image[usable].mean():
        return middle, 0.0
    correlation = _turned_correlation(image, usable)
    peak = np.unravel_index(np.argmax(correlation), correlation.shape)
    best = float(correlation[peak])
    if not best >= MIN_CORRELATION:
        return middle, 0.0
    row, column = (_refine(correlation, peak, axis) / 2 * factor + (factor - 1) / 2 for axis in (0, 1))
    return (float(row), float(column)), best


def _bin(image: NDArray, factor: int) -> NDArray:
    height, width = (-(-length // factor) * factor for length in image.shape)
    padded = np.zeros((height, width), np.float32)
    padded[: image.shape[0], : image.shape[1]] = image
    return padded.reshape(height // factor, factor, width // factor, factor).sum(axis=(1, 3))


def _smooth(image: NDArray, usable: NDArray) -> NDArray:
    weight = ndimage.gaussian_filter(usable.astype(np.float32), 1)
    return np.where(usable, ndimage.gaussian_filter(image, 1) / np.maximum(weight, 1e-3), 0)


def _turned_correlation(image: NDArray, usable: NDArray) -> NDArray:
    shape = tuple(2 * length - 1 for length in image.shape)
    padded = [fft.next_fast_len(length, real=True) for length in shape]
    # without this offset the variances below are differences of large numbers
    image = np.where(usable, image - image[usable].mean(), 0).astype(np.float64)
    mask_f, image_f, square_f = (
        fft.rfft2(part, padded) for part in (usable.astype(np.float64), image, image**2)
    )

    def convolve(first: NDArray, second: NDArray) -> NDArray:
        return fft.irfft2(first * second, padded)[: shape[0], : shape[1]]

    overlap = np.maximum(convolve(mask_f, mask_f), 1)
    sums = convolve(image_f, mask_f)
    covariance = convolve(image_f, image_f) - sums**2 / overlap
    variance = convolve(square_f, mask_f) - sums**2 / overlap
    floor = 1e-3 * float(image[usable].var()) * overlap
    correlation = np.where(variance > floor, covariance / np.maximum(variance, floor + 1e-30), 0)
    return np.where(overlap >= MIN_OVERLAP * usable.sum(), correlation, -1)


def _refine(correlation: NDArray, peak: tuple[int, ...], axis: int) -> float:
    """Place the top of a parabola through the peak and its two neighbours along one axis."""
    position = peak[axis]
    line = np.take(correlation, peak[1 - axis], axis=1 - axis)
    if not 0 < position < len(line) - 1 or min(line[position - 1], line[position + 1]) <= -1:
        return float(position)
    before, top, after = line[position - 1 : position + 2]
    curvature = before - 2 * top + after
    return float(position + (0.5 * (before - after) / curvature if curvature < 0 else 0))
