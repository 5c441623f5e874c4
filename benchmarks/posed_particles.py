"""Frames of solids in random pose, by another simulation than the project's own.

Small-angle scattering of a projection, photon noise and read-out noise, a beam hole, a dead line and a centre
that wanders. It shares nothing with `workers/science/simulate.py`.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

SIDE = 128
KINDS = ("sphere", "cube", "octahedron", "rod", "disc", "dumbbell", "nothing")
_GRID = 44
_EXTENT = 1.75
_STEP = 0.55  # of the momentum transfer, per pixel and unit of length


def posed_frames(n: int, seed: int) -> tuple[NDArray[np.uint16], NDArray[np.str_], NDArray[np.bool_]]:
    """Simulate frames.

    Returns
    -------
    counts : ndarray of shape (n, 128, 128), uint16
    kinds : ndarray of shape (n,), str
    mask : ndarray of shape (128, 128), bool
        True where the pixels may be used.
    """
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    radius = np.hypot(rows, columns)
    mask = (radius > 5) & (radius < 63) & (np.abs(columns - 20) >= 1) & (random.random((SIDE, SIDE)) > 0.002)
    kinds = random.choice(KINDS, n)
    counts = np.stack([_frame(random, str(kind), radius, mask) for kind in kinds])
    return counts, kinds, mask


def _frame(
    random: np.random.Generator, kind: str, radius: NDArray[np.float64], mask: NDArray[np.bool_]
) -> NDArray[np.uint16]:
    size, level = (
        np.exp(random.uniform(np.log(0.5), np.log(1.3))),
        np.exp(random.uniform(np.log(0.01), np.log(0.2))),
    )
    photons = np.exp(random.uniform(np.log(0.3), np.log(30))) * mask.sum()
    centre = random.normal(0, 1.0, 2)
    expected = level * (1 + np.exp(-radius / 15))
    if kind != "nothing":
        pattern = _intensity(kind, size, centre, Rotation.random(random_state=random).as_matrix())
        expected = expected + pattern * photons / pattern[mask].sum()
    seen = random.poisson(expected) + np.rint(random.normal(0, 0.25, mask.shape)).clip(0)
    return np.where(mask, seen, 0).clip(0, 65_535).astype(np.uint16)


def _intensity(
    kind: str, size: float, centre: NDArray[np.float64], pose: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the squared Fourier transform of the projection of a solid."""
    axis = (np.arange(_GRID) - (_GRID - 1) / 2) / (_GRID / 2) * _EXTENT
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij")).reshape(3, -1)
    projection = _is_inside(kind, pose @ grid).reshape(_GRID, _GRID, _GRID).sum(axis=0).astype(float)
    q = _STEP * (np.arange(SIDE) - (SIDE - 1) / 2)
    down, across = (np.exp(-1j * np.outer(q - shift * _STEP, axis * size)) for shift in centre)
    return np.square(np.abs(down @ projection @ across.T))


def _is_inside(kind: str, place: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which places (3, m), in units of about a radius, lie in a solid."""
    x, y, z = place
    across = x * x + y * y
    match kind:
        case "sphere":
            return across + z * z < 1
        case "cube":
            return np.abs(place).max(axis=0) < 0.8
        case "octahedron":
            return np.abs(place).sum(axis=0) < 1.35
        case "rod":
            return (across < 0.42**2) & (np.abs(z) < 1.5)
        case "disc":
            return (across < 1.25**2) & (np.abs(z) < 0.35)
        case "dumbbell":
            return across + np.square(np.abs(z) - 0.8) < 0.64
    raise ValueError(f"{kind!r} is no kind of solid")
