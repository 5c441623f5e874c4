"""What each ring of a pattern looks like, in numbers that do not know of in-plane rotation.

Beside the powers of the Fourier series over the angle, which `ring_spectra` takes as well, these know how
rings lie to each other, and how the orders of one ring do: a narrow streak has all its orders in phase.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from workers.science.ring_spectra import KNEE, contrast_of

ORDERS = (*((m, m + 1) for m in range(1, 11)), (11, 13), (13, 17), (17, 25))
"""Orders whose power is taken, the high ones together: half-open ranges."""
N_TURNED = 6
"""Orders, from 1, of which the turn from one ring to the next is taken."""
TRIPLES = ((1, 1), (2, 2), (1, 2), (2, 4), (3, 3))
"""Two orders each; the third of the bispectrum is their sum."""
N_HANDED = 4
"""Channels, the last ones, that change their sign when a pattern is seen in a mirror."""
N_CHANNELS = 3 + len(ORDERS) + N_TURNED + len(TRIPLES) + N_HANDED


def ring_channels(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the channels of each ring.

    Parameters
    ----------
    maps : ndarray of shape (n, n_radii, n_angles), float32
        Polar maps of ``sqrt(counts + 3/8)``, with at least 66 angles.

    Returns
    -------
    channels : ndarray of shape (n, N_CHANNELS, n_radii), float32
        The smooth profile by its logarithm, without the brightness; the contrast averaged over the ring; the
        noise; and, as ``asinh(amplitude / KNEE)``, the powers, the real part of the turns between rings, of
        the bispectrum, and the imaginary part of the turns.
    """
    contrast, smooth = contrast_of(maps)
    n_angles = maps.shape[2]
    series = fft.rfft(contrast, axis=2) / np.float32(n_angles)
    power = np.square(series.real) + np.square(series.imag)
    # The median of exponentially distributed powers is ln 2 of their mean.
    noise = np.median(power[:, :, 3 * n_angles // 8 :], axis=2) / np.float32(np.log(2))
    power -= noise[:, :, None]
    profile = np.log(smooth)
    turns = [_turn(series[:, :, order]) for order in range(1, N_TURNED + 1)]
    triples = [(series[:, :, a] * series[:, :, b] * series[:, :, a + b].conj()).real for a, b in TRIPLES]
    channels = [
        profile - profile.mean(axis=1, keepdims=True),
        _soft(series[:, :, 0].real),
        0.5 * np.log(noise + np.float32(1e-4)),
        *(_soft(np.sqrt(np.maximum(power[:, :, low:high].sum(axis=2), 0))) for low, high in ORDERS),
        *(_soft(_signed_root(turn.real, 1 / 2)) for turn in turns),
        *(_soft(_signed_root(triple, 1 / 3)) for triple in triples),
        *(_soft(_signed_root(turn.imag, 1 / 2)) for turn in turns[:N_HANDED]),
    ]
    return np.stack(channels, axis=1).astype(np.float32)


def _turn(series: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Return each ring times the conjugate of the next; 0 for the last one."""
    turn = np.zeros_like(series)
    turn[:, :-1] = series[:, :-1] * series[:, 1:].conj()
    return turn


def _signed_root(values: NDArray[np.float32], power: float) -> NDArray[np.float32]:
    return np.sign(values) * np.abs(values) ** np.float32(power)


def _soft(amplitude: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.arcsinh(amplitude / np.float32(KNEE))
