"""Particles of random shape, as densities on a grid: smooth or sharp bodies, with cores, in groups.

None is meant to be a particle of some experiment. They are many and unlike each other, so that what tells
them apart tells other particles apart as well.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from workers.science.shapenet.builds import ALONE, one_body, two_bodies

N_ACROSS, N_DEEP = 64, 32
"""Cells of the grid across the beam, in both directions, and along it."""
LEAST_AXIS = 1 / 3
"""Shortest axis of a body, in units of the longest."""
EXPONENTS = (0.12, 0.3, 0.6, 1.0, 1.4, 2.0)
"""Of superquadrics (A. Barr, IEEE Comput. Graph. Appl. 1, 11 (1981)): boxes, ellipsoids, octahedra."""

Points = NDArray[np.float32]
Axes = NDArray[np.float64]
Turn = NDArray[np.float64]


def grid(n: int) -> NDArray[np.float32]:
    """Return the middles of n cells between -1 and 1."""
    return ((np.arange(n) + 0.5) / n * 2 - 1).astype(np.float32)


_ACROSS, _DEEP = grid(N_ACROSS), grid(N_DEEP)
_POINTS = np.stack(np.meshgrid(_ACROSS, _ACROSS, _DEEP, indexing="ij")).reshape(3, -1)


@dataclass(frozen=True)
class Particle:
    """A particle on the grid.

    Attributes
    ----------
    density : ndarray of shape (N_DEEP, N_ACROSS, N_ACROSS), float32
        At least 0; the first axis is along the beam, against which all three span -1 to 1.
    build : str
        What it is built like, in the words of `builds`.
    """

    density: NDArray[np.float32]
    build: str


def draw_particle(random: np.random.Generator) -> Particle:
    """Draw a particle; `random` decides all."""
    kind = random.random()
    if kind < 0.55:
        density, build = _single(random)
    elif kind < 0.85:
        density, build = _pair(random)
    else:
        density, build = _heap(random), ALONE
    density = density.reshape(N_ACROSS, N_ACROSS, N_DEEP).transpose(2, 0, 1)
    return Particle(density.astype(np.float32), build)


def _single(random: np.random.Generator) -> tuple[Points, str]:
    """One body, often hollow or around another one."""
    axes, exponents, turn = _draw_axes(random), _draw_exponents(random), _draw_pose(random)
    points = turn @ _POINTS / 0.93
    density = _body(points, axes, exponents)
    if random.random() >= 0.4:
        return density, one_body(axes, exponents, turn, 1.0)
    share = random.uniform(0.25, 0.9)
    inside = random.choice([0.0, random.uniform(0, 0.7), random.uniform(1.5, 6)])
    offset = random.normal(0, 0.15 * (1 - share), (3, 1)) if random.random() < 0.4 else 0.0
    core = _body((points - offset) / share, axes, exponents) * (density > 0)
    return density + (inside - 1) * core, one_body(axes, exponents, turn, float(inside))


def _pair(random: np.random.Generator) -> tuple[Points, str]:
    """Two bodies, apart or overlapping, beside each other or one behind the other."""
    axes, exponents = _draw_axes(random), _draw_exponents(random)
    turn = _draw_pose(random)
    other_turn = turn if random.random() < 0.5 else _draw_pose(random)
    other_axes = axes if random.random() < 0.6 else _draw_axes(random)
    ratio, gap = random.uniform(0.4, 1), random.uniform(0.5, 1.6)
    direction = _draw_direction(random)
    apart = (direction * gap / 2)[:, None]
    points = _POINTS * (1 + gap / 2)
    first = _body(turn @ (points - apart), axes, exponents)
    both = first + _body(other_turn @ (points + apart) / ratio, other_axes, exponents)
    density = np.minimum(both, 1) if random.random() < 0.6 else both
    return density, two_bodies(axes, exponents, float(direction[2]), gap, ratio)


def _heap(random: np.random.Generator) -> Points:
    """Three to six ellipsoids grown together."""
    density = np.zeros(_POINTS.shape[1], np.float32)
    for _ in range(random.integers(3, 7)):
        place, size = random.normal(0, 0.35, (3, 1)), random.uniform(0.25, 0.5)
        points = _draw_turn(random) @ (_POINTS - place) / size
        density = np.maximum(density, _body(points, _draw_axes(random), (1.0, 1.0)))
    return density


def _body(points: Points, axes: Axes, exponents: tuple[float, float]) -> Points:
    """Density of a superquadric, 0 to 1, with an edge as wide as a cell of the grid."""
    x, y, z = (np.abs(points) / axes[:, None] + 1e-6).astype(np.float32)
    along, around = exponents
    section = (x ** (2 / around) + y ** (2 / around)) ** (around / along)
    radius = (section + z ** (2 / along)) ** (along / 2)
    return np.clip((1 - radius) * np.float32(axes.min() * N_ACROSS / 2) + 0.5, 0, 1)


def _draw_axes(random: np.random.Generator) -> Axes:
    """Three half axes, the longest 1: all equal, two equal or none."""
    kind = random.random()
    if kind < 0.3:
        return np.ones(3)
    axes = np.exp(random.uniform(np.log(LEAST_AXIS), 0, 3))
    if kind < 0.75:
        axes[1] = axes[0]
    return axes / axes.max()


def _draw_exponents(random: np.random.Generator) -> tuple[float, float]:
    if random.random() < 0.5:
        return 1.0, 1.0
    return float(random.choice(EXPONENTS)), float(random.choice(EXPONENTS))


def _draw_turn(random: np.random.Generator) -> Turn:
    return Rotation.random(random_state=random).as_matrix()


def _draw_pose(random: np.random.Generator) -> Turn:
    """Any rotation, or often one with the third axis across the beam, as that is where few would be."""
    if random.random() < 0.3:
        return Rotation.from_euler("x", 90, degrees=True).as_matrix()
    return _draw_turn(random)


def _draw_direction(random: np.random.Generator) -> NDArray[np.float64]:
    """A unit vector: any, across the beam, or nearly along it."""
    kind = random.random()
    if kind < 0.35:
        along = random.normal(size=3)
    elif kind < 0.7:
        angle = random.uniform(0, 2 * np.pi)
        along = np.array([np.cos(angle), np.sin(angle), 0.0])
    else:
        along = np.array([0.05 * random.normal(), 0.05 * random.normal(), 1.0])
    return along / np.linalg.norm(along)
