"""What the discriminator says of latents, with the gradients that both of its losses need, in one pass.

Through PyTorch's autograd it takes two passes forward and two backward: one with weights that are held, for
the total correlation, whose gradient the encoder needs, and one for its own loss. Both see the same latents
through the same layers, so that one pass forward serves both, and both gradients go back through each layer
as rows of one matrix. For layers of 128 that is a third of the time of a training step.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
"""Of the leaky ReLU."""
_leak_back = torch.ops.aten.leaky_relu_backward.grad_input


def judge(discriminator: nn.Sequential, z: Tensor, permuted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the total correlation of latents, and the loss of the discriminator.

    Gradients of the total correlation reach `z` but not the discriminator, those of the loss reach the
    discriminator but not `z`.

    Parameters
    ----------
    discriminator : nn.Sequential
        From `build_discriminator`.
    z : Tensor of shape (b, d)
        Latents as they come.
    permuted : Tensor of shape (b, d)
        Latents of another batch, permuted.

    Returns
    -------
    correlation, telling : Tensor, Tensor
        Scalars, in nats, as `total_correlation` and `discriminator_loss` have them.
    """
    linear = [layer for layer in discriminator if isinstance(layer, nn.Linear)]
    parameters = [parameter for layer in linear for parameter in (layer.weight, layer.bias)]
    return _Judgement.apply(z, permuted, *parameters)


class _Judgement(torch.autograd.Function):
    """Both losses; rows of all matrices: the b latents as they come, then the b permuted ones."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, permuted: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        weights, biases = parameters[::2], parameters[1::2]
        seen = [torch.cat([z, permuted])]
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            seen.append(functional.leaky_relu_(torch.addmm(bias, seen[-1], weight.T), SLOPE))
        logits = torch.addmm(biases[-1], seen[-1], weights[-1].T)
        odds = logits[:, 0] - logits[:, 1]
        ctx.save_for_backward(odds, *weights, *seen)
        real, shuffled = odds.chunk(2)
        telling = functional.softplus(-real).mean() + functional.softplus(shuffled).mean()
        return real.mean(), 0.5 * telling

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        odds, *rest = ctx.saved_tensors
        weights, seen = rest[: len(rest) // 2], rest[len(rest) // 2 :]
        n = len(odds) // 2
        # Three blocks of n rows: of the total correlation, then of the two parts of the other loss.
        of_correlation, of_telling = gradients
        real, shuffled = odds.chunk(2)
        to_odds = torch.cat([-torch.sigmoid(-real), torch.sigmoid(shuffled)]) * (0.5 / n * of_telling)
        to_odds = torch.cat([(of_correlation / n).expand(n), to_odds])
        back = torch.stack([to_odds, -to_odds], dim=1)
        found: list[Tensor | None] = []
        for i in range(len(weights) - 1, -1, -1):
            own = back[n:]
            found += [own.sum(dim=0), own.T @ seen[i]]
            if i == 0:
                return (back[:n] @ weights[0], None, *reversed(found))
            back = back @ weights[i]
            for rows, outputs in ((back[:n], seen[i][:n]), (back[n:], seen[i])):
                _leak_back(rows, outputs, SLOPE, True, grad_input=rows)
        raise AssertionError("a discriminator has layers")
