"""What the rings of a pattern look like: the power of its contrast over angle and radius.

A polar map is divided by its own smooth radial profile, which leaves rings and what interrupts them,
whatever the brightness. Of each window of radii the power spectrum in two dimensions is kept: over the angle,
where the power does not know of in-plane rotation, and over the radius, where fringes of one spacing are one
peak, wherever they lie. Round, layered and double particles differ over the radius, elongated ones over the
angle, and whether fringes alternate along a direction or not tells ellipses from streaks.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from workers.science.polar import EMPTY

N_WINDOWS = 3
"""Windows over the radius, each half as long as the map, one starting a quarter after the other."""
N_BANDS = 12
"""Bands of fringes, evenly by logarithm, from less than one over the map to one every second ring."""
ORDERS = (*((m, m + 1) for m in range(9)), (9, 11), (11, 13), (13, 17), (17, 25))
"""Orders of the Fourier series over the angle, the high ones together: half-open ranges."""
FEWEST_FRINGES = 0.7
SMOOTHED = 4
"""Rings to each side that a smooth profile is averaged over."""
LEAST_PROFILE = 0.3
"""Added to the smooth profile, in roots of counts, so that nothing divided by nothing is nothing."""
KNEE = 0.1
"""Contrast from which a feature grows as its logarithm: few strong streaks would outweigh all else."""
_PADDING = 4


def n_spectra(n_angles: int) -> int:
    """Return the number of features of maps with so many angles."""
    return N_WINDOWS * N_BANDS * len(_orders(n_angles))


def ring_spectra(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the amplitudes of the contrast, by window, order over the angle and band over the radius.

    Parameters
    ----------
    maps : ndarray of shape (n, n_radii, n_angles), float32
        Polar maps of ``sqrt(counts + 3/8)``.

    Returns
    -------
    spectra : ndarray of shape (n, n_spectra(n_angles)), float32
        ``asinh(amplitude / KNEE)``, with the amplitude relative to the smooth profile and the noise of
        counting, which is the same at all orders, subtracted from its square.
    """
    n, n_radii, n_angles = maps.shape
    orders = _orders(n_angles)
    contrast, _ = contrast_of(maps)
    series = fft.rfft(contrast, axis=2) / np.float32(n_angles)
    # The median of exponentially distributed powers is ln 2 of their mean.
    above = np.square(np.abs(series[:, :, _first_of_noise(n_angles) :]))
    noise = np.median(above, axis=2) / np.float32(np.log(2))
    series = np.ascontiguousarray(series[:, :, : orders[-1][1]].transpose(0, 2, 1))  # (n, m, radii)
    bands, found = _bands(n_radii), []
    for window in _windows(n_radii):
        power = np.square(np.abs(fft.fft(series * window, _PADDING * n_radii, axis=2))) * np.float32(n_radii)
        power = power @ bands - (noise @ np.square(window))[:, None, None] * np.float32(n_radii)
        power[:, 0] *= 0.25  # order 0 has both halves of its power in one term
        found.append(np.stack([power[:, low:high].sum(axis=1) for low, high in orders], axis=1))
    amplitude = np.sqrt(np.maximum(np.stack(found, axis=1), 0)).reshape(n, -1)
    return np.arcsinh(amplitude / np.float32(KNEE))


def contrast_of(maps: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Divide polar maps by their own smooth radial profiles.

    Parameters
    ----------
    maps : ndarray of shape (n, n_radii, n_angles), float32
        Polar maps of ``sqrt(counts + 3/8)``.

    Returns
    -------
    contrast : ndarray of shape (n, n_radii, n_angles), float32
        What deviates from the profile, relative to it.
    smooth : ndarray of shape (n, n_radii), float32
        The profile, in roots of counts, at least `LEAST_PROFILE`.
    """
    roots = maps - np.float32(np.sqrt(EMPTY))
    smooth = np.maximum(_smoothed(roots.mean(axis=2)), 0) + np.float32(LEAST_PROFILE)
    return (roots - smooth[:, :, None]) / smooth[:, :, None], smooth


def _first_of_noise(n_angles: int) -> int:
    return 3 * n_angles // 8


def _orders(n_angles: int) -> list[tuple[int, int]]:
    """Return the ranges of orders that lie below those that the noise is taken from."""
    return [(low, high) for low, high in ORDERS if high <= _first_of_noise(n_angles)]


def _smoothed(profiles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return profiles (n, n_radii) averaged over neighbouring rings."""
    weights = np.hanning(2 * SMOOTHED + 3)[1:-1]
    weights = (weights / weights.sum()).astype(np.float32)
    padded = np.pad(profiles, ((0, 0), (SMOOTHED, SMOOTHED)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, len(weights), axis=1) @ weights


@lru_cache(maxsize=8)
def _windows(n_radii: int) -> tuple[NDArray[np.float32], ...]:
    """Return the windows, (n_radii,) each, of the same energy."""
    length, windows = 2 * n_radii // (N_WINDOWS + 1), []
    for number in range(N_WINDOWS):
        start, window = number * (n_radii - length) // (N_WINDOWS - 1), np.zeros(n_radii)
        window[start : start + length] = np.hanning(length + 2)[1:-1]
        windows.append((window / np.sqrt(np.square(window).sum() * n_radii)).astype(np.float32))
    return tuple(windows)


@lru_cache(maxsize=8)
def _bands(n_radii: int) -> NDArray[np.float32]:
    """Return the matrix (_PADDING * n_radii, N_BANDS) that averages a spectrum over bands of fringes."""
    fringes = np.abs(fft.fftfreq(_PADDING * n_radii, 1 / n_radii))
    edges = np.geomspace(FEWEST_FRINGES, n_radii / 2, N_BANDS + 1)
    bands = np.zeros((len(fringes), N_BANDS), np.float32)
    for number, (low, high) in enumerate(zip([0, *edges[1:]], edges[1:], strict=False)):
        is_in = (fringes >= low) & (fringes < high)
        if not is_in.any():  # narrower than a step of the spectrum
            is_in = np.abs(fringes - (low + high) / 2) <= 0.51 / _PADDING
        bands[is_in, number] = 1 / is_in.sum()
    return bands
