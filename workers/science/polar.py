"""Polar maps of frames about their own centres, and what an angular Fourier series says of them.

The patterns of a particle are the same up to an in-plane rotation, which is a shift of the polar map along
the angle; the magnitudes of a Fourier series over the angle do not know of it.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, sparse

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
    pairs = _pairs(len(mask), max(1, round(2 * reach)))
    good = mask.astype(np.float32)
    good_f, n_pairs = _good_pairs(pairs, mask.tobytes())
    values = roots * good
    values_f = pairs.transform(values)
    sums = pairs.sums(values_f * good_f)
    shares = sums * sums / n_pairs
    covariance = pairs.sums(values_f * values_f) - shares
    values *= values
    variance = pairs.sums(pairs.transform(values) * good_f) - shares
    score = (covariance / np.maximum(variance, 1e-3 * n_pairs)).reshape(len(roots), -1)
    best = np.stack(np.unravel_index(score.argmax(axis=1), n_pairs.shape), axis=1)
    centres = (best - (len(n_pairs) - 1) / 2) / 2
    return np.where(score.max(axis=1, keepdims=True) >= LEAST_SYMMETRY, centres, 0.0).astype(np.float32)


class _Pairs:
    """Sums over pairs of pixels opposite each other, for all centres within reach of the middle.

    They are the middle of the convolution of two images. A transform of `length` leaves just that middle free
    of what wraps round, and only its few rows and columns are transformed back.

    Parameters
    ----------
    size : int
        Side of the images.
    steps : int
        Steps of half a pixel from the middle to the farthest centre.
    """

    def __init__(self, size: int, steps: int) -> None:
        steps = min(steps, size - 1)
        self.length = fft.next_fast_len(size + steps, real=True)
        turns = np.arange(size - 1 - steps, size + steps)[:, None] / self.length
        rows = np.exp(2j * np.pi * turns * np.arange(self.length)) / self.length**2
        columns = np.exp(2j * np.pi * turns * np.arange(self.length // 2 + 1))
        # A real image has the other half of its transform in this half, but for the ends.
        twice = np.full(columns.shape[1], 2.0)
        twice[0] = 1
        if self.length % 2 == 0:
            twice[-1] = 1
        self.rows = rows.astype(np.complex64)
        self.columns = np.concatenate([columns.real * twice, -columns.imag * twice], axis=1).T.astype(
            np.float32
        )

    def transform(self, images: NDArray[np.float32]) -> NDArray[np.complex64]:
        """Return the transforms of images (..., s, s)."""
        return fft.rfft2(images, (self.length, self.length))

    def sums(self, product: NDArray[np.complex64]) -> NDArray[np.float32]:
        """Return the sums (..., 2 steps + 1, 2 steps + 1) from the product of two transforms."""
        half = self.rows @ product
        return np.concatenate([half.real, half.imag], axis=-1) @ self.columns


@lru_cache(maxsize=16)
def _pairs(size: int, steps: int) -> _Pairs:
    return _Pairs(size, steps)


@lru_cache(maxsize=16)
def _good_pairs(pairs: _Pairs, mask: bytes) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Return the transform of a mask, and how many pairs of good pixels each centre has."""
    size = math.isqrt(len(mask))
    good_f = pairs.transform(np.frombuffer(mask, np.bool_).reshape(size, size).astype(np.float32))
    return good_f, np.maximum(pairs.sums(good_f * good_f), 1.0)


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
        From `find_centres`; taken to half a pixel.
    n_radii, n_angles : int
        Cells of the map; `n_angles` is even.

    Returns
    -------
    maps : ndarray of shape (n, n_radii, n_angles), float32
        In the unit of `frames`; a ring without any good pixel is 0.
    """
    maps = np.empty((len(frames), n_radii * n_angles), np.float32)
    pixels = frames.reshape(len(frames), -1)
    # Frames that share a centre share the way from pixels to cells.
    nearest, group = np.unique(np.rint(2 * centres).astype(int), axis=0, return_inverse=True)
    for number, (row, column) in enumerate(nearest.tolist()):
        members = np.flatnonzero(group == number)
        operator = _cells(mask.tobytes(), n_radii, n_angles, (row / 2, column / 2))
        maps[members] = (operator @ pixels[members].T).T
    return maps.reshape(len(frames), n_radii, n_angles)


@lru_cache(maxsize=256)
def _cells(mask: bytes, n_radii: int, n_angles: int, centre: tuple[float, float]) -> sparse.csr_array:
    """Return the matrix that takes the pixels of a frame to the cells of its polar map, in rows."""
    size = math.isqrt(len(mask))
    good = np.frombuffer(mask, np.bool_).reshape(size, size)
    pixels = _sampled_pixels(good, n_radii, n_angles, centre)
    hit = pixels >= 0
    cells = np.broadcast_to(np.arange(len(pixels))[:, None], pixels.shape)
    ones = np.ones(int(hit.sum()), np.float32)
    sums = sparse.csr_array((ones, (cells[hit], pixels[hit])), shape=(len(pixels), size * size))
    n_hits = hit.sum(axis=1)
    means = sparse.diags_array((1 / np.maximum(n_hits, 1)).astype(np.float32)) @ sums
    return (_filling((n_hits > 0).reshape(n_radii, n_angles)) @ means).tocsr()


def _sampled_pixels(
    good: NDArray[np.bool_], n_radii: int, n_angles: int, centre: tuple[float, float]
) -> NDArray[np.int64]:
    """Return which pixels each cell looks at, (n_radii * n_angles, N_SAMPLES**2); -1 for a bad one."""
    inner, outer = usable_radii(good)
    radius = inner + (np.arange(n_radii * N_SAMPLES) + 0.5) * (outer - inner) / (n_radii * N_SAMPLES)
    angle = (np.arange(n_angles * N_SAMPLES) + 0.5) * 2 * np.pi / (n_angles * N_SAMPLES)
    size, middle = len(good), (len(good) - 1) / 2
    rows = np.rint((middle + radius[:, None] * np.sin(angle)).astype(np.float32) + centre[0]).astype(int)
    columns = np.rint((middle + radius[:, None] * np.cos(angle)).astype(np.float32) + centre[1]).astype(int)
    inside = (rows >= 0) & (rows < size) & (columns >= 0) & (columns < size)
    pixels = np.where(inside, rows * size + columns, 0)
    pixels = np.where(inside & good.ravel()[pixels], pixels, -1)
    cells = pixels.reshape(n_radii, N_SAMPLES, n_angles, N_SAMPLES).swapaxes(1, 2)
    return cells.reshape(n_radii * n_angles, -1)


def _filling(good: NDArray[np.bool_]) -> sparse.csr_array:
    """Return the matrix that fills empty cells from the opposite side, or with the mean of the ring."""
    cell = np.arange(good.size).reshape(good.shape)
    half = good.shape[1] // 2
    filled = good | np.roll(good, half, axis=1)
    source = np.where(good, cell, np.roll(cell, half, axis=1))
    rows, columns, weights = [cell[filled]], [source[filled]], [np.ones(int(filled.sum()))]
    for ring in np.flatnonzero(~filled.all(axis=1)):
        empty, full = cell[ring][~filled[ring]], cell[ring][good[ring]]
        rows.append(np.repeat(empty, len(full)))
        columns.append(np.tile(full, len(empty)))
        weights.append(np.full(len(empty) * len(full), 1 / max(len(full), 1)))
    entries = np.concatenate(weights).astype(np.float32), (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_array(entries, shape=(good.size, good.size))


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
