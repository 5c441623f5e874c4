"""FactorVAE: a variational autoencoder whose latents are pushed to be independent.

H. Kim and A. Mnih, "Disentangling by Factorising", arXiv:1802.05983. The loss is reconstruction + KL +
gamma * TC, with the total correlation TC from the density ratio that a discriminator learns between latents
and latents whose dimensions are permuted over the batch (their Algorithm 2).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from workers.science.edge_layers import LastConvolution
from workers.science.errors import RecipeError
from workers.science.recipe import require_choice, require_range

IMAGE_SIDE = 64
"""Side of the published input, in pixels."""
IMAGES_IN_CACHE = 16
"""Images that a CPU takes through the layers at a time: a fifth to a third faster than 64 at once."""


@dataclass(frozen=True)
class LearnRecipe:
    """What a FactorVAE learns from, how big it is and how it is trained."""

    input: str = "shapes"
    """``"shapes"``, ``"spectral"`` or ``"angular"`` (all blind to in-plane rotation), or ``"image"``."""
    n_latents: int = 24
    gamma: float = 6.4
    """Weight of the total correlation; 6.4 to 100 in the paper."""
    n_steps: int = 900
    batch_size: int = 512
    learning_rate: float = 1e-3
    """Of the autoencoder, at the start; it falls to 5 % along a cosine. 1e-4 in the paper, for 3e5 steps."""
    discriminator_rate: float = 1e-4
    discriminator_width: int = 128
    """1000 in the paper, at many times the time of a step."""
    hidden_width: int = 256
    """Of the layers of the angular encoder and decoder."""
    warm_up: float = 0.2
    """Share of the steps over which the weight of KL and TC rises to its value: against collapse."""
    free_bits: float = 0.05
    """KL per latent, in nats, below which it costs nothing more: against collapse."""
    active_kl: float = 0.1
    """Mean KL, in nats, from which a latent counts as active."""
    n_radii: int = 52
    n_angles: int = 96
    n_bands: int = 10
    """Rings of the polar map are averaged into so many bands."""
    n_orders: int = 12
    """Orders of the Fourier series over the angle, from 1."""
    centre_reach: float = 0.04
    """How far the beam may be from the middle, as a share of the frame's side."""
    noise_level: float = 0.3
    """Standard deviation that the decoder allows a feature: smaller means more active latents."""
    max_frames: int = 20_000
    """Larger data sets are learned from a random subset of this size."""
    held_back: float = 0.05
    """Share of the frames that is not learned from but judged: at most 512, and none if less than 8."""
    patience: int = 0
    """Stop after so many of the up to 40 judgements of a training without a gain; 0: never."""
    processes: int = 1
    """Processes that learn together, one a GPU, each with batches of this size; 0: one for each GPU."""
    beta: float = 1.0
    """Weight of the KL; with `gamma` 0 and 4 or so this is a beta-VAE (I. Higgins et al., ICLR 2017)."""
    consistency: float = 50.0
    """Weight of seeing the same in all views of a frame; only spectra come in views."""
    temperature: float = 0.2
    """Of that: smaller ones pull the nearest frames apart more than the others."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        require_choice("input", self.input, ("shapes", "spectral", "angular", "image"))
        require_range("n_latents", self.n_latents, 1, 60)
        require_range("gamma", self.gamma, 0, 1000)
        require_range("n_steps", self.n_steps, 1, 10_000_000)
        require_range("batch_size", self.batch_size, 2, 4096)
        require_range("learning_rate", self.learning_rate, 1e-7, 1)
        require_range("discriminator_rate", self.discriminator_rate, 1e-7, 1)
        require_range("discriminator_width", self.discriminator_width, 4, 4096)
        require_range("hidden_width", self.hidden_width, 4, 4096)
        require_range("warm_up", self.warm_up, 0, 1)
        require_range("free_bits", self.free_bits, 0, 10)
        require_range("active_kl", self.active_kl, 0, 10)
        require_range("n_radii", self.n_radii, 4, 512)
        require_range("n_angles", self.n_angles, 8, 1024)
        require_range("n_bands", self.n_bands, 1, self.n_radii)
        require_range("n_orders", self.n_orders, 1, 3 * (self.n_angles // 2) // 4 - 1)
        require_range("centre_reach", self.centre_reach, 0, 0.25)
        require_range("noise_level", self.noise_level, 0.01, 10)
        if self.n_angles % 2:
            raise RecipeError("Setting 'n_angles'", f"{self.n_angles} is odd", "Choose an even number")
        require_range("max_frames", self.max_frames, 2, 10_000_000)
        require_range("held_back", self.held_back, 0, 0.5)
        require_range("patience", self.patience, 0, 1000)
        require_range("processes", self.processes, 0, 64)
        require_range("beta", self.beta, 0, 1000)
        require_range("consistency", self.consistency, 0, 10_000)
        require_range("temperature", self.temperature, 0.01, 10)
        if self.patience and not self.held_back:
            raise RecipeError(
                "Setting 'patience'", "no frames are held back to be judged", "Give held_back a share"
            )


class FactorVAE(nn.Module):
    """Encoder and decoder of one input form.

    Parameters
    ----------
    recipe : LearnRecipe
        Sizes.
    n_features : int
        Length of an input vector; ``64 * 64`` for images.
    """

    def __init__(self, recipe: LearnRecipe, n_features: int) -> None:
        super().__init__()
        self.is_image, self.noise_level = recipe.input == "image", recipe.noise_level
        if self.is_image:
            self.encoder = _image_encoder(2 * recipe.n_latents)
            self.decoder = _image_decoder(recipe.n_latents)
        else:
            width = recipe.hidden_width
            self.encoder = _Perceptron(n_features, width, 2 * recipe.n_latents)
            self.decoder = _Perceptron(recipe.n_latents, width, n_features)

    def start_from_components(self, x: Tensor) -> None:
        """Start the angular form as a principal component analysis of unit variances.

        Training bends it from there: from the best linear autoencoder, short trainings agree with each other.

        Parameters
        ----------
        x : Tensor of shape (n, n_features)
            Standardised features of the data set, or of a part of it.
        """
        n_latents = self.encoder.linear.out_features // 2
        x = torch.nan_to_num(x)  # the first step will say that the loss is no number
        centred = (x - x.mean(dim=0)).double()
        variance, axes = torch.linalg.eigh(centred.T @ centred / len(x))
        # Rounding leaves tiny negative variances, and identical frames leave none at all.
        spread = variance.flip(0)[:n_latents].clamp_min(1e-4).sqrt().float()
        axes = axes.flip(1)[:, :n_latents].T.float()  # (d, n_features)
        n_known = len(axes)
        with torch.no_grad():
            for part in (self.encoder, self.decoder):
                part.linear.weight.zero_()
                part.linear.bias.zero_()
                part.layers[-1].weight.mul_(0.1)
                part.layers[-1].bias.zero_()
            self.encoder.linear.weight[:n_known] = axes / spread[:, None]
            self.encoder.linear.bias[:n_known] = -(axes / spread[:, None]) @ x.mean(dim=0)
            self.encoder.linear.bias[n_latents : n_latents + n_known] = -torch.log1p(
                (spread / self.noise_level) ** 2
            )
            self.decoder.linear.weight[:, :n_known] = (axes * spread[:, None]).T
            self.decoder.linear.bias[:] = x.mean(dim=0)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of the posterior, each of shape (b, d)."""
        mean, log_variance = self._in_blocks(self.encoder, x).chunk(2, dim=1)
        return mean, log_variance.clamp(-12.0, 6.0)

    def decode(self, z: Tensor) -> Tensor:
        """Return the reconstruction, (b, n_features): means of the features, or logits of the pixels."""
        return self._in_blocks(self.decoder, z)

    def _in_blocks(self, part: nn.Module, x: Tensor) -> Tensor:
        """Apply the encoder or the decoder; on a CPU so few images at a time that the cache holds them."""
        if not self.is_image or x.device.type != "cpu":
            return part(x)
        return torch.cat([part(block) for block in x.split(IMAGES_IN_CACHE)])

    def reconstruction_loss(self, x: Tensor, output: Tensor) -> Tensor:
        """Return the negative log likelihood per frame in nats, up to a constant.

        Features have a Gaussian of the recipe's noise level, pixels in [0, 1] the Bernoulli of the paper.
        """
        if self.is_image:
            return functional.binary_cross_entropy_with_logits(output, x, reduction="sum") / len(x)
        return 0.5 * ((x - output) / self.noise_level).square().sum() / len(x)


