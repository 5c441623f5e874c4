"""A detector with its faults, which counts the photons of a pattern."""

import numpy as np
from numpy.typing import NDArray

SIDE = 96
"""Of a frame, in pixels."""
STRAY = (0.01, 0.3)
"""Counts of stray light on a pixel near the edge."""
READ_NOISE = (0.1, 0.5)
"""Standard deviation of what reading adds to a pixel, in counts, where it does."""
SATURATION = (3.0, 30.0)
"""Most that a pixel shows, in mean counts of a pixel, where it saturates."""

_AXIS = np.arange(SIDE) - (SIDE - 1) / 2
_RADIUS = np.hypot(_AXIS[:, None], _AXIS)


def draw_mask(random: np.random.Generator) -> NDArray[np.bool_]:
    """Draw a detector with a hole, a round edge, perhaps gaps, and dead pixels.

    Returns
    -------
    mask : ndarray of shape (SIDE, SIDE), bool
        True where pixels may be used.
    """
    half = SIDE / 2
    mask = (half * random.uniform(0.04, 0.12) < _RADIUS) & (half * random.uniform(0.93, 1.0) > _RADIUS)
    if random.random() < 0.6:
        mask &= np.abs(_AXIS[:, None] - random.uniform(-4, 4)) > 1
    if random.random() < 0.3:
        mask &= ~((np.abs(_AXIS - random.uniform(-4, 4)) < 1) & (_AXIS[:, None] < 0))
    return mask & (random.random(mask.shape) > 0.002)


def detect(
    random: np.random.Generator, pattern: NDArray[np.float32], photons: float, mask: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Count photons, with stray light.

    Some detectors average several pixels into one, some add noise when they are read, some saturate.

    Parameters
    ----------
    random : Generator
        Decides what is counted.
    pattern : ndarray of shape (SIDE, SIDE), float32
        Without noise, in any unit.
    photons : float
        Mean counts of a usable pixel from the particle.
    mask : ndarray of shape (SIDE, SIDE), bool
        True where pixels may be used.

    Returns
    -------
    counts : ndarray of shape (SIDE, SIDE), float32
        0 where they may not.
    """
    expected = pattern * (photons * mask.sum() / pattern[mask].sum())
    halo = np.exp(-_RADIUS / (SIDE / 2 * random.uniform(0.1, 0.3)))
    expected += np.exp(random.uniform(*np.log(STRAY))) * (0.4 + halo)
    averaged = random.choice([1.0, 1.0, 2.0])
    counts = random.poisson(expected * averaged) / averaged
    if random.random() < 0.2:
        noise = random.normal(0, random.uniform(*READ_NOISE), counts.shape)
        counts = np.maximum(np.rint(counts + noise), 0)
    if random.random() < 0.2:
        counts = np.minimum(counts, photons * np.exp(random.uniform(*np.log(SATURATION))))
    return np.where(mask, counts, 0).astype(np.float32)
