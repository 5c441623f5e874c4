"""The two-point cross-correlation of a pattern: how alike a ring is to itself, turned.

The alternative input of Zimmermann et al., Phys. Rev. E 99, 063309 (2019), robust to noise: the noise of
counting is not correlated between pixels, so it stands at the turn by nothing alone.
"""

import torch
from torch import Tensor

FLOOR = 0.05
"""Added to the mean counts of a ring, so that a dark one has no contrast."""
GAIN = 3.0
"""Puts contrasts on the curved part of the logarithmic activation."""


def two_point_correlation(counts: Tensor) -> Tensor:
    """Correlate each ring of polar maps with itself over the angle.

    Parameters
    ----------
    counts : Tensor of shape (b, 1, n_radii, n_angles), float32
        Counts on polar maps, at least 0.

    Returns
    -------
    correlation : Tensor of shape (b, 1, n_radii, n_angles), float32
        ``GAIN * (<I(q, a) I(q, a + turn)> / <I>^2 - 1)`` by radius q and turn; blind to in-plane rotation and
        mirroring. At the turn by nothing, where the photon noise is, stands the mean of its neighbours.
    """
    n_angles = counts.shape[-1]
    mean = counts.mean(dim=-1, keepdim=True)
    power = torch.fft.rfft((counts - mean) / (mean + FLOOR), dim=-1).abs().square()
    correlation = GAIN * torch.fft.irfft(power, n=n_angles, dim=-1) / n_angles
    beside = (correlation[..., 1:2] + correlation[..., -1:]) / 2
    return torch.cat([beside, correlation[..., 1:]], dim=-1)
