"""The noiseless pattern of a density, at small angles or wide ones, with company behind it or without."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.shapenet.detector import SIDE
from workers.science.shapenet.particles import N_ACROSS, N_DEEP, grid

_ACROSS, _DEEP = grid(N_ACROSS), grid(N_DEEP)


@dataclass(frozen=True)
class Light:
    """One exposure.

    Attributes
    ----------
    fringes : float
        Fringes between the middle and the edge of the detector that the particle's diameter gives.
    angle : float
        Scattering angle at the edge, in radians; 0 for the projection of a small-angle experiment.
    centre : tuple of float
        The beam's way off the middle, in pixels.
    """

    fringes: float
    angle: float = 0.0
    centre: tuple[float, float] = (0.0, 0.0)

    @property
    def step(self) -> float:
        """Momentum transfer of a pixel, in radians for half the grid."""
        return 2 * np.pi * self.fringes / SIDE

    def depth_transfer(self, q: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the part of the momentum transfer along the beam where that across it is `q`."""
        scattered = np.arcsin(np.minimum(q / (self.step * SIDE / 2) * np.sin(self.angle), 0.95))
        return q * np.tan(scattered / 2)


@dataclass(frozen=True)
class Company:
    """A second particle of the same sort, far behind the first in the same beam.

    Attributes
    ----------
    ratio : float
        Its size over that of the first.
    n_rings : float
        Rings between the middle and the edge that the way from one to the other gives.
    aside : tuple of float
        Its place across the beam, in units of half the grid.
    """

    ratio: float
    n_rings: float
    aside: tuple[float, float]


def intensity(
    density: NDArray[np.float32], light: Light, company: Company | None = None
) -> NDArray[np.float32]:
    """Return the noiseless pattern.

    The multi-slice sum of `multislice`, with a detector whose pixels are even in q, which bends the pattern
    of a flat one a little and its fringes not at all.

    Parameters
    ----------
    density : ndarray of shape (N_DEEP, N_ACROSS, N_ACROSS), float32
        From `draw_particle`.
    light : Light
        How large the particle is and where the beam goes.
    company : Company, optional
        Lit by the whole beam like the first: over such a way the shadow has been filled by diffraction. At
        small angles it is not seen.

    Returns
    -------
    intensity : ndarray of shape (SIDE, SIDE), float32
        In arbitrary units; averaged over the pixels where fringes are narrow.
    """
    finer = 2 if light.fringes > SIDE / 6 else 1
    place = (np.arange(SIDE * finer) + 0.5) / finer - 0.5 - (SIDE - 1) / 2
    q_y, q_x = ((place - centre) * light.step for centre in light.centre)
    if light.angle == 0:
        rows, columns = _waves(q_y, q_x)
        field = rows @ density.sum(axis=0).astype(np.complex64) @ columns
    else:
        q_z = light.depth_transfer(np.hypot(q_y[:, None], q_x))
        field = _through_depth(density, *_waves(q_y, q_x), q_z)
        if company is not None:
            field += _field_of(company, density, light, q_y, q_x, q_z)
    seen = field.real**2 + field.imag**2
    return seen.reshape(SIDE, finer, SIDE, finer).mean(axis=(1, 3))


def _waves(
    q_y: NDArray[np.float64], q_x: NDArray[np.float64]
) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    """Return the phases of the cells of the grid, row by row and column by column."""
    rows = np.exp(-1j * np.outer(q_y, _ACROSS)).astype(np.complex64)
    return rows, np.exp(-1j * np.outer(_ACROSS, q_x)).astype(np.complex64)


def _field_of(
    company: Company,
    density: NDArray[np.float32],
    light: Light,
    q_y: NDArray[np.float64],
    q_x: NDArray[np.float64],
    q_z: NDArray[np.float64],
) -> NDArray[np.complex64]:
    ratio = company.ratio
    field = _through_depth(density, *_waves(q_y * ratio, q_x * ratio), q_z * ratio) * np.float32(ratio**3)
    edge = light.step * SIDE / 2 * np.tan(light.angle / 2)
    down, across = company.aside
    phase = q_z / edge * 2 * np.pi * company.n_rings + q_y[:, None] * down + q_x * across
    return field * np.exp(-1j * phase).astype(np.complex64)


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
