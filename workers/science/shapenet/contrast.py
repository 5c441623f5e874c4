"""The loss of the shape network: an exposure finds the other one of its particle, and then its family."""

import torch
from torch import Tensor

UNLIKE = -1e4
"""Stands for minus infinity, of which a softmax times nothing would not be a number."""


def contrast(
    shapes: Tensor, families: Tensor, is_sphere: Tensor, *, temperature: float, family_share: float
) -> Tensor:
    """Return how badly exposures find what they should among all others.

    The normalised temperature-scaled cross entropy of T. Chen et al. (SimCLR, arXiv:2002.05709), a share of
    which goes to the others of the same family, as in P. Khosla et al. (arXiv:2004.11362). Solid spheres are
    all one particle: which of them it is must not be told, so they are no others to each other.

    Parameters
    ----------
    shapes : Tensor of shape (2 * b, d)
        Of length 1: one exposure of each of b particles, then another one of each.
    families : Tensor of shape (b,), int64
        Those of the same number are of one family; -1 is of none.
    is_sphere : Tensor of shape (b,), bool
        True for solid spheres; their second exposure may be of any of them.
    temperature : float
        Divides the cosines.
    family_share : float
        Share of the family in what is to be found.

    Returns
    -------
    loss : Tensor
        Scalar, in nats.
    """
    n = len(shapes)
    other = torch.arange(n).roll(n // 2)
    sphere = torch.cat([is_sphere, is_sphere])
    left_out = torch.eye(n, dtype=torch.bool) | (sphere[:, None] & sphere)
    left_out[torch.arange(n), other] = False
    family = torch.cat([families, families])
    is_mate = (family[:, None] == family) & (family[:, None] >= 0) & ~left_out
    wanted = family_share * is_mate / is_mate.sum(dim=1, keepdim=True).clamp(min=1)
    wanted[torch.arange(n), other] += 1 - family_share
    similar = shapes @ shapes.T / temperature
    return -(wanted * torch.log_softmax(similar.masked_fill(left_out, UNLIKE), dim=1)).sum(dim=1).mean()
