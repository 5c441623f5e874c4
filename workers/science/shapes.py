"""Shapes of helium droplets, how often they occur, and the classes that a person would give their patterns.

Lengths are in nanometres in a right-handed frame fixed to the detector: x along its columns, y along its
rows (downwards in the picture), z along the beam.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

CLASSES = (
    "Spherical/Oblate",
    "Round",
    "Elliptical",
    "NewtonRings",
    "Prolate",
    "Bent",
    "Asymmetric",
    "Streak",
    "DoubleRings",
    "Empty",
    "Layered",
)

# Images of each kind among the 7264 of CXIDB 94. The eight commonest combinations of classes are as
# published; how the other 5 % share out between the kinds is ours, so that each class keeps its total.
REAL_COUNTS = {
    "sphere": 5303,
    "oblate": 472,
    "tilted oblate": 229,
    "pill": 71,
    "tilted pill": 382,
    "one behind the other": 366,
    "side by side": 183,
    "core and shell": 47,
    "nothing": 211,
}
KINDS = tuple(REAL_COUNTS)

# Radii of the 7264 droplets at these shares of the distribution; the ends are the range that was seen.
_RADIUS_SHARES = (0.0, 0.05, 0.25, 0.50, 0.75, 0.95, 1.0)
_RADII_NM = (100.0, 141.0, 259.0, 332.0, 404.0, 554.0, 600.0)

# Among two-droplet and layered images about one in seven has elliptical rings instead of round ones.
_ELLIPTICAL_SHARE = 0.15
_STREAK_ASPECT = 1.9  # from here on a pill's pattern is narrow enough to be called a streak
_ASYMMETRIC_TILT_DEG = 40.0  # from here on a pill's pattern is lopsided as well as bent


@dataclass(frozen=True)
class Body:
    """One droplet: a spheroid, or a cylinder with half spheres as caps, about an axis of symmetry.

    Parameters
    ----------
    radius : float
        Radius across the axis, in nm.
    half_length : float
        From the centre to the end on the axis, caps included, in nm.
    axis : tuple of float
        Unit vector (x, y, z) of the axis of symmetry.
    offset : tuple of float
        Position (x, y, z) of the centre, in nm.
    is_pill : bool
        True for a capped cylinder, False for a spheroid.
    core_share : float
        Size of a core of the same form, as a share of the whole; 0 without a core.
    core_density : float
        Density of the core where helium has 1.
    """

    radius: float
    half_length: float
    axis: tuple[float, float, float] = (1.0, 0.0, 0.0)
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    is_pill: bool = False
    core_share: float = 0.0
    core_density: float = 1.0

    @property
    def half_extent(self) -> tuple[float, float, float]:
        """Half the size of the bounding box along x, y and z, in nm."""
        along = np.abs(np.asarray(self.axis))
        if self.is_pill:
            extent = self.radius + (self.half_length - self.radius) * along
        else:
            extent = np.sqrt(self.radius**2 + (self.half_length**2 - self.radius**2) * along**2)
        return float(extent[0]), float(extent[1]), float(extent[2])


@dataclass(frozen=True)
class Particle:
    """What one pulse hits, and the classes of its pattern.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    classes : tuple of str
        Members of `CLASSES`, in their order.
    bodies : tuple of Body
        The droplets; empty for a miss.
    radius_nm : float
        Radius of the sphere with the volume of the (larger) droplet, in nm; 0 for a miss.
    aspect : float
        Longer over shorter axis of the larger droplet; 1 for a sphere and for a miss.
    in_plane_angle_deg : float
        Direction of the axis in the picture, or of the second droplet, from the columns towards the rows.
    tilt_deg : float
        Angle between the axis and the detector's plane.
    """

    kind: str
    classes: tuple[str, ...]
    bodies: tuple[Body, ...] = ()
    radius_nm: float = 0.0
    aspect: float = 1.0
    in_plane_angle_deg: float = 0.0
    tilt_deg: float = 0.0


def density(body: Body, x: NDArray, y: NDArray, z: NDArray, edge: float) -> NDArray:
    """Evaluate the density of one droplet about its own centre, with an edge as soft as the grid is coarse.

    Parameters
    ----------
    body : Body
        The droplet; its `offset` is left out.
    x, y, z : ndarray, float32
        Coordinates in nm, of shapes that broadcast.
    edge : float
        Width of the linear fall at the surface, in nm; one voxel keeps the steps of the grid out of the
        pattern.

    Returns
    -------
    density : ndarray of the broadcast shape, float32
        1 in helium, 0 outside, `core_density` in a core.
    """
    along = x * body.axis[0] + y * body.axis[1] + z * body.axis[2]
    across_squared = np.maximum(x**2 + y**2 + z**2 - along**2, 0)
    filled = _fill(body, along, across_squared, edge)
    if body.core_share > 0:
        core = replace(
            body, radius=body.radius * body.core_share, half_length=body.half_length * body.core_share
        )
        filled = filled + (body.core_density - 1) * _fill(core, along, across_squared, edge)
    return filled.astype(np.float32, copy=False)


def _fill(body: Body, along: NDArray, across_squared: NDArray, edge: float) -> NDArray:
    if body.is_pill:
        beyond = np.maximum(np.abs(along) - (body.half_length - body.radius), 0)
        outside = np.sqrt(across_squared + beyond**2) - body.radius
    else:
        # Distance to a spheroid to first order: level function over its gradient.
        level = np.sqrt(across_squared / body.radius**2 + (along / body.half_length) ** 2) + 1e-6
        slope = np.sqrt(across_squared / body.radius**4 + (along / body.half_length**2) ** 2)
        outside = level * (level - 1) / (slope + 1e-6 / max(body.radius, body.half_length))
    return np.clip(0.5 - outside / edge, 0, 1)


def draw_radius(rng: np.random.Generator, radius_nm: tuple[float, float]) -> float:
    """Draw a radius from the measured distribution of droplets, cut to a range.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    radius_nm : tuple of float
        Smallest and largest radius, in nm, within 100 to 600.

    Returns
    -------
    radius : float
        In nm; linear between the 5, 25, 50, 75 and 95 % points of the images of CXIDB 94.
    """
    low, high = np.interp(radius_nm, _RADII_NM, _RADIUS_SHARES)
    return float(np.interp(rng.uniform(low, high), _RADIUS_SHARES, _RADII_NM))


def draw_particle(
    rng: np.random.Generator, kind: str, radius_nm: tuple[float, float], fringe_length_nm: float
) -> Particle:
    """Draw size, form, direction and company of one kind of particle.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    kind : str
        One of `KINDS`.
    radius_nm : tuple of float
        Range of the volume-equivalent radius, in nm.
    fringe_length_nm : float
        Distance along the beam that puts one Newton fringe on the detector, wavelength / (1 - cos theta).

    Returns
    -------
    particle : Particle
        With its classes.
    """
    if kind == "nothing":
        return Particle(kind, ("Empty",))
    radius = draw_radius(rng, radius_nm)
    angle = float(rng.uniform(0, 360))
    if kind in ("pill", "tilted pill"):
        return _draw_pill(rng, kind, radius, angle)
    if kind in ("oblate", "tilted oblate"):
        return _draw_oblate(rng, kind, radius, angle)
    if kind == "sphere":
        return Particle(kind, _ordered({"Spherical/Oblate", "Round"}), (Body(radius, radius),), radius)
    return _draw_composite(rng, kind, radius, angle, fringe_length_nm)


def _ordered(classes: set[str]) -> tuple[str, ...]:
    return tuple(name for name in CLASSES if name in classes)


def _axis(angle_deg: float, tilt_deg: float) -> tuple[float, float, float]:
    angle, tilt = np.radians(angle_deg), np.radians(tilt_deg)
    return float(np.cos(angle) * np.cos(tilt)), float(np.sin(angle) * np.cos(tilt)), float(np.sin(tilt))


def _spheroid(radius: float, aspect: float, axis: tuple[float, float, float]) -> Body:
    """Flatten a sphere along `axis` and keep its volume."""
    across = radius * aspect ** (1 / 3)
    return Body(across, across / aspect, axis)


def _draw_oblate(rng: np.random.Generator, kind: str, radius: float, angle: float) -> Particle:
    classes, tilt = {"Spherical/Oblate", "Elliptical"}, 0.0
    aspect = float(rng.uniform(1.12, 1.7))
    if kind == "tilted oblate":
        classes.add("Asymmetric")
        aspect, tilt = float(rng.uniform(1.5, 2.2)), float(rng.uniform(25, 60))
    body = _spheroid(radius, aspect, _axis(angle, tilt))
    return Particle(kind, _ordered(classes), (body,), radius, aspect, angle, tilt)


def _draw_pill(rng: np.random.Generator, kind: str, radius: float, angle: float) -> Particle:
    aspect, tilt, classes = float(rng.uniform(1.4, 3.0)), 0.0, {"Prolate"}
    if kind == "tilted pill":
        tilt = float(rng.uniform(15, 55))
        classes |= {"Bent", "Asymmetric"} if tilt > _ASYMMETRIC_TILT_DEG else {"Bent"}
    if aspect > _STREAK_ASPECT:
        classes.add("Streak")
    # Volume 4/3 pi r^3 (1 + 3/2 (aspect - 1)) equals that of the sphere.
    across = radius / (1 + 1.5 * (aspect - 1)) ** (1 / 3)
    body = Body(across, across * aspect, _axis(angle, tilt), is_pill=True)
    return Particle(kind, _ordered(classes), (body,), radius, aspect, angle, tilt)


def _draw_composite(
    rng: np.random.Generator, kind: str, radius: float, angle: float, fringe_length_nm: float
) -> Particle:
    """Draw two droplets or a layered one, most of them round."""
    is_elliptical = rng.random() < _ELLIPTICAL_SHARE
    aspect = float(rng.uniform(1.12, 1.5)) if is_elliptical else 1.0
    classes = {"Spherical/Oblate", "Elliptical" if is_elliptical else "Round"}
    first = _spheroid(radius, aspect, _axis(float(rng.uniform(0, 360)), 0.0))
    if kind == "core and shell":
        share, heavier = float(rng.uniform(0.4, 0.75)), float(rng.uniform(2.5, 5.0))
        bodies = (replace(first, core_share=share, core_density=heavier),)
        return Particle(kind, _ordered(classes | {"Layered"}), bodies, radius, aspect, angle)
    second_radius = radius * float(rng.uniform(0.6, 1.0))
    if kind == "one behind the other":
        classes.add("NewtonRings")
        apart, behind = radius * float(rng.uniform(0, 0.2)), fringe_length_nm * float(rng.uniform(3, 8))
    else:
        classes.add("DoubleRings")
        touching = max(first.half_extent[:2]) + second_radius
        apart, behind = touching * float(rng.uniform(1.0, 1.5)), radius * float(rng.uniform(-1, 1))
    direction = _axis(angle, 0.0)
    offset = (apart * direction[0], apart * direction[1], behind)
    bodies = (first, Body(second_radius, second_radius, offset=offset))
    return Particle(kind, _ordered(classes), bodies, radius, aspect, angle)
