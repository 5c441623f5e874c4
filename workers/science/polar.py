"""Polar maps of frames and their angular Fourier magnitudes.

The patterns of a particle are the same up to an in-plane rotation, which is a shift of the polar map along the angle;
the magnitudes of a Fourier transform over the angle do not know of it. They are what the angular FactorVAE learns.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

N_SAMPLES = 3
"""Sub-samples of one polar cell in each direction; fewer would let single pixels alias into high orders."""


def polar_operator(
    mask: NDArray[np.bool_], *, n_radii: int, n_angles: int, inner: float = 0.0
) -> sparse.csr_array:
    """Build the linear map from the pixels of a centred frame to its polar map.

    A polar cell is the mean of the good pixels under it. A cell with none is filled along its ring, linearly from its
    nearest good neighbours on both sides, so that gaps do not read as structure; a ring with no good pixel is 0.

    Parameters
    ----------
    mask : ndarray of shape (size, size), bool
        True where the pixel may be used. The beam is in the middle, at ``(size - 1) / 2``.
    n_radii, n_angles : int
        Cells of the polar map.
    inner : float, default=0.0
        Radius at which the first ring begins, in pixels; the last one ends at ``size / 2``.

    Returns
    -------
    operator : sparse array of shape (n_radii * n_angles, size * size), float32
        ``operator @ frame.ravel()`` is the polar map, ring by ring.
    """
    size = mask.shape[0]
    cells, pixels = _sample_pixels(size, n_radii, n_angles, inner)
    good = mask.ravel()[pixels]
    cells, pixels = cells[good], pixels[good]
    shape = (n_radii * n_angles, size * size)
    hits = sparse.coo_array((np.ones(len(cells), np.float32), (cells, pixels)), shape=shape).tocsr()
    weight = np.asarray(hits.sum(axis=1)).ravel()
    mean = sparse.diags_array(1.0 / np.maximum(weight, 1.0)) @ hits
    filled = _ring_filling((weight > 0).reshape(n_radii, n_angles)) @ mean
    return sparse.csr_array(filled.astype(np.float32))


def _sample_pixels(
    size: int, n_radii: int, n_angles: int, inner: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the polar cell and the pixel of each sub-sample."""
    middle, step = (size - 1) / 2, (size / 2 - inner) / n_radii
    radius = inner + (np.arange(n_radii * N_SAMPLES) + 0.5) * step / N_SAMPLES
    angle = (np.arange(n_angles * N_SAMPLES) + 0.5) * 2 * np.pi / (n_angles * N_SAMPLES)
    rows = np.rint(middle + radius[:, None] * np.sin(angle)).astype(np.int64)
    columns = np.rint(middle + radius[:, None] * np.cos(angle)).astype(np.int64)
    ring = np.arange(n_radii * N_SAMPLES)[:, None] // N_SAMPLES
    cells = ring * n_angles + np.arange(n_angles * N_SAMPLES) // N_SAMPLES
    inside = (rows >= 0) & (rows < size) & (columns >= 0) & (columns < size)
    return cells[inside], (rows * size + columns)[inside]


def _ring_filling(good: NDArray[np.bool_]) -> sparse.csr_array:
    """Return the map that fills bad cells of a ring from the next good ones on both sides."""
    n_radii, n_angles = good.shape
    rows, columns, values = [], [], []
    for ring in range(n_radii):
        known = np.flatnonzero(good[ring])
        if len(known) == 0:
            continue
        angle = np.arange(n_angles)
        after = np.searchsorted(known, angle, side="left")
        right = known[after % len(known)]
        left = known[after - 1]
        to_right, to_left = (right - angle) % n_angles, (angle - left) % n_angles
        share = np.where(good[ring], 1.0, to_left / np.maximum(to_left + to_right, 1))
        rows += [ring * n_angles + angle] * 2
        columns += [ring * n_angles + right, ring * n_angles + left]
        values += [share, 1.0 - share]
    shape = (good.size, good.size)
    if not rows:
        return sparse.csr_array(shape, dtype=np.float64)
    coordinates = (np.concatenate(rows), np.concatenate(columns))
    return sparse.coo_array((np.concatenate(values), coordinates), shape=shape).tocsr()


def polar_maps(
    frames: NDArray, operator: sparse.csr_array, *, n_radii: int, n_angles: int
) -> NDArray[np.float32]:
    """Resample frames to polar coordinates.

    Parameters
    ----------
    frames : ndarray of shape (n, size, size)
        Centred frames, in any unit.
    operator : sparse array
        From `polar_operator`.
    n_radii, n_angles : int
        As given to `polar_operator`.

    Returns
    -------
    maps : ndarray of shape (n, n_radii, n_angles), float32
        In the unit of `frames`.
    """
    flat = np.ascontiguousarray(frames.reshape(len(frames), -1).T, dtype=np.float32)
    return np.ascontiguousarray((operator @ flat).T).reshape(len(frames), n_radii, n_angles)


def angular_magnitudes(maps: NDArray[np.float32], n_orders: int) -> NDArray[np.float32]:
    """Return the magnitudes of the Fourier series over the angle, ring by ring.

    Parameters
    ----------
    maps : ndarray of shape (n, n_radii, n_angles), float32
        Polar maps.
    n_orders : int
        Orders 0 to ``n_orders - 1`` are kept; at most ``n_angles // 2 + 1``.

    Returns
    -------
    magnitudes : ndarray of shape (n, n_orders, n_radii), float32
        ``|c_m(r)|`` with ``c_m`` the mean over the angle of ``map * exp(-i m phi)``, in the unit of the maps.

    Raises
    ------
    ValueError
        If the maps have too few angles for that many orders.
    """
    n_angles = maps.shape[2]
    if n_orders > n_angles // 2 + 1:
        raise ValueError(f"{n_angles} angles give {n_angles // 2 + 1} orders, not {n_orders}")
    spectrum = np.fft.rfft(maps, axis=2)[:, :, :n_orders]
    return np.abs(spectrum).astype(np.float32).transpose(0, 2, 1) / n_angles
