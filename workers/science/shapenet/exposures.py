"""What detectors see of a random particle: at several sizes, in other light, off the middle."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from workers.science.polar import EMPTY, find_centres, polar_maps
from workers.science.shapenet.builds import in_company
from workers.science.shapenet.detector import SIDE, detect, draw_mask
from workers.science.shapenet.particles import N_DEEP, draw_particle
from workers.science.shapenet.scattering import Company, Light, intensity

N_EXPOSURES = 4
"""Of each particle, each by another detector: what they have in common is the particle alone."""
N_RADII, N_ANGLES = 48, 96
"""Of the polar maps."""
FRINGES = (2.0, 30.0)
"""Fringes between the middle and the edge of the detector that the particle's diameter gives."""
SIZES = 0.9
"""Logarithm of the size of an exposure relative to the particle's, at most."""
PHOTONS = (0.1, 150.0)
"""Mean counts of a pixel from the particle."""
RINGS = (1.0, 10.0)
"""That a particle has by its company, between the middle and the edge."""
DEPTHS = (0.3, 4.0)
"""Absorption length, in units of half the grid."""
WIDEST_DEG = 45
"""Scattering angle at the edge, at most."""
BLOCK = 64
"""Particles seen by the same four detectors."""
CENTRE_REACH = 0.04
"""How far from the middle the centre is looked for, as a share of the side."""


def expose_block(seed: int, block: int) -> tuple[NDArray[np.float16], list[str]]:
    """Draw a block of particles and expose each.

    Parameters
    ----------
    seed, block : int
        Same numbers: same maps.

    Returns
    -------
    maps : ndarray of shape (BLOCK, N_EXPOSURES, N_RADII, N_ANGLES), float16
        Polar maps of ``sqrt(counts + 3/8)``.
    builds : list of str
        What each particle is built like.
    """
    random = np.random.default_rng((seed, block))
    masks = [draw_mask(random) for _ in range(N_EXPOSURES)]
    with threadpool_limits(1):  # threads cost more than they bring for matrices as small as these
        exposed = [_expose(random, masks) for _ in range(BLOCK)]
    frames = np.stack([seen for seen, _ in exposed])
    maps = np.empty((BLOCK, N_EXPOSURES, N_RADII, N_ANGLES), np.float16)
    for which, mask in enumerate(masks):
        roots = np.sqrt(frames[:, which] + np.float32(EMPTY))
        centres = find_centres(roots, mask, reach=CENTRE_REACH * SIDE)
        maps[:, which] = polar_maps(roots, mask, centres, n_radii=N_RADII, n_angles=N_ANGLES)
    return maps, [build for _, build in exposed]


def expose_blocks(
    seed: int, n_blocks: int, processes: int
) -> Iterator[tuple[NDArray[np.float16], list[str]]]:
    """Yield blocks 0 to `n_blocks` - 1 of `expose_block`, several at a time."""
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(expose_block, [seed] * n_blocks, range(n_blocks))


def _expose(random: np.random.Generator, masks: list[NDArray[np.bool_]]) -> tuple[NDArray[np.float32], str]:
    """Draw a particle; return its frames, one for each mask, and its build.

    A larger particle of the same stuff lets less light through, and so does another wavelength.
    """
    particle = draw_particle(random)
    angle = 0.0 if random.random() < 0.4 else np.radians(random.uniform(15, 42))
    depth = np.exp(random.uniform(*np.log(DEPTHS))) if random.random() < 0.5 else None
    fringes = random.uniform(np.log(FRINGES[0]) + 0.2, np.log(FRINGES[1]) - 0.2)
    photons = random.uniform(*np.log(PHOTONS))
    company = _draw_company(random) if angle and random.random() < 0.15 else None
    frames = []
    for mask in masks:
        larger = random.uniform(-SIZES, SIZES)
        size = float(np.exp(np.clip(fringes + larger, *np.log(FRINGES))))
        mean = float(np.exp(np.clip(photons + random.uniform(-2, 2), *np.log(PHOTONS))))
        centre = tuple(random.normal(0, 0.8, 2))
        wide = min(angle * np.exp(random.uniform(-0.15, 0.15)), np.radians(WIDEST_DEG))
        density = particle.density
        if depth is not None:
            density = _shadowed(density, depth * np.exp(-larger + random.uniform(-0.5, 0.5)))
        other = company
        if company is not None:
            other = replace(company, n_rings=company.n_rings * np.exp(random.uniform(-0.5, 0.5)))
        frames.append(detect(random, intensity(density, Light(size, wide, centre), other), mean, mask))
    return np.stack(frames), particle.build if company is None else in_company(particle.build)


def _draw_company(random: np.random.Generator) -> Company:
    ratio, n_rings = random.uniform(0.5, 1), np.exp(random.uniform(*np.log(RINGS)))
    return Company(ratio, n_rings, tuple(random.normal(0, 0.4, 2)))


def _shadowed(density: NDArray[np.float32], depth: float) -> NDArray[np.float32]:
    """Return a density that scatters less where light has come through more of it."""
    return density * np.exp(-np.cumsum(density, axis=0) * (2 / N_DEEP) / (2 * depth))
