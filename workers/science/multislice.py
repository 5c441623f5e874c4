"""Far field of a droplet at wide angles, by the multi-slice Fourier transform.

I. Barke et al., Nat. Commun. 6, 6187 (2015); B. Langbehn et al., Phys. Rev. Lett. 121, 255301 (2018). It
keeps the depth of the particle, so that a tilted pill gives a bent streak, which a projection cannot.
"""

import numpy as np
from numpy.typing import NDArray

from workers.science.shapes import Body, density

_SINGLE_THREAD_WORK = 2**18  # rows x columns x inner size of a real product that needs no BLAS thread


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
    q = (np.arange(n_side + 1) * step).astype(np.float32)

    voxel = np.pi / (2 * q_max)
    depth = min(wavelength_nm / (4 * (1 - np.cos(angle))), 0.5 * absorption_nm, extent[2] / 10)
    x, y, z = (_cells(half, size) for half, size in zip(extent, (voxel, voxel, depth), strict=True))
    depth = float(z[1] - z[0])
    rho = density(body, x[None, None, :], y[None, :, None], z[:, None, None], voxel)
    in_front = (np.cumsum(rho, axis=0) - rho / 2) * depth
    rho *= np.exp(-in_front / (2 * absorption_nm))

    across_x, across_y = np.outer(x, q), np.outer(q, y)
    to_qx = np.concatenate((np.cos(across_x), np.sin(across_x)), axis=1)
    to_qy = np.concatenate((np.cos(across_y), np.sin(across_y)), axis=0)
    columns = _multiply(rho.reshape(-1, x.size), to_qx).reshape(z.size, y.size, -1)
    # Clipped where the grid's corners lie beyond what scatters forwards at all.
    q_z = k - np.sqrt(np.maximum(k**2 - q[:, None] ** 2 - q[None, :] ** 2, 0))
    turn = np.tile(np.exp(-1j * q_z * depth).astype(np.complex64), (2, 2))
    waves = np.zeros(turn.shape, np.complex64)
    for slice_columns in columns[::-1]:  # Horner's scheme: one phase step a slice
        waves *= turn
        waves += _multiply(to_qy, slice_columns)
    volume = float((x[1] - x[0]) * (y[1] - y[0])) * depth
    waves *= np.tile((volume * np.exp(-1j * q_z * z[0])).astype(np.complex64), (2, 2))
    return _all_quadrants(waves), step


def _all_quadrants(waves: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Join the cosine and sine transforms for q >= 0 to the Fourier transform for q of both signs."""
    n = waves.shape[0] // 2
    even, odd = waves[:n, :n], waves[n:, n:]
    sine_x, sine_y = waves[:n, n:], waves[n:, :n]
    amplitude = np.empty((2 * n - 1, 2 * n - 1), np.complex64)
    amplitude[n - 1 :, n - 1 :] = even - odd - 1j * (sine_x + sine_y)
    amplitude[n - 1 :, n - 1 :: -1] = even + odd - 1j * (sine_y - sine_x)
    amplitude[n - 1 :: -1, n - 1 :] = even + odd - 1j * (sine_x - sine_y)
    amplitude[n - 1 :: -1, n - 1 :: -1] = even - odd + 1j * (sine_x + sine_y)
    return amplitude


def _multiply(left: NDArray, right: NDArray) -> NDArray:
    """Multiply real matrices in blocks of rows so small that OpenBLAS keeps each on the calling thread.

    Frames are computed in threads already. BLAS threads beside them wait in a spin for each other and made
    the simulation many times slower on a busy machine, and they cannot be switched off from numpy.
    """
    n_rows = max(1, int(_SINGLE_THREAD_WORK // right.size))
    product = np.empty((left.shape[0], right.shape[1]), left.dtype)
    for first in range(0, left.shape[0], n_rows):
        np.matmul(left[first : first + n_rows], right, out=product[first : first + n_rows])
    return product


def _cells(half: float, size: float) -> NDArray[np.float32]:
    """Centres of equal cells of at most `size` that cover -half to half, with a rim for the soft edge."""
    n_cells = int(np.ceil(2 * half / size))
    size = 2 * half / n_cells
    return ((np.arange(n_cells + 2) - (n_cells + 1) / 2) * size).astype(np.float32)
