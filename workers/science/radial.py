"""Radial profiles of frames, each about its own centre: how counts spread, fall off, and make rings."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# The shortest distance of two rings that a profile of rings one pixel wide can show.
SHORTEST_SPACING = 3.0
MIN_RING_PIXELS = 4
# Counts of a whole ring below which its mean says more of chance than of the pattern.
MIN_RING_COUNTS = 12.0
# Share of the profile's unevenness that one spacing must explain to be believed.
MIN_EXPLAINED = 0.55
_MIN_RINGS = 12
_MIN_PERIODS = 2.0
_DEGREE = 2
_NEARBY = np.linspace(0.8, 1.25, 10)


def radial_profiles(
    counts: NDArray[np.float32], mask: NDArray[np.bool_], centres: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average frames over rings one pixel wide about their centres.

    Parameters
    ----------
    counts : ndarray of shape (n, s, s), float32
        Mean counts of a detector pixel.
    mask : ndarray of shape (s, s), bool
        True = good.
    centres : ndarray of shape (n, 2), float32
        (row, column) relative to the middle ``(s - 1) / 2``, in steps of half a pixel.

    Returns
    -------
    profiles : ndarray of shape (n, s // 2), float64
        Mean counts of each ring; NaN where fewer than 4 pixels are good. Ring k reaches from k to k + 1
        pixels.
    n_pixels : ndarray of shape (n, s // 2), float64
        Good pixels of each ring.
    """
    n_rings = len(mask) // 2
    profiles, n_pixels = np.empty((2, len(counts), n_rings))
    flat, key = counts.reshape(len(counts), -1), np.ascontiguousarray(mask).tobytes()
    for number, (row, column) in enumerate(centres.tolist()):
        pixels, ends, n_pixels[number] = _rings(key, len(mask), row, column)
        # the pixels are in the order of their rings, so a ring is one piece of the running sum
        running = np.concatenate([[0.0], np.cumsum(flat[number][pixels], dtype=np.float64)])
        profiles[number] = np.diff(running[ends], prepend=0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        profiles /= n_pixels
    return np.where(n_pixels >= MIN_RING_PIXELS, profiles, np.nan), n_pixels


@lru_cache(maxsize=1024)
def _rings(mask: bytes, side: int, row: float, column: float) -> tuple[NDArray, NDArray, NDArray]:
    """Return the good pixels ordered by ring, where each ring ends, and how many pixels it has."""
    n_rings, middle = side // 2, (side - 1) / 2
    axis = np.arange(side) - middle
    ring = np.hypot(axis[:, None] - row, axis - column).astype(np.int64).ravel()
    good = np.frombuffer(mask, np.bool_) & (ring < n_rings)
    pixels = np.flatnonzero(good)
    pixels = pixels[np.argsort(ring[pixels], kind="stable")]
    sizes = np.bincount(ring[pixels], minlength=n_rings)
    return pixels, np.cumsum(sizes), sizes.astype(np.float64)


def quantile_radii(profiles: NDArray[np.float64], shares: tuple[float, ...]) -> NDArray[np.float64]:
    """Find the radii that hold given shares of the counts.

    Parameters
    ----------
    profiles : ndarray of shape (n, r), float64
        From `radial_profiles`; a ring without a value is taken to be as its neighbours.
    shares : tuple of float
        Such as one half.

    Returns
    -------
    radii : ndarray of shape (len(shares), n), float64
        In pixels of the profile; NaN where there are no counts.
    """
    radii = np.full((len(shares), len(profiles)), np.nan)
    edges = np.arange(profiles.shape[1] + 1)
    area = np.pi * np.diff(edges**2)
    for number, profile in enumerate(fill_rings(profiles)):
        held = np.concatenate([[0.0], np.cumsum(np.maximum(profile, 0) * area)])
        if held[-1] > 0:
            radii[:, number] = [np.interp(share * held[-1], held, edges) for share in shares]
    return radii


def fill_rings(profiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fill rings without a value from those around; 0 where a profile has none at all.

    Parameters
    ----------
    profiles : ndarray of shape (n, r), float64
        NaN where a ring has no value.

    Returns
    -------
    filled : ndarray of shape (n, r), float64
        Interpolated between rings, constant beyond the last.
    """
    missing = ~np.isfinite(profiles)
    filled = np.where(missing, 0.0, profiles)
    rings = np.arange(profiles.shape[1])
    for number in np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1)):
        gaps = missing[number]
        filled[number, gaps] = np.interp(rings[gaps], rings[~gaps], profiles[number, ~gaps])
    return filled


def ring_weights(
    profiles: NDArray[np.float64], n_pixels: NDArray[np.float64], area: float
) -> NDArray[np.float64]:
    """Say how well the logarithm of each ring is known: by the counts of the ring, up to a limit.

    Parameters
    ----------
    profiles, n_pixels : ndarray of shape (n, r), float64
        From `radial_profiles`.
    area : float
        Detector pixels behind one pixel of the profile.

    Returns
    -------
    weights : ndarray of shape (n, r), float64
        0 to 1; 0 from the first ring on beyond which three in a row are too dim to tell.
    """
    counts = np.nan_to_num(profiles) * n_pixels * area
    weights = np.where(counts > 0, counts / (counts + MIN_RING_COUNTS), 0.0)
    is_dim = counts < MIN_RING_COUNTS
    run = is_dim.copy()
    for shift in (1, 2):
        run[:, :-shift] &= is_dim[:, shift:]
        run[:, -shift:] &= is_dim[:, -1:]
    started = np.maximum.accumulate(counts > MIN_RING_COUNTS, axis=1)
    ended = np.maximum.accumulate(run & started, axis=1)
    return np.where(ended, 0.0, weights)


def log_profiles(
    profiles: NDArray[np.float64], n_pixels: NDArray[np.float64], area: float
) -> NDArray[np.float64]:
    """Return the logarithm of profiles, with one count a ring added, so that an empty ring has one, too.

    Parameters
    ----------
    profiles, n_pixels : ndarray of shape (n, r), float64
        From `radial_profiles`.
    area : float
        Detector pixels behind one pixel of the profile.

    Returns
    -------
    logarithms : ndarray of shape (n, r), float64
        Natural.
    """
    return np.log(np.maximum(np.nan_to_num(profiles), 0) + 1 / (np.maximum(n_pixels, 1) * area))


def fall_off(logarithms: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit a power of the radius to each profile.

    Parameters
    ----------
    logarithms, weights : ndarray of shape (n, r), float64
        From `log_profiles` and `ring_weights`.

    Returns
    -------
    slopes : ndarray of shape (n,), float64
        Slope of log counts over log radius, such as -4 for a sphere with a sharp edge; NaN where fewer than
        12 rings are bright enough.
    """
    log_radius = np.log(np.arange(logarithms.shape[1]) + 0.5)
    coefficients, enough = _fit(logarithms, weights, log_radius, 1)
    return np.where(enough, coefficients[:, 1], np.nan)


def ring_spacings(logarithms: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find the distance between the rings of each pattern.

    The logarithm of the profile, its smooth fall-off taken away, is compared with a sine of every spacing:
    a weighted least-squares periodogram, which needs no rings of equal weight and no window.

    Parameters
    ----------
    logarithms, weights : ndarray of shape (n, r), float64
        From `log_profiles` and `ring_weights`.

    Returns
    -------
    spacings : ndarray of shape (n,), float64
        In pixels of the profile; NaN where no spacing explains the profile.
    """
    n_rings = logarithms.shape[1]
    radius = np.arange(n_rings) + 0.5
    coefficients, enough = _fit(logarithms, weights, np.log(radius), _DEGREE)
    smooth = coefficients @ (np.log(radius) ** np.arange(_DEGREE + 1)[:, None])
    rest = np.where(weights > 0, logarithms - smooth, 0.0)
    rest -= (weights * rest).sum(axis=1, keepdims=True) / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    frequencies = np.arange(_MIN_PERIODS / n_rings, 1 / SHORTEST_SPACING, 0.25 / n_rings)
    explained = _explained(rest, weights, radius, frequencies)
    span = weights.sum(axis=1, keepdims=True)
    explained = np.where(frequencies * span >= _MIN_PERIODS, explained, 0.0)
    best = explained.argmax(axis=1)
    seen = enough & (explained[np.arange(len(best)), best] >= MIN_EXPLAINED)
    spacings = np.full(len(best), np.nan)
    if seen.any():
        frequency = _refine(logarithms[seen], weights[seen], np.log(radius), frequencies[best[seen]])
        spacings[seen] = 1 / frequency
    return spacings


def _fit(
    values: NDArray, weights: NDArray, place: NDArray, degree: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Fit a polynomial of `place` to each row: coefficients (n, degree + 1), and which rows have enough."""
    powers = place ** np.arange(degree + 1)[:, None]
    normal = np.einsum("nr,ir,jr->nij", weights, powers, powers, optimize=True)
    normal += 1e-9 * np.eye(degree + 1)
    right = (weights * values) @ powers.T
    return np.linalg.solve(normal, right[..., None])[..., 0], (weights > 0).sum(axis=1) >= _MIN_RINGS


def _explained(rest: NDArray, weights: NDArray, radius: NDArray, frequencies: NDArray) -> NDArray[np.float64]:
    """Return the share of the weighted variance that a sine of each frequency explains, (n, f)."""
    angle = 2 * np.pi * radius[:, None] * frequencies
    cosine, sine = np.cos(angle), np.sin(angle)
    weighted = weights * rest
    a, b = weighted @ cosine, weighted @ sine
    cc, ss, cs = weights @ cosine**2, weights @ sine**2, weights @ (cosine * sine)
    determinant = np.maximum(cc * ss - cs * cs, 1e-9)
    power = (a * a * ss + b * b * cc - 2 * a * b * cs) / determinant
    return power / np.maximum((weighted * rest).sum(axis=1, keepdims=True), 1e-12)


def _refine(
    logarithms: NDArray, weights: NDArray, log_radius: NDArray, frequency: NDArray
) -> NDArray[np.float64]:
    """Fit fall-off and sine together at frequencies near those found, and return the best, (n,).

    Where there are few rings the fall-off, fitted alone, takes a part of them away.
    """
    tried = frequency[:, None] * _NEARBY  # (n, t)
    angle = 2 * np.pi * np.exp(log_radius) * tried[..., None]  # (n, t, r)
    powers = np.broadcast_to(
        log_radius ** np.arange(_DEGREE + 1)[:, None, None, None], (_DEGREE + 1, *angle.shape)
    )
    basis = np.concatenate([powers, [np.cos(angle), np.sin(angle)]])  # (b, n, t, r)
    weighted = basis * weights[:, None]
    normal = np.einsum("intr,jntr->ntij", weighted, basis, optimize=True) + 1e-9 * np.eye(len(basis))
    right = np.einsum("intr,nr->nti", weighted, logarithms, optimize=True)
    explained = (np.linalg.solve(normal, right[..., None])[..., 0] * right).sum(axis=2)
    rows, best = np.arange(len(tried)), np.clip(explained.argmax(axis=1), 1, len(_NEARBY) - 2)
    before, top, after = (explained[rows, best + step] for step in (-1, 0, 1))
    curvature = before - 2 * top + after
    shift = np.where(curvature < 0, 0.5 * (before - after) / np.where(curvature < 0, curvature, -1), 0.0)
    return frequency * np.interp(best + np.clip(shift, -1, 1), np.arange(len(_NEARBY)), _NEARBY)
