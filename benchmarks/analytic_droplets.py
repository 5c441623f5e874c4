"""Frames of transparent droplets from closed formulas, by another simulation than the project's own.

First Born approximation on the Ewald sphere (no absorption, no refraction), photon noise, stray light, a beam
hole, dead pixels and a centre that wanders. It shares nothing with `workers/science/simulate.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import j1

SIDE = 128
KINDS = ("sphere", "oblate", "pill", "tilted pill", "one behind", "side by side", "layered", "nothing")
MAX_ANGLE = np.radians(30.0)


@dataclass(frozen=True)
class Ranges:
    """Between which values wavelength, radius and photons of a frame are drawn, evenly by logarithm."""

    wavelength_nm: tuple[float, float]
    radius_nm: tuple[float, float]
    photons: tuple[float, float]


NARROW = Ranges((42.0, 44.0), (250.0, 400.0), (1e5, 1e6))
"""One setting of the source, bright hits: what regression on angular magnitudes copes with."""
WIDE = Ranges((25.0, 60.0), (120.0, 450.0), (3e3, 1e6))

Vectors = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
Amplitude = NDArray[np.complex128]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


def analytic_frames(
    n: int, seed: int, ranges: Ranges = NARROW
) -> tuple[NDArray[np.uint16], NDArray[np.str_], NDArray[np.bool_]]:
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
    mask = (radius > 4) & (radius < 63) & (random.random((SIDE, SIDE)) > 0.002)
    kinds = random.choice(KINDS, n)
    counts = np.stack([_frame(random, str(kind), ranges, rows, columns, mask) for kind in kinds])
    return counts, kinds, mask


def _frame(
    random: np.random.Generator,
    kind: str,
    ranges: Ranges,
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    mask: NDArray[np.bool_],
) -> NDArray[np.uint16]:
    stray = _log_uniform(random, 0.02, 0.2)
    expected = np.full(mask.shape, stray)
    if kind != "nothing":
        shift = random.normal(0, 0.7, 2)
        q = _momentum(rows - shift[0], columns - shift[1], _log_uniform(random, *ranges.wavelength_nm))
        radius = _log_uniform(random, *ranges.radius_nm)
        pattern = np.square(np.abs(_amplitude(random, kind, radius, q)))
        expected += pattern * _log_uniform(random, *ranges.photons) / pattern[mask].sum()
    return np.where(mask, random.poisson(expected), 0).clip(0, 65_535).astype(np.uint16)


def _log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _momentum(rows: NDArray[np.float64], columns: NDArray[np.float64], wavelength: float) -> Vectors:
    """Return the momentum transfer of each pixel of a flat detector, in 1/nm, along x, y and the beam."""
    distance, k = SIDE / 2 / np.tan(MAX_ANGLE), 2 * np.pi / wavelength
    away = np.sqrt(rows**2 + columns**2 + distance**2)
    return k * columns / away, k * rows / away, k * (1 - distance / away)


def _amplitude(random: np.random.Generator, kind: str, radius: float, q: Vectors) -> Amplitude:
    across = _direction(random, 0.0)
    match kind:
        case "sphere":
            return _spheroid(q, radius, 1.0, across)
        case "oblate":
            return _spheroid(q, radius, 1 / random.uniform(1.15, 1.7), across)
        case "pill":
            return _pill(q, radius * 0.7, random.uniform(0.5, 1.8), across)
        case "tilted pill":
            return _pill(
                q, radius * 0.7, random.uniform(0.5, 1.8), _direction(random, random.uniform(20, 55))
            )
        case "layered":
            share, denser = random.uniform(0.4, 0.75), random.uniform(2, 4)
            core = (denser - 1) * share**3 * _spheroid(q, share * radius, 1.0, across)
            return _spheroid(q, radius, 1.0, across) + core
        case "one behind":
            gap = np.array([*(random.uniform(0, 0.2) * radius * across[:2]), radius * random.uniform(4, 9)])
        case "side by side":
            gap = radius * random.uniform(2, 2.8) * across
            gap[2] = radius * random.uniform(-1, 1)
        case _:
            raise ValueError(f"{kind!r} is no kind of droplet")
    ratio = random.uniform(0.6, 1.0)
    second = ratio**3 * _spheroid(q, ratio * radius, 1.0, across)
    return _spheroid(q, radius, 1.0, across) + second * np.exp(1j * _along(q, gap))


def _direction(random: np.random.Generator, tilt: float) -> NDArray[np.float64]:
    """Return a unit vector at any angle in the plane of the detector, tilted out of it by so many degrees."""
    angle, tilt = random.uniform(0, 2 * np.pi), np.radians(tilt)
    return np.array([np.cos(angle) * np.cos(tilt), np.sin(angle) * np.cos(tilt), np.sin(tilt)])


def _along(q: Vectors, direction: NDArray[np.float64]) -> NDArray[np.float64]:
    return sum(part * share for part, share in zip(q, direction, strict=True))


def _split(q: Vectors, axis: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the momentum transfer along an axis, and across it."""
    along = _along(q, axis)
    return along, np.sqrt(np.maximum(sum(part**2 for part in q) - along**2, 1e-12))


def _spheroid(q: Vectors, radius: float, aspect: float, axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the form factor of a spheroid, 1 at the centre; `aspect` is its length over its width."""
    along, across = _split(q, axis)
    width = radius * aspect ** (-1 / 3)
    x = np.maximum(width * np.hypot(across, aspect * along), 1e-4)
    return 3 * (np.sin(x) - x * np.cos(x)) / x**3


def _pill(q: Vectors, radius: float, half: float, axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the form factor of a cylinder, `half` radii long to each side, with half spheres on its ends."""
    along, across = _split(q, axis)
    length = half * radius
    bar = 2 * length * np.sinc(along * length / np.pi) * _disc(across, radius)
    heights = radius * (_NODES + 1) / 2
    caps = _sum_over(
        heights, lambda z: 2 * np.cos(along * (length + z)) * _disc(across, np.sqrt(radius**2 - z**2))
    )
    return bar + caps * radius / 2


def _sum_over(
    heights: NDArray[np.float64], term: Callable[[float], NDArray[np.float64]]
) -> NDArray[np.float64]:
    return sum(weight * term(float(z)) for z, weight in zip(heights, _WEIGHTS, strict=True))


def _disc(across: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    x = np.maximum(across * radius, 1e-6)
    return 2 * np.pi * radius**2 * j1(x) / x
