"""Random changes of labelled frames under which the class of a particle stays what it is."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from workers.science.classifier_recipe import ClassifierRecipe


def augment(levels: Tensor, scale_max: float, recipe: ClassifierRecipe, generator: torch.Generator) -> Tensor:
    """Turn, mirror, shift and dim frames at random, each in its own way.

    Parameters
    ----------
    levels : Tensor of shape (b, h, w), float32
        Condensed frames divided by 255, or polar maps, as `recipe.input` says.
    scale_max : float
        Counts at level 1.
    recipe : ClassifierRecipe
        Which changes, and how strong.
    generator : torch.Generator
        On the CPU, so that a seed means the same on every device.

    Returns
    -------
    changed : Tensor of shape (b, h, w), float32
        In the same unit.
    """
    moved = (_moved if recipe.input == "image" else _rolled)(levels, recipe, generator)
    return _dimmed(moved, scale_max, recipe.gain, generator) if recipe.gain > 1 else moved


def _moved(levels: Tensor, recipe: ClassifierRecipe, generator: torch.Generator) -> Tensor:
    """Turn, mirror and shift; what comes in from outside the frame is dark."""
    b, size = levels.shape[:2]
    turn = torch.rand(b, generator=generator)
    angle = {"any": 2 * np.pi * turn, "quarter": np.pi / 2 * (4 * turn).floor(), "none": 0 * turn}[
        recipe.rotate
    ]
    side = 1 - 2 * torch.randint(0, 2, (b,), generator=generator) if recipe.flip else torch.ones(b)
    shift = (2 * torch.rand(b, 2, generator=generator) - 1) * recipe.shift * 2 / size
    cos, sin = angle.cos(), angle.sin()
    rows = [torch.stack([cos * side, -sin, shift[:, 0]], 1), torch.stack([sin * side, cos, shift[:, 1]], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), [b, 1, size, size], align_corners=False)
    if recipe.rotate == "none" and recipe.shift == 0:
        mirrored = torch.where((side < 0).to(levels.device)[:, None, None], levels.flip(2), levels)
        return mirrored
    return functional.grid_sample(levels[:, None], grid.to(levels.device), align_corners=False)[:, 0]


def _rolled(levels: Tensor, recipe: ClassifierRecipe, generator: torch.Generator) -> Tensor:
    """Turn and mirror polar maps: shift and reverse the angle, without any interpolation."""
    b, _, n_angles = levels.shape
    unit = {"any": 1, "quarter": n_angles // 4, "none": n_angles}[recipe.rotate]
    shift = unit * torch.randint(n_angles // unit, (b, 1), generator=generator)
    order = (torch.arange(n_angles) + shift) % n_angles
    if recipe.flip:
        order = torch.where(torch.rand(b, 1, generator=generator) < 0.5, order.flip(1), order)
    return levels.gather(2, order.to(levels.device)[:, None].expand_as(levels))


def _dimmed(levels: Tensor, scale_max: float, gain: float, generator: torch.Generator) -> Tensor:
    """Keep each photon with a probability between ``1 / gain`` and 1, common to a frame.

    Binomial thinning in its normal approximation: mean ``p * counts``, variance ``p * (1 - p) * counts``.
    """
    log_range = float(np.log1p(scale_max))
    counts = torch.expm1(levels * log_range)
    share = gain ** -torch.rand(len(levels), 1, 1, generator=generator)
    noise = torch.randn(levels.shape, generator=generator).to(levels.device)
    share = share.to(levels.device)
    thinned = share * counts + (share * (1 - share) * counts).sqrt() * noise
    return torch.log1p(thinned.clamp(min=0.0)) / log_range
