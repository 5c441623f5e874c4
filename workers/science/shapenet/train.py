"""Train the shape network: exposures of one particle are to be found among those of all others.

The two views of an example are not made from one picture but from one particle, simulated at two sizes, in
different light, by two detectors and beside the beam.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch

from workers.science.progress import Progress, silent
from workers.science.shapenet.contrast import contrast
from workers.science.shapenet.examples import Examples
from workers.science.shapenet.network import ShapeNetwork
from workers.science.shapenet.pairs import Pairs, n_held_back


@dataclass(frozen=True)
class ShapeRecipe:
    """How the network is trained."""

    n_steps: int = 3600
    batch_size: int = 512
    """Particles, of each of which two exposures are seen."""
    learning_rate: float = 1.5e-3
    """After 50 steps, in which it rises; it falls to a fiftieth of it along a cosine."""
    weight_decay: float = 1e-3
    temperature: float = 0.15
    family_share: float = 0.3
    """Share of those built alike in what is to be found."""
    noise: float = 0.1
    """Added to the standardised inputs, in standard deviations."""
    seed: int = 0


def train_shapes(
    examples: Examples, recipe: ShapeRecipe, *, on_progress: Progress = silent
) -> tuple[ShapeNetwork, float]:
    """Train on examples.

    Parameters
    ----------
    examples : Examples
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
    pairs, started = Pairs(examples, recipe.batch_size, random), time.monotonic()
    for step in range(recipe.n_steps):
        fall = 0.02 + 0.49 * (1 + np.cos(np.pi * step / recipe.n_steps))
        optimiser.param_groups[0]["lr"] = rate * fall * min(1, (step + 1) / 50)
        network.train()
        rings, spectra, families, is_sphere = pairs.draw()
        loss = contrast(
            network(rings, spectra, noise=recipe.noise),
            families,
            is_sphere,
            temperature=recipe.temperature,
            family_share=recipe.family_share,
        )
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
    rings, spectra = (
        torch.from_numpy(part[::20].astype(np.float32)) for part in (examples.rings, examples.spectra)
    )
    network.rings_mean.copy_(rings.mean(dim=(0, 1, 3))[:, None])
    network.rings_spread.copy_(rings.std(dim=(0, 1, 3))[:, None] + 0.05)
    network.spectra_mean.copy_(spectra.mean(dim=(0, 1)))
    spread = spectra.std(dim=(0, 1))
    network.spectra_spread.copy_(spread + 0.1 * spread.max())


@torch.no_grad()
def share_found(network: ShapeNetwork, examples: Examples) -> float:
    """Return for which share of the last particles the second exposure is the likest to the first."""
    last = slice(-n_held_back(examples), None)
    parts = examples.rings[last], examples.spectra[last]
    first, second = (
        network(*(torch.from_numpy(part[:, which].astype(np.float32)) for part in parts)) for which in (0, 1)
    )
    return float((torch.argmax(first @ second.T, dim=1) == torch.arange(len(first))).float().mean())
