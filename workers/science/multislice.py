"""Far field of a droplet at wide angles, by the multi-slice Fourier transform.

I. Barke et al., Nat. Commun. 6, 6187 (2015); B. Langbehn et al., Phys. Rev. Lett. 121, 255301 (2018). It
keeps the depth of the particle, so that a tilted pill gives a bent streak, which a projection cannot.
"""

import numpy as np
from numpy.typing import NDArray

from workers.science.shapes import Body, density


def absorption_length(wavelength_nm: float) -> float:
    """Estimate over which depth liquid helium takes all but 1/e of the light.

    Parameters
    ----------
    wavelength_nm : float
        Wavelength, in nm.

    Returns
    -------
    length : float
        In nm. Above the ionisation threshold (50.4 nm) a power law through about 7.4 Mb at the threshold and
        1.5 Mb at 20 nm, at 21.8 atoms/nm^3; below it a constant, as the droplet's resonances are left out.
    """
    if wavelength_nm > 50.4:
        return 1000.0
    cross_section_nm2 = 7.4e-4 * (wavelength_nm / 50.4) ** 1.7
    return 1 / (21.8 * cross_section_nm2)


def body_amplitude(
    body: Body, wavelength_nm: float, max_angle_deg: float, absorption_nm: float
) -> tuple[NDArray[np.complex64], float]:
    """Sum the Fourier transforms of the slices of one droplet about its own centre.

    F(q) = sum over z of exp(-i q_z z) FT2[rho(x, y, z) a(x, y, z)], with q_z = k - sqrt(k^2 - q^2) and a the
    amplitude that the matter in front of the slice lets through.

    Parameters
    ----------
    body : Body
        The droplet.
    wavelength_nm : float
        Wavelength, in nm.
    max_angle_deg : float
        Largest scattering angle that is wanted, in degrees.
    absorption_nm : float
        Depth at which the intensity has fallen to 1/e, in nm.

    Returns
    -------
    amplitude : ndarray of shape (m, m), complex64
        Far field on an even grid of (q_y, q_x) about zero, in nm^3.
    step : float
        Spacing of the grid, in 1/nm.
    """
    k, angle = 2 * np.pi / wavelength_nm, np.radians(max_angle_deg)
    q_max, extent = k * np.sin(angle), body.half_extent
    # The field is band-limited to the droplet's outline seen at the largest angle; 2.4 times as fine as
    # Nyquist, a cubic spline through it errs by less than 1 %.
    reach = np.hypot(max(extent[:2]), extent[2] * np.tan(angle))
    n_side = int(np.ceil(q_max * 2.4 * reach / np.pi)) + 3
    step = q_max / (n_side - 3)
    q = (np.arange(-n_side, n_side + 1) * step).astype(np.float32)

    voxel = np.pi / (2 * q_max)
    depth = min(wavelength_nm / (4 * (1 - np.cos(angle))), 0.5 * absorption_nm, extent[2] / 10)
    x, y, z = (_cells(half, size) for half, size in zip(extent, (voxel, voxel, depth), strict=True))
    depth = float(z[1] - z[0])
    rho = density(body, x[None, None, :], y[None, :, None], z[:, None, None], voxel)
    in_front = (np.cumsum(rho, axis=0) - rho / 2) * depth
    rho *= np.exp(-in_front / (2 * absorption_nm))

    to_qx = np.exp(-1j * np.outer(x, q)).astype(np.complex64)
    to_qy = np.exp(-1j * np.outer(q, y)).astype(np.complex64)
    columns = rho.reshape(-1, x.size) @ np.concatenate((to_qx.real, to_qx.imag), axis=1)
    columns = columns.reshape(z.size, y.size, 2, q.size)
    # Clipped where the grid's corners lie beyond what scatters forwards at all.
    q_z = k - np.sqrt(np.maximum(k**2 - q[:, None] ** 2 - q[None, :] ** 2, 0))
    turn = np.exp(-1j * q_z * depth).astype(np.complex64)
    amplitude = np.zeros((q.size, q.size), np.complex64)
    for slice_columns in columns[::-1]:  # Horner's scheme: one phase step a slice
        amplitude *= turn
        amplitude += to_qy @ (slice_columns[:, 0] + 1j * slice_columns[:, 1])
    volume = float((x[1] - x[0]) * (y[1] - y[0])) * depth
    amplitude *= (volume * np.exp(-1j * q_z * z[0])).astype(np.complex64)
    return amplitude, step


def _cells(half: float, size: float) -> NDArray[np.float32]:
    """Centres of equal cells of at most `size` that cover -half to half, with a rim for the soft edge."""
    n_cells = int(np.ceil(2 * half / size))
    size = 2 * half / n_cells
    return ((np.arange(n_cells + 2) - (n_cells + 1) / 2) * size).astype(np.float32)
