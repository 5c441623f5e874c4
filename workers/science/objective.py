"""All losses of one step of Algorithm 2, in one pass forward and one backward.

Autoencoder and discriminator have losses of their own, and each must leave the other's weights alone. As
`judgement.judge` sees to that, the sum of the losses has the gradients of both, and one pass backward is
enough.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from workers.science.device import Computing
from workers.science.factorvae import FactorVAE, LearnRecipe, kl_per_latent
from workers.science.judgement import judge
from workers.science.ranks import Ranks


class Objective(nn.Module):
    """Autoencoder, discriminator and the losses that both learn from.

    Parameters
    ----------
    model, discriminator : FactorVAE, nn.Sequential
        The networks.
    recipe : LearnRecipe
        Weights of the losses.
    computing : Computing
        Precision and layout of the device.
    ranks : Ranks
        The processes that train together.
    is_paired : bool
        Whether the second half of a batch are other views of the frames of the first half.
    """

    def __init__(
        self,
        model: FactorVAE,
        discriminator: nn.Sequential,
        recipe: LearnRecipe,
        computing: Computing,
        ranks: Ranks,
        is_paired: bool = False,
    ) -> None:
        super().__init__()
        self.model, self.discriminator = model, discriminator
        self.recipe, self.computing, self.ranks = recipe, computing, ranks
        self.is_paired = is_paired

    def forward(
        self, x: Tensor, noise: Tensor, permuted: Tensor, ramp: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the sum to descend, the losses to show, and the latents.

        Parameters
        ----------
        x : Tensor of shape (b, n_features)
            A batch, in pairs of views or not.
        noise : Tensor of shape (b, d)
            Unit Gaussian.
        permuted : Tensor of shape (b, d)
            Latents of another batch, permuted.
        ramp : float
            Present weight of KL and TC, 0 to 1.

        Returns
        -------
        loss : Tensor
            Scalar, in nats.
        losses : Tensor of shape (4 + d,)
            In the order of `losses.NAMES`, then the KL of each latent; without gradients.
        z : Tensor of shape (b, d), float32
            Drawn from the posteriors; without gradients.
        """
        with self.computing.autocast():
            mean, log_variance = self.model.encode(x)
            mean, log_variance = mean.float(), log_variance.float()
            z = mean + noise * (0.5 * log_variance).exp()
            output = self.model.decode(z).float()
            reconstruction = self.model.reconstruction_loss(x, output)
        correlation, telling = judge(self.discriminator, z, permuted)
        kl = kl_per_latent(mean, log_variance)
        kl_cost = self._kl_cost(kl)
        loss = (
            reconstruction + ramp * (self.recipe.beta * kl_cost + self.recipe.gamma * correlation) + telling
        )
        if self.is_paired and self.recipe.consistency:
            loss = loss + self.recipe.consistency * inconsistency(z, self.recipe.temperature)
        shown = torch.stack([reconstruction, kl.sum(), correlation, telling])
        return loss, torch.cat([shown, kl]).detach(), z.detach()

    def _kl_cost(self, kl: Tensor) -> Tensor:
        """Return the KL above the free bits, which are counted over the batch of all processes."""
        bits = self.recipe.free_bits
        costs = self.ranks.mean(kl.detach()) > bits
        return torch.where(costs, kl, bits).sum()


def inconsistency(z: Tensor, temperature: float) -> Tensor:
    """Return how badly the two views of a frame find each other among all views of a batch.

    The contrastive loss of T. Chen et al. (SimCLR, arXiv:2002.05709, equation 1), on the latents themselves:
    their directions, which are what is clustered, come to say what all views of a frame have in common.

    Parameters
    ----------
    z : Tensor of shape (2 b, d)
        Latents of b frames in one view, then of the same frames in another.
    temperature : float
        By which cosines are divided.

    Returns
    -------
    loss : Tensor
        Scalar, mean cross entropy in nats.
    """
    half = len(z) // 2
    directions = functional.normalize(z, dim=1)
    likeness = directions @ directions.T / temperature
    likeness = likeness.masked_fill(torch.eye(len(z), dtype=torch.bool, device=z.device), float("-inf"))
    other = torch.arange(len(z), device=z.device).roll(half)
    return functional.cross_entropy(likeness, other)
