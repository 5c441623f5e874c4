"""Train the shape network: exposures of one particle are to be found among those of all others.

The contrastive loss of T. Chen et al. (SimCLR, arXiv:2002.05709), where the two views of an example are not
made from one picture but from one particle, simulated at two sizes, in different light and beside the beam.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from workers.science.objective import inconsistency
from workers.science.progress import Progress, silent
from workers.science.shapenet.examples import Examples
from workers.science.shapenet.exposures import N_EXPOSURES
from workers.science.shapenet.network import ShapeNetwork
from workers.science.shapenet.rings import N_HANDED

N_HELD_BACK = 512
"""Particles, the last ones, that are not learned from but judged: at most, and no more than a quarter."""


@dataclass(frozen=True)
class ShapeRecipe:
    """How the network is trained."""

    n_steps: int = 2400
    batch_size: int = 512
    """Particles, of each of which two exposures are seen."""
    learning_rate: float = 1.5e-3
    """After 50 steps, in which it rises; it falls to a fiftieth of it along a cosine."""
    weight_decay: float = 1e-3
    temperature: float = 0.15
    noise: float = 0.1
    """Added to the standardised inputs, in standard deviations."""
    seed: int = 0


def train_shapes(
    examples: Examples, recipe: ShapeRecipe, *, on_progress: Progress = silent
) -> tuple[ShapeNetwork, float]:
    """Train on examples.

    Parameters
    ----------
    examples : tuple of ndarray
        From `write_examples`.
    recipe : ShapeRecipe
        Settings.
    on_progress : Progress
        Told the steps done.

    Returns
    -------
    network : ShapeNetwork
        For judging.
    found : float
        Share of the held-back particles of which one exposure finds another one first.
    """
    torch.manual_seed(recipe.seed)
    random = np.random.default_rng(recipe.seed)
    network = ShapeNetwork()
    standardise(network, examples)
    rate = recipe.learning_rate
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=recipe.weight_decay, fused=True)
    n, started = len(examples[0]) - _held_back(examples), time.monotonic()
    for step in range(recipe.n_steps):
        fall = 0.02 + 0.49 * (1 + np.cos(np.pi * step / recipe.n_steps))
        optimiser.param_groups[0]["lr"] = rate * fall * min(1, (step + 1) / 50)
        rows = np.sort(random.choice(n, min(recipe.batch_size, n), replace=False))
        pairs = np.stack([random.permutation(N_EXPOSURES)[:2] for _ in rows])
        network.train()
        shapes = network(*_batch(examples, rows, pairs, random), noise=recipe.noise)
        loss = inconsistency(shapes, recipe.temperature)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if (step + 1) % 50 == 0:
            note = f"loss {loss.item():.2f}, {time.monotonic() - started:.0f} s"
            on_progress(step + 1, recipe.n_steps, "steps", note=note)
    network.eval()
    return network, share_found(network, examples)


def standardise(network: ShapeNetwork, examples: Examples) -> None:
    """Set the means and spreads of a network from every twentieth example."""
    rings, spectra = (torch.from_numpy(part[::20].astype(np.float32)) for part in examples)
    network.rings_mean.copy_(rings.mean(dim=(0, 1, 3))[:, None])
    network.rings_spread.copy_(rings.std(dim=(0, 1, 3))[:, None] + 0.05)
    network.spectra_mean.copy_(spectra.mean(dim=(0, 1)))
    spread = spectra.std(dim=(0, 1))
    network.spectra_spread.copy_(spread + 0.1 * spread.max())


@torch.no_grad()
def share_found(network: ShapeNetwork, examples: Examples) -> float:
    """Return for which share of the last particles the second exposure is the likest to the first."""
    held_back = _held_back(examples)
    first, second = (
        network(*(torch.from_numpy(part[-held_back:, which].astype(np.float32)) for part in examples))
        for which in (0, 1)
    )
    return float((torch.argmax(first @ second.T, dim=1) == torch.arange(len(first))).float().mean())


def _held_back(examples: Examples) -> int:
    return min(N_HELD_BACK, len(examples[0]) // 4)


def _batch(
    examples: Examples, rows: NDArray[np.int64], pairs: NDArray[np.int64], random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return one exposure of each row, then another one; half of all in a mirror."""
    rings, spectra = (
        torch.from_numpy(np.concatenate([part[rows, which] for which in pairs.T]).astype(np.float32))
        for part in examples
    )
    mirrored = torch.from_numpy(random.random(len(rings)) < 0.5)
    rings[mirrored, -N_HANDED:] *= -1
    return rings, spectra
