"""What a detector sees of a random particle: at several sizes, in other light, off the middle."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.polar import EMPTY, find_centres, polar_maps
from workers.science.shapenet.particles import N_ACROSS, N_DEEP, draw_density, grid

N_EXPOSURES = 4
"""Of each particle."""
SIDE = 96
"""Of a frame, in pixels."""
N_RADII, N_ANGLES = 48, 96
"""Of the polar maps."""
FRINGES = (2.0, 30.0)
"""Fringes between the middle and the edge of the detector that the particle's diameter gives."""
SIZES = 0.9
"""Logarithm of the size of an exposure relative to the particle's, at most."""
PHOTONS = (0.3, 100.0)
"""Mean counts of a pixel from the particle."""
STRAY = (0.01, 0.3)
"""Counts of stray light on a pixel near the edge."""
BLOCK = 64
"""Particles seen by one detector."""
CENTRE_REACH = 0.04
"""How far from the middle the centre is looked for, as a share of the side."""

_ACROSS, _DEEP = grid(N_ACROSS), grid(N_DEEP)
_AXIS = np.arange(SIDE) - (SIDE - 1) / 2
_RADIUS = np.hypot(_AXIS[:, None], _AXIS)


@dataclass(frozen=True)
class Light:
    """One exposure: fringes from middle to edge, mean counts, and the beam's way off the middle in pixels."""

    fringes: float
    photons: float
    centre: tuple[float, float]


def expose_block(seed: int, block: int) -> NDArray[np.float16]:
    """Draw a block of particles and expose each.

    Parameters
    ----------
    seed, block : int
        Same numbers: same maps.

    Returns
    -------
    maps : ndarray of shape (BLOCK, N_EXPOSURES, N_RADII, N_ANGLES), float16
        Polar maps of ``sqrt(counts + 3/8)``.
    """
    random = np.random.default_rng((seed, block))
    mask = _draw_mask(random)
    frames = np.stack([_expose(random, mask) for _ in range(BLOCK)]).reshape(-1, SIDE, SIDE)
    roots = np.sqrt(frames + np.float32(EMPTY))
    centres = find_centres(roots, mask, reach=CENTRE_REACH * SIDE)
    maps = polar_maps(roots, mask, centres, n_radii=N_RADII, n_angles=N_ANGLES)
    return maps.reshape(BLOCK, N_EXPOSURES, N_RADII, N_ANGLES).astype(np.float16)


def expose_blocks(seed: int, n_blocks: int, processes: int) -> Iterator[NDArray[np.float16]]:
    """Yield blocks 0 to `n_blocks` - 1 of `expose_block`, several at a time."""
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(expose_block, [seed] * n_blocks, range(n_blocks))


def _expose(random: np.random.Generator, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Draw a particle and return its frames, (N_EXPOSURES, SIDE, SIDE)."""
    density = draw_density(random)
    angle = 0.0 if random.random() < 0.4 else np.radians(random.uniform(15, 42))
    if random.random() < 0.5:
        length = np.exp(random.uniform(np.log(0.3), np.log(4)))
        density = density * np.exp(-np.cumsum(density, axis=0) * (2 / N_DEEP) / (2 * length))
    fringes = random.uniform(np.log(FRINGES[0]) + 0.2, np.log(FRINGES[1]) - 0.2)
    photons = random.uniform(*np.log(PHOTONS))
    frames = []
    for _ in range(N_EXPOSURES):
        light = Light(
            float(np.exp(np.clip(fringes + random.uniform(-SIZES, SIZES), *np.log(FRINGES)))),
            float(np.exp(np.clip(photons + random.uniform(-2, 2), *np.log(PHOTONS)))),
            tuple(random.normal(0, 0.8, 2)),
        )
        frames.append(_detect(random, intensity(density, light, angle), light.photons, mask))
    return np.stack(frames)


def intensity(density: NDArray[np.float32], light: Light, angle: float) -> NDArray[np.float32]:
    """Return the noiseless pattern.

    The multi-slice sum of `multislice`, with a detector whose pixels are even in q, which bends the pattern
    of a flat one a little and its fringes not at all.

    Parameters
    ----------
    density : ndarray of shape (N_DEEP, N_ACROSS, N_ACROSS), float32
        From `draw_density`.
    light : Light
        How large the particle is and where the beam goes.
    angle : float
        Scattering angle at the edge, in radians; 0 for the projection of a small-angle experiment.

    Returns
    -------
    intensity : ndarray of shape (SIDE, SIDE), float32
        In arbitrary units; averaged over the pixels where fringes are narrow.
    """
    finer = 2 if light.fringes > SIDE / 6 else 1
    place = (np.arange(SIDE * finer) + 0.5) / finer - 0.5 - (SIDE - 1) / 2
    step = 2 * np.pi * light.fringes / SIDE  # radians for half the grid
    q_y, q_x = ((place - centre) * step for centre in light.centre)
    rows = np.exp(-1j * np.outer(q_y, _ACROSS)).astype(np.complex64)
    columns = np.exp(-1j * np.outer(_ACROSS, q_x)).astype(np.complex64)
    if angle == 0:
        field = rows @ density.sum(axis=0).astype(np.complex64) @ columns
    else:
        q = np.hypot(q_y[:, None], q_x)
        scattered = np.arcsin(np.minimum(q / (step * SIDE / 2) * np.sin(angle), 0.95))
        q_z = q * np.tan(scattered / 2)
        field = _through_depth(density, rows, columns, q_z)
    seen = field.real**2 + field.imag**2
    return seen.reshape(SIDE, finer, SIDE, finer).mean(axis=(1, 3))


def _through_depth(
    density: NDArray[np.float32],
    rows: NDArray[np.complex64],
    columns: NDArray[np.complex64],
    q_z: NDArray[np.float64],
) -> NDArray[np.complex64]:
    """Sum the slices, the last one first: each slice in front turns what is behind by one more step."""
    turn = np.exp(-1j * q_z * (_DEEP[1] - _DEEP[0])).astype(np.complex64)
    field = np.zeros(q_z.shape, np.complex64)
    for slice_ in density[::-1]:
        field *= turn
        if slice_.any():
            field += rows @ slice_.astype(np.complex64) @ columns
    return field


def _detect(
    random: np.random.Generator, pattern: NDArray[np.float32], photons: float, mask: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Count photons, with stray light; some detectors average several pixels into one."""
    expected = pattern * (photons * mask.sum() / pattern[mask].sum())
    halo = np.exp(-_RADIUS / (SIDE / 2 * random.uniform(0.1, 0.3)))
    expected += np.exp(random.uniform(*np.log(STRAY))) * (0.4 + halo)
    averaged = random.choice([1.0, 1.0, 2.0])
    return np.where(mask, random.poisson(expected * averaged) / averaged, 0).astype(np.float32)


def _draw_mask(random: np.random.Generator) -> NDArray[np.bool_]:
    """Draw a detector with a hole, a round edge, perhaps gaps, and dead pixels; True where it may be used."""
    half = SIDE / 2
    mask = (half * random.uniform(0.04, 0.12) < _RADIUS) & (half * random.uniform(0.93, 1.0) > _RADIUS)
    if random.random() < 0.6:
        mask &= np.abs(_AXIS[:, None] - random.uniform(-4, 4)) > 1
    if random.random() < 0.3:
        mask &= ~((np.abs(_AXIS - random.uniform(-4, 4)) < 1) & (_AXIS[:, None] < 0))
    return mask & (random.random(mask.shape) > 0.002)