class _Perceptron(nn.Module):
    """Three layers with SiLU between them, added to a linear map, which alone would be a PCA."""

    def __init__(self, n_in: int, width: int, n_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.layers = nn.Sequential(
            nn.Linear(n_in, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, n_out)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return (b, n_out)."""
        return self.linear(x) + self.layers(x)


def _image_encoder(n_out: int) -> nn.Sequential:
    """Return the encoder of the paper's table for 64 x 64 images."""
    return nn.Sequential(
        nn.Unflatten(1, (1, IMAGE_SIDE, IMAGE_SIDE)),
        *(nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU()),  # (b, 32, 32, 32)
        *(nn.Conv2d(32, 32, 4, 2, 1), nn.ReLU()),  # (b, 32, 16, 16)
        *(nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU()),  # (b, 64, 8, 8)
        *(nn.Conv2d(64, 64, 4, 2, 1), nn.ReLU()),  # (b, 64, 4, 4)
        *(nn.Flatten(), nn.Linear(1024, 128), nn.ReLU()),
        nn.Linear(128, n_out),
    )


def _image_decoder(n_in: int) -> nn.Sequential:
    """Return the decoder of the paper's table for 64 x 64 images."""
    return nn.Sequential(
        *(nn.Linear(n_in, 128), nn.ReLU(), nn.Linear(128, 1024), nn.ReLU(), nn.Unflatten(1, (64, 4, 4))),
        *(nn.ConvTranspose2d(64, 64, 4, 2, 1), nn.ReLU()),  # (b, 64, 8, 8)
        *(nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU()),  # (b, 32, 16, 16)
        *(nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ReLU()),  # (b, 32, 32, 32)
        LastConvolution(32),  # (b, 1, 64, 64)
        nn.Flatten(),
    )


def build_discriminator(recipe: LearnRecipe) -> nn.Sequential:
    """Return the discriminator: six hidden layers, leaky ReLU 0.2, two logits.

    Parameters
    ----------
    recipe : LearnRecipe
        Number of latents and width.

    Returns
    -------
    discriminator : nn.Sequential
        Maps latents (b, d) to logits (b, 2): "as they come", "permuted".
    """
    layers: list[nn.Module] = []
    n_in = recipe.n_latents
    for _ in range(6):
        layers += [nn.Linear(n_in, recipe.discriminator_width), nn.LeakyReLU(0.2)]
        n_in = recipe.discriminator_width
    return nn.Sequential(*layers, nn.Linear(n_in, 2))


def sample_posterior(mean: Tensor, log_variance: Tensor, generator: torch.Generator) -> Tensor:
    """Draw latents by the reparametrisation trick; all of shape (b, d)."""
    noise = torch.randn(mean.shape, generator=generator)
    return mean + noise.to(mean.device) * (0.5 * log_variance).exp()


def kl_per_latent(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the KL divergence to the unit Gaussian, mean over the batch, in nats: (b, d) -> (d,)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(dim=0)


def permute_latents(z: Tensor, generator: torch.Generator) -> Tensor:
    """Permute each dimension over the batch on its own, which makes them independent: (b, d) -> (b, d)."""
    order = torch.rand(z.shape, generator=generator).argsort(dim=0)
    return z.gather(0, order.to(z.device))


def total_correlation(logits: Tensor) -> Tensor:
    """Return the estimate of TC in nats, the mean of log D / (1 - D), from logits (b, 2)."""
    return (logits[:, 0] - logits[:, 1]).mean()


def discriminator_loss(logits: Tensor, permuted_logits: Tensor) -> Tensor:
    """Return the cross entropy of telling latents, class 0, from permuted ones, class 1; in nats."""
    real = functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long, device=logits.device))
    ones = torch.ones(len(permuted_logits), dtype=torch.long, device=logits.device)
    return 0.5 * (real + functional.cross_entropy(permuted_logits, ones))
