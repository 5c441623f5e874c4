"""Polar maps of frames about their own centres, and what an angular Fourier series says of them.

The patterns of a particle are the same up to an in-plane rotation, which is a shift of the polar map along
the angle; the magnitudes of a Fourier series over the angle do not know of it.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

N_SAMPLES = 3
"""Sub-samples of one polar cell in each direction; fewer would let single pixels alias into high orders."""
LEAST_SYMMETRY = 0.1
"""Correlation of a frame with its point reflection below which it says nothing about the centre."""
EMPTY = 0.375
"""Square of ``sqrt(counts + 3/8)``, Anscombe, Biometrika 35, 246 (1948), where nothing is counted."""


def find_centres(roots: NDArray[np.float32], mask: NDArray[np.bool_], *, reach: float) -> NDArray[np.float32]:
    """Find the centre of each frame as the point about which it agrees best with its point reflection.

    The beam moves by a pixel or two from shot to shot, which is enough to fake angular structure. The score
    is Pearson's correlation of all pairs of good pixels opposite each other, for all centres at once, by FFT.

    Parameters
    ----------
    roots : ndarray of shape (n, s, s), float32
        Square roots of the counts: their noise is the same everywhere.
    mask : ndarray of shape (s, s), bool
        True where the pixels may be used.
    reach : float
        How far from the middle of the frame a centre may be, in pixels.

    Returns
    -------
    centres : ndarray of shape (n, 2), float32
        (row, column) relative to the middle ``(s - 1) / 2``, in steps of half a pixel; 0 without symmetry.
    """
    size, steps = len(mask), max(1, round(2 * reach))
    padded = fft.next_fast_len(2 * size - 1, real=True)
    window = slice(max(0, size - 1 - steps), size + steps)

    def transform(images: NDArray) -> NDArray:
        return fft.rfft2(images, (padded, padded))

    def pair_sums(product: NDArray) -> NDArray:
        return fft.irfft2(product, (padded, padded))[..., window, window]

    good = mask.astype(np.float32)
    values = roots * good
    good_f, values_f = transform(good), transform(values)
    n_pairs = np.maximum(pair_sums(good_f * good_f), 1.0)
    sums = pair_sums(values_f * good_f)
    covariance = pair_sums(values_f * values_f) - sums * sums / n_pairs
    variance = pair_sums(transform(values * values) * good_f) - sums * sums / n_pairs
    score = (covariance / np.maximum(variance, 1e-3 * n_pairs)).reshape(len(roots), -1)
    best = np.stack(np.unravel_index(score.argmax(axis=1), sums.shape[1:]), axis=1)
    centres = (best - (sums.shape[1] - 1) / 2) / 2
    return np.where(score.max(axis=1, keepdims=True) >= LEAST_SYMMETRY, centres, 0.0).astype(np.float32)


def usable_radii(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the radii, in pixels, between which at least half of each ring is good.

    Parameters
    ----------
    mask : ndarray of shape (s, s), bool
        True where the pixels may be used.

    Returns
    -------
    inner, outer : float
        About the middle; 0 and ``s / 2`` if no ring is half good.
    """
    axis = np.arange(len(mask)) - (len(mask) - 1) / 2
    ring = np.hypot(axis[:, None], axis).astype(int).ravel()
    share = np.bincount(ring, weights=mask.ravel()) / np.maximum(np.bincount(ring), 1)
    good = np.flatnonzero(share[: len(mask) // 2] >= 0.5)
    if len(good) < 2:
        return 0.0, len(mask) / 2
    return float(good[0]), float(good[-1] + 1)


def polar_maps(
    frames: NDArray[np.float32],
    mask: NDArray[np.bool_],
    centres: NDArray[np.float32],
    *,
    n_radii: int,
    n_angles: int,
) -> NDArray[np.float32]:
    """Resample frames to polar coordinates about their centres.

    A cell is the mean of the good pixels under it. One without any takes the value of the cell opposite, for
    diffraction is nearly point-symmetric, or else the mean of its ring.

    Parameters
    ----------
    frames : ndarray of shape (n, s, s), float32
        In any unit.
    mask : ndarray of shape (s, s), bool
        True where the pixels may be used.
    centres : ndarray of shape (n, 2), float32
        From `find_centres`.
    n_radii, n_angles : int
        Cells of the map; `n_angles` is even.

    Returns
    -------
    maps : ndarray of shape (n, n_radii, n_angles), float32
        In the unit of `frames`; a ring without any good pixel is 0.
    """
    inner, outer = usable_radii(mask)
    radius = inner + (np.arange(n_radii * N_SAMPLES) + 0.5) * (outer - inner) / (n_radii * N_SAMPLES)
    angle = (np.arange(n_angles * N_SAMPLES) + 0.5) * 2 * np.pi / (n_angles * N_SAMPLES)
    middle = (len(mask) - 1) / 2
    rows = (middle + radius[:, None] * np.sin(angle)).astype(np.float32)
    columns = (middle + radius[:, None] * np.cos(angle)).astype(np.float32)
    # A frame of bad pixels about the mask lets samples fall off the edge.
    padded = np.pad(mask, 1)
    cells = (n_radii, N_SAMPLES, n_angles, N_SAMPLES)
    maps = np.empty((len(frames), n_radii, n_angles), np.float32)
    for frame, (row, column), out in zip(frames, centres, maps, strict=True):
        i = np.clip(np.rint(rows + row).astype(np.int32) + 1, 0, len(mask) + 1)
        j = np.clip(np.rint(columns + column).astype(np.int32) + 1, 0, len(mask) + 1)
        pixels = i * len(padded) + j
        hits = padded.ravel()[pixels].reshape(cells).sum(axis=(1, 3))
        values = np.pad(frame * mask, 1).ravel()[pixels].reshape(cells).sum(axis=(1, 3))
        out[:] = _fill(values / np.maximum(hits, 1), hits > 0)
    return maps


def _fill(cells: NDArray[np.float32], good: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Fill the cells without a pixel from the opposite side, or with the mean of the ring."""
    half = cells.shape[1] // 2
    opposite, has_opposite = np.roll(cells, half, axis=1), np.roll(good, half, axis=1)
    ring = (cells * good).sum(axis=1, keepdims=True) / np.maximum(good.sum(axis=1, keepdims=True), 1)
    return np.where(good, cells, np.where(has_opposite, opposite, ring))


def angular_power(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the power spectrum over the angle, ring by ring.

    Parameters
    ----------
    maps : ndarray of shape (n, n_radii, n_angles), float32
        Polar maps.

    Returns
    -------
    power : ndarray of shape (n, n_radii, n_angles // 2 + 1), float32
        ``|c_m(r)|^2`` with ``c_m`` the mean over the angle of ``map * exp(-i m phi)``.
    """
    spectrum = fft.rfft(maps, axis=2) / maps.shape[2]
    return np.square(np.abs(spectrum)).astype(np.float32)


def relative_magnitudes(power: NDArray[np.float32], *, n_bands: int, n_orders: int) -> NDArray[np.float32]:
    """Return how strongly each ring band varies with the angle, whatever the brightness.

    The power at high orders is the noise of counting, which is the same at all orders; it is subtracted. What
    is left is averaged over bands of rings, which takes out where exactly the fringes lie, and divided by the
    power of order 0, which takes out the brightness.

    Parameters
    ----------
    power : ndarray of shape (n, n_radii, n_orders_in), float32
        From `angular_power`, of maps of ``sqrt(counts + 3/8)``.
    n_bands : int
        Bands of rings, at most `n_radii`.
    n_orders : int
        Orders 1 to `n_orders` are kept.

    Returns
    -------
    magnitudes : ndarray of shape (n, n_bands, n_orders), float32
        Amplitude of each order relative to the mean; 0 for a round pattern.

    Raises
    ------
    ValueError
        If the orders wanted reach into those that the noise is taken from.
    """
    first_of_noise = 3 * (power.shape[2] - 1) // 4
    if n_orders >= first_of_noise:
        raise ValueError(f"{power.shape[2]} orders give {first_of_noise - 1} above the noise, not {n_orders}")
    # The median of exponentially distributed powers is ln 2 of their mean, and does not mind a strong fringe.
    noise = np.median(power[:, :, first_of_noise:], axis=2, keepdims=True) / np.log(2)
    signal = _band_means(power[:, :, 1 : n_orders + 1] - noise, n_bands)
    mean = _band_means(power[:, :, :1] - EMPTY + noise, n_bands)
    return np.sqrt(np.maximum(signal, 0) / np.maximum(mean, 1e-3)).astype(np.float32)


def _band_means(power: NDArray[np.float32], n_bands: int) -> NDArray[np.float32]:
    """Average rings into bands: (n, n_radii, m) -> (n, n_bands, m)."""
    return np.stack([band.mean(axis=1) for band in np.array_split(power, n_bands, axis=1)], axis=1)
