"""The shape network: from the rings of a pattern to a direction that tells its shape and not its size."""

from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from workers.science.ring_spectra import n_spectra
from workers.science.shapenet.exposures import N_ANGLES, N_RADII
from workers.science.shapenet.rings import N_CHANNELS

N_SHAPES = 64
"""Numbers that tell the shape."""
WEIGHTS = Path(__file__).with_name("shapes.safetensors")
_WIDTH = 512


class ShapeNetwork(nn.Module):
    """Convolutions along the radius for the rings, a layer for the spectra, and three layers for both.

    `rings_mean`, `rings_spread` (N_CHANNELS, 1) and `spectra_mean`, `spectra_spread` (n_spectra,)
    standardise.
    """

    def __init__(self) -> None:
        super().__init__()
        width = n_spectra(N_ANGLES)
        self.along = nn.Sequential(
            _convolution(N_CHANNELS, 64, 5, 1),
            _convolution(64, 96, 5, 2),
            _convolution(96, 128, 3, 2),
            _convolution(128, 128, 3, 2),
            nn.Flatten(),
        )
        self.spectral = _layer(width, _WIDTH)
        self.head = nn.Sequential(
            _layer(128 * N_RADII // 8 + _WIDTH, _WIDTH), _layer(_WIDTH, _WIDTH), nn.Linear(_WIDTH, N_SHAPES)
        )
        self.register_buffer("rings_mean", torch.zeros(N_CHANNELS, 1))
        self.register_buffer("rings_spread", torch.ones(N_CHANNELS, 1))
        self.register_buffer("spectra_mean", torch.zeros(width))
        self.register_buffer("spectra_spread", torch.ones(width))

    def forward(self, rings: Tensor, spectra: Tensor, noise: float = 0.0) -> Tensor:
        """Return the shapes of patterns.

        Parameters
        ----------
        rings : Tensor of shape (b, N_CHANNELS, N_RADII)
            From `ring_channels`.
        spectra : Tensor of shape (b, n_spectra)
            From `ring_spectra`.
        noise : float, default=0
            Standard deviation of what is added to both, once they are standardised.

        Returns
        -------
        shapes : Tensor of shape (b, N_SHAPES)
            Of length 1.
        """
        return self.shapes_and_below(rings, spectra, noise)[0]

    def shapes_and_below(self, rings: Tensor, spectra: Tensor, noise: float = 0.0) -> tuple[Tensor, Tensor]:
        """Return the shapes (b, N_SHAPES), and the layer (b, 512) in which rings and spectra are joined."""
        rings = (rings - self.rings_mean) / self.rings_spread
        spectra = (spectra - self.spectra_mean) / self.spectra_spread
        if noise:
            rings = rings + noise * torch.randn_like(rings)
            spectra = spectra + noise * torch.randn_like(spectra)
        below = self.head[0](torch.cat([self.along(rings), self.spectral(spectra)], dim=1))
        return functional.normalize(self.head[1:](below), dim=1), below


def as_tensors(network: ShapeNetwork, prefix: str = "") -> dict[str, Tensor]:
    """Return weights and constants by name, in half precision."""
    return {
        prefix + name: value.half() if value.is_floating_point() else value
        for name, value in network.state_dict().items()
    }


def from_tensors(tensors: dict[str, Tensor], prefix: str = "") -> ShapeNetwork:
    """Rebuild a network for judging, on the CPU, from what `as_tensors` gave."""
    network = ShapeNetwork()
    network.load_state_dict(
        {
            name.removeprefix(prefix): value.float() if value.is_floating_point() else value
            for name, value in tensors.items()
            if name.startswith(prefix)
        }
    )
    return network.eval().requires_grad_(False)


@lru_cache(maxsize=1)
def shape_network() -> ShapeNetwork:
    """Return the network that comes with Fringe."""
    return from_tensors(load_file(str(WEIGHTS)))


def _convolution(n_in: int, n_out: int, size: int, step: int) -> nn.Sequential:
    convolution = nn.Conv1d(n_in, n_out, size, stride=step, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm1d(n_out), nn.LeakyReLU(0.1))


def _layer(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.LeakyReLU(0.1))
