"""The way back from a polar map to the image that it was made from."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from workers.science.polar import usable_radii


def on_image(
    heat: NDArray[np.float32], good: NDArray[np.bool_], centre: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Lay polar maps over the pixels of the image.

    Parameters
    ----------
    heat : ndarray of shape (k, n_radii, n_angles), float32
        Any number of cells: they cover the radii that `polar_maps` covers.
    good : ndarray of shape (s, s), bool
        Pixels that carry signal, as `polar_maps` got them.
    centre : ndarray of shape (2,), float32
        (row, column) relative to the middle, as from `find_centres`.

    Returns
    -------
    image : ndarray of shape (k, s, s), float32
        Between cells linearly; 0 inside and outside of the radii of the map.
    """
    inner, outer = usable_radii(good)
    axis = np.arange(len(good)) - (len(good) - 1) / 2
    rows, columns = axis[:, None] - centre[0], axis[None, :] - centre[1]
    radius, angle = np.hypot(rows, columns), np.arctan2(rows, columns) % (2 * np.pi)
    n_radii, n_angles = heat.shape[1:]
    ring = (radius - inner) / (outer - inner) * n_radii - 0.5
    sector = angle / (2 * np.pi) * n_angles - 0.5
    inside = (radius >= inner) & (radius <= outer)
    # One sector more on each side, for the circle is closed.
    closed = np.concatenate([heat[:, :, -1:], heat, heat[:, :, :1]], axis=2)
    places = np.stack([np.clip(ring, 0, n_radii - 1), sector + 1])
    image = np.stack([map_coordinates(one, places, order=1) for one in closed])
    return (image * inside).astype(np.float32)
