"""All losses of one step of Algorithm 2, in one pass forward and one backward.

Autoencoder and discriminator have losses of their own, and each must leave the other's weights alone. As
`judgement.judge` sees to that, the sum of the losses has the gradients of both, and one pass backward is
enough.
"""

import torch
from torch import Tensor, nn

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
        correlation, telling = judge(self.discriminator, z, permuted)
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
