"""All losses of one step of Algorithm 2, in one pass forward and one backward.

Autoencoder and discriminator have losses of their own. Each must leave the other's weights alone: the total
correlation is seen through a discriminator whose weights are held, and the discriminator sees latents that
are cut from the encoder. So the sum of the losses has the gradients of both, and one pass backward is enough.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from workers.science.device import Computing
from workers.science.factorvae import (
    FactorVAE,
    LearnRecipe,
    discriminator_loss,
    kl_per_latent,
    total_correlation,
)
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
    """

    def __init__(
        self,
        model: FactorVAE,
        discriminator: nn.Sequential,
        recipe: LearnRecipe,
        computing: Computing,
        ranks: Ranks,
    ) -> None:
        super().__init__()
        self.model, self.discriminator = model, discriminator
        self.recipe, self.computing, self.ranks = recipe, computing, ranks

    def forward(
        self, x: Tensor, noise: Tensor, permuted: Tensor, ramp: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the sum to descend, the losses to show, and the latents.

        Parameters
        ----------
        x : Tensor of shape (b, n_features)
            A batch.
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
            correlation = total_correlation(held_logits(self.discriminator, z).float())
            both = self.discriminator(torch.cat([z.detach(), permuted])).float()
        telling = discriminator_loss(*both.split(len(z)))
        kl = kl_per_latent(mean, log_variance)
        kl_cost = self._kl_cost(kl)
        loss = (
            reconstruction + ramp * (self.recipe.beta * kl_cost + self.recipe.gamma * correlation) + telling
        )
        shown = torch.stack([reconstruction, kl.sum(), correlation, telling])
        return loss, torch.cat([shown, kl]).detach(), z.detach()

    def _kl_cost(self, kl: Tensor) -> Tensor:
        """Return the KL above the free bits, which are counted over the batch of all processes."""
        bits = self.recipe.free_bits
        costs = self.ranks.mean(kl.detach()) > bits
        return torch.where(costs, kl, bits).sum()


def held_logits(discriminator: nn.Sequential, z: Tensor) -> Tensor:
    """Return the logits (b, 2) of latents (b, d), with gradients for the latents but not for the weights."""
    for layer in discriminator:
        if isinstance(layer, nn.Linear):
            z = functional.linear(z, layer.weight.detach(), layer.bias.detach())
        else:
            z = layer(z)
    return z
