"""Where on its input the residual network saw a class: Grad-CAM.

R. Selvaraju et al., ICCV 2017: activations of the last convolution, each channel weighed by what the class
gains by it. That layer sees a polar map in two by two places, which tells nothing; then the deepest layer is
taken that has at least `LEAST_PLACES` on each side, and each place is weighed by its own gradient (R. Draelos
and L. Carin, arXiv:2011.08891), which on the last layer is the same.
"""

import torch
from torch import Tensor
from torch.nn import functional

from workers.science.classifier import LOG_SLOPE, AiryNet
from workers.science.occlusion import log_odds

LEAST_PLACES = 6


def gradcam(network: AiryNet, seen: Tensor, *, single_label: bool) -> Tensor:
    """Return the heat of each class.

    Parameters
    ----------
    network : AiryNet
        In evaluation mode.
    seen : Tensor of shape (1, 1, h, w)
        What its first layer gets.
    single_label : bool

    Returns
    -------
    heat : Tensor of shape (k, h', w')
        On the places of the layer; below 0 where a place spoke against the class.
    """
    with torch.enable_grad():
        x = functional.max_pool2d(network.activation(network.first(seen.requires_grad_())), 3, 2, 1)
        layers = []
        for block in network.blocks:
            x = block(x)
            layers.append(x)
        last = functional.leaky_relu(network.norm(x), LOG_SLOPE)
        layers.append(last)
        odds = log_odds(network.last(last.mean(dim=(2, 3))), single_label)[0]
        wide = [layer for layer in layers if min(layer.shape[2:]) >= LEAST_PLACES]
        chosen = (wide or layers[:1])[-1]
        gradients = [torch.autograd.grad(one, chosen, retain_graph=True)[0] for one in odds]
    return torch.stack([(gradient * chosen).sum(dim=1)[0] for gradient in gradients]).detach()
