"""Measure condensed frames: the centre of each, how its counts spread, and how far its rings lie apart."""

import numpy as np
from numpy.typing import NDArray

from workers.science.polar import EMPTY, find_centres
from workers.science.preprocess import Geometry
from workers.science.radial import (
    fall_off,
    log_profiles,
    quantile_radii,
    radial_profiles,
    ring_spacings,
    ring_weights,
)
from workers.science.scale import level_counts

NAMES = ("centre_row", "centre_column", "radial_q50", "radial_q90", "radial_slope", "ring_spacing")
CENTRE_REACH = 0.03  # of the side of the frame, as far as a beam moves from shot to shot
CHUNK = 32  # frames whose transforms stay in the processor's cache


def measure_frames(condensed: NDArray[np.uint8], geometry: Geometry) -> dict[str, NDArray[np.float64]]:
    """Measure frames about the centre of each.

    Parameters
    ----------
    condensed : ndarray of shape (n, s, s), uint8
        Condensed frames; may be a memory map.
    geometry : Geometry
        By which they were condensed.

    Returns
    -------
    measures : dict of str to ndarray of shape (n,), float64
        By the names of `NAMES`. All lengths are in pixels of the detector. `centre_row` and `centre_column`
        are those of the data set where a frame shows no symmetry. `radial_q50` and `radial_q90` are the radii
        that hold half and nine tenths of the counts, masked rings taken to be as their neighbours;
        `radial_slope` is the power of the radius by which counts fall off; `ring_spacing` the distance of the
        rings. NaN where a frame does not show it.
    """
    step = geometry.crop / geometry.size
    mask, counts_of = geometry.small_mask, level_counts(geometry.scale, geometry.scale_max)
    measures = {name: np.full(len(condensed), np.nan) for name in NAMES}
    for start in range(0, len(condensed), CHUNK):
        rows = slice(start, min(start + CHUNK, len(condensed)))
        counts = counts_of[condensed[rows]] * mask
        centres = find_centres(np.sqrt(counts + np.float32(EMPTY)), mask, reach=CENTRE_REACH * len(mask))
        profiles, n_pixels = radial_profiles(counts, mask, centres)
        weights = ring_weights(profiles, n_pixels, step**2)
        logarithms = log_profiles(profiles, n_pixels, step**2)
        measures["centre_row"][rows] = geometry.centre[0] + step * centres[:, 0]
        measures["centre_column"][rows] = geometry.centre[1] + step * centres[:, 1]
        radii = step * quantile_radii(profiles, (0.5, 0.9))
        measures["radial_q50"][rows], measures["radial_q90"][rows] = radii
        measures["radial_slope"][rows] = fall_off(logarithms, weights)
        measures["ring_spacing"][rows] = step * ring_spacings(logarithms, weights)
    return measures
