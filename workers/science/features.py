"""Features of frames, of which each recipe of a FactorVAE takes one sort."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from workers.science.factorvae import IMAGE_SIDE, LearnRecipe
from workers.science.polar import EMPTY, angular_power, find_centres, polar_maps, relative_magnitudes
from workers.science.ring_spectra import ring_spectra
from workers.science.shapenet.exposures import N_ANGLES, N_RADII
from workers.science.shapenet.network import ShapeNetwork
from workers.science.shapenet.rings import ring_channels
from workers.science.views import shift, stretch, thin


def angular_features(
    counts: NDArray[np.float32], mask: NDArray[np.bool_], recipe: LearnRecipe
) -> NDArray[np.float32]:
    """Return features that know neither the in-plane angle, nor the brightness, nor where the beam was.

    Parameters
    ----------
    counts : ndarray of shape (m, s, s), float32
        Counts per pixel.
    mask : ndarray of shape (s, s), bool
        True where the pixels may be used.
    recipe : LearnRecipe
        Sizes of polar map and features.

    Returns
    -------
    features : ndarray of shape (m, n_bands * n_orders), float32
        Relative magnitudes of the angular Fourier series, band by band.
    """
    maps = root_maps(counts, mask, recipe.centre_reach, recipe.n_radii, recipe.n_angles)
    magnitudes = relative_magnitudes(angular_power(maps), n_bands=recipe.n_bands, n_orders=recipe.n_orders)
    return magnitudes.reshape(len(counts), -1)


def spectral_features(
    counts: NDArray[np.float32],
    mask: NDArray[np.bool_],
    recipe: LearnRecipe,
    random: np.random.Generator | None = None,
) -> NDArray[np.float32]:
    """Return the spectra of the rings of frames, or of another view of them.

    Parameters
    ----------
    counts : ndarray of shape (m, s, s), float32
        Counts per pixel.
    mask : ndarray of shape (s, s), bool
        True where the pixels may be used.
    recipe : LearnRecipe
        Sizes of the polar map.
    random : Generator, optional
        With it each frame is seen with less light, about another centre, and stretched.

    Returns
    -------
    features : ndarray of shape (m, n_spectra), float32
        From `ring_spectra`.
    """
    sizes = recipe.centre_reach, recipe.n_radii, recipe.n_angles
    if random is None:
        return ring_spectra(root_maps(counts, mask, *sizes))
    return ring_spectra(stretch(root_maps(thin(np.maximum(counts, 0), random), mask, *sizes, random), random))


def shape_features(
    counts: NDArray[np.float32],
    mask: NDArray[np.bool_],
    recipe: LearnRecipe,
    network: ShapeNetwork,
) -> NDArray[np.float32]:
    """Return what the shape network sees in frames.

    Parameters
    ----------
    counts : ndarray of shape (m, s, s), float32
        Counts per pixel.
    mask : ndarray of shape (s, s), bool
        True where the pixels may be used.
    recipe : LearnRecipe
        Gives the reach of the centre.
    network : ShapeNetwork
        On the CPU.

    Returns
    -------
    features : ndarray of shape (m, N_SHAPES), float32
        Of length 1.
    """
    maps = root_maps(counts, mask, recipe.centre_reach, N_RADII, N_ANGLES)
    with torch.inference_mode():
        shapes = network(torch.from_numpy(ring_channels(maps)), torch.from_numpy(ring_spectra(maps)))
    return shapes.numpy()


def root_maps(
    counts: NDArray[np.float32],
    mask: NDArray[np.bool_],
    reach: float,
    n_radii: int,
    n_angles: int,
    random: np.random.Generator | None = None,
) -> NDArray[np.float32]:
    """Return polar maps of the roots of counts about the centre of each frame, or near it if at random."""
    roots = np.sqrt(np.maximum(counts, 0) + np.float32(EMPTY))
    centres = find_centres(roots, mask, reach=reach * len(mask))
    if random is not None:
        centres = shift(centres, random)
    return polar_maps(roots, mask, centres, n_radii=n_radii, n_angles=n_angles)


def image_features(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return frames of 64 x 64 pixels in [0, 1], flattened, (m, 4096), float32."""
    images = torch.from_numpy(frames.astype(np.float32))[:, None] / 255
    if frames.shape[1] >= IMAGE_SIDE:
        small = functional.adaptive_avg_pool2d(images, IMAGE_SIDE)
    else:
        small = functional.interpolate(images, size=IMAGE_SIDE, mode="bilinear", align_corners=False)
    return small.flatten(1).numpy()
