"""How fast a FactorVAE learns and embeds, beside the bare networks: `python -m benchmarks.learning`.

All in one process, in turns, so that what else the machine does hits all alike; medians. The published
order of operations is Algorithm 2 of arXiv:1802.05983 as its authors and others run it: a second encoder
pass for the permuted latents, a pass backward for each of the two optimisers, PyTorch's own layers and its
default Adam, losses read in each step. "Bare" are the passes forward and backward through our layers that a
step needs, by autograd, with one encoder pass, on tensors that lie in memory: no drawing, no Adam, nothing
shown.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from workers.science.device import pick_device
from workers.science.edge_layers import LastConvolution
from workers.science.embed import Embedder, embed_frames
from workers.science.factorvae import (
    FactorVAE,
    LearnRecipe,
    build_discriminator,
    discriminator_loss,
    kl_per_latent,
    permute_latents,
    sample_posterior,
    total_correlation,
)
from workers.science.inputs import prepare_inputs
from workers.science.train import FactorVAETraining

N_FRAMES = 2048


class PublishedTraining:
    """Algorithm 2 with two encoder passes a step, and the layers that PyTorch has."""

    def __init__(self, features: np.ndarray, recipe: LearnRecipe, device: torch.device) -> None:
        self.features, self.recipe, self.device = features, recipe, device
        self.model = plain_layers(FactorVAE(recipe, features.shape[1])).to(device)
        self.discriminator = build_discriminator(recipe).to(device)
        self.generator = torch.Generator().manual_seed(0)
        self.vae_optimiser = torch.optim.Adam(self.model.parameters(), lr=1e-4)
        self.discriminator_optimiser = torch.optim.Adam(
            self.discriminator.parameters(), lr=1e-4, betas=(0.5, 0.9)
        )

    def advance(self) -> list[float]:
        """Do one step and return its losses."""
        x, other = self._draw(), self._draw()
        mean, log_variance = self.model.encode(x)
        z = sample_posterior(mean, log_variance, self.generator)
        reconstruction = self.model.reconstruction_loss(x, self.model.decode(z))
        kl = kl_per_latent(mean, log_variance).sum()
        correlation = total_correlation(self.discriminator(z))
        self.vae_optimiser.zero_grad()
        (reconstruction + kl + self.recipe.gamma * correlation).backward()
        self.vae_optimiser.step()
        with torch.no_grad():
            permuted = sample_posterior(*self.model.encode(other), self.generator)
            permuted = permute_latents(permuted, self.generator)
        telling = discriminator_loss(self.discriminator(z.detach()), self.discriminator(permuted))
        self.discriminator_optimiser.zero_grad()
        telling.backward()
        self.discriminator_optimiser.step()
        return [loss.item() for loss in (reconstruction, kl, correlation, telling)]

    def _draw(self) -> Tensor:
        chosen = torch.randint(len(self.features), (self.recipe.batch_size,), generator=self.generator)
        return torch.from_numpy(self.features[chosen.numpy()]).to(self.device)


def plain_layers(model: FactorVAE) -> FactorVAE:
    """Replace our last convolution by that of PyTorch, and take whole batches through the layers."""
    model._in_blocks = lambda part, x: part(x)
    for part in (model.encoder, model.decoder):
        for name, layer in list(part.named_children()):
            if isinstance(layer, LastConvolution):
                setattr(part, name, nn.ConvTranspose2d(layer.in_channels, 1, 4, 2, 1))
    return model


def bare_pass(features: np.ndarray, recipe: LearnRecipe, device: torch.device) -> Callable[[], None]:
    """Return a call of the passes forward and backward that a step needs, on tensors that are there already.

    One encoder pass, by the layers as they are trained and by autograd, with the least that it can do.
    """
    model = FactorVAE(recipe, features.shape[1]).to(device)
    discriminator = build_discriminator(recipe).to(device)
    n, d = recipe.batch_size, recipe.n_latents
    x = torch.from_numpy(features[:n]).to(device)
    noise, permuted = torch.randn(n, d).to(device), torch.randn(n, d).to(device)

    def run() -> None:
        model.zero_grad()
        discriminator.zero_grad()
        mean, log_variance = model.encode(x)
        z = mean + noise * (0.5 * log_variance).exp()
        loss = model.reconstruction_loss(x, model.decode(z)) + kl_per_latent(mean, log_variance).sum()
        discriminator.requires_grad_(False)
        (loss + recipe.gamma * total_correlation(discriminator(z))).backward()
        discriminator.requires_grad_(True)
        both = discriminator(torch.cat([z.detach(), permuted])).split(n)
        discriminator_loss(*both).backward()

    return run


def in_turns(calls: dict[str, Callable[[], object]], n_rounds: int, n_calls: int) -> dict[str, float]:
    """Return the seconds of one call of each, the median over rounds in which they take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(n_rounds):
        for name, call in calls.items():
            begun = time.perf_counter()
            for _ in range(n_calls):
                call()
            _finish()
            seconds[name].append((time.perf_counter() - begun) / n_calls)
    return {name: statistics.median(values) for name, values in seconds.items()}


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def measure_training(features: np.ndarray, recipe: LearnRecipe, n_rounds: int, n_calls: int) -> None:
    """Print the rates of a form's training.

    Where features come in views, ours learns from pairs of them; the others, which know none, from the first.
    """
    recipe = replace(recipe, n_steps=10_000_000)
    single = np.ascontiguousarray(features[:, 0]) if features.ndim == 3 else features
    ours = FactorVAETraining(features, recipe, 0)
    ours.table.rows = torch.zeros(1_000_000, ours.table.rows.shape[1], device=ours.device)
    published = replace(recipe, batch_size=64)
    calls = {
        "published": PublishedTraining(single, published, pick_device()).advance,
        "ours": ours.advance,
        "bare": bare_pass(single, recipe, ours.device),
    }
    found = in_turns(calls, n_rounds, n_calls)
    batches = {"published": published.batch_size}
    rate = {name: batches.get(name, recipe.batch_size) / value for name, value in found.items()}
    print(
        f"  learn: published {rate['published']:.0f}, ours {rate['ours']:.0f}, bare {rate['bare']:.0f} "
        f"frames/s; ours / published {rate['ours'] / rate['published']:.2f}, "
        f"ours / bare {rate['ours'] / rate['bare']:.2f}",
        flush=True,
    )


def measure_embedding(frames: np.ndarray, network: Embedder, n_rounds: int) -> None:
    """Print the rates of a form's embedding beside the bare passes forward, with and without features."""
    device = next(network.model.parameters()).device
    x = torch.from_numpy(network.inputs.features(frames)).to(device)

    def encode() -> None:
        with torch.inference_mode():
            for block in x.split(64):
                network.model.encode(block)[0].cpu()

    def prepare_and_encode() -> None:
        with torch.inference_mode():
            for start in range(0, len(frames), 64):
                block = torch.from_numpy(network.inputs.features(frames[start : start + 64]))
                network.model.encode(block.to(device))[0].cpu()

    calls = {
        "ours": lambda: embed_frames(frames, network),
        "whole": prepare_and_encode,
        "encoder": encode,
    }
    rate = {name: len(frames) / value for name, value in in_turns(calls, n_rounds, 1).items()}
    print(
        f"  embed: ours {rate['ours']:.0f}, features and encoder {rate['whole']:.0f}, encoder alone "
        f"{rate['encoder']:.0f} frames/s; ours / both {rate['ours'] / rate['whole']:.2f}, "
        f"ours / encoder alone {rate['ours'] / rate['encoder']:.2f}",
        flush=True,
    )


def main() -> None:
    """Measure both forms and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--batch",
        type=int,
        default=LearnRecipe().batch_size,
        help="of our training; the published one has 64",
    )
    parser.add_argument("--size", type=int, default=64, help="side of a frame, in pixels")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (N_FRAMES, options.size, options.size), dtype=np.uint8)
    mask = np.ones(frames.shape[1:], bool)
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"{name}, {options.threads} threads, torch {torch.__version__}; median of {options.rounds} turns")
    for form, n_calls in ((LearnRecipe().input, 40), ("image", 3)):
        recipe = LearnRecipe(input=form, batch_size=options.batch)
        with tempfile.TemporaryDirectory() as folder:
            inputs, features = prepare_inputs(frames, recipe, mask, 100.0, Path(folder) / "inputs.npy")
            print(f"{form}: {features.shape[-1]} features, batch {recipe.batch_size}")
            measure_training(features, recipe, options.rounds, n_calls)
            model = FactorVAE(recipe, features.shape[-1]).to(pick_device()).eval()
            measure_embedding(frames[:512], Embedder(inputs, model, recipe.n_latents), options.rounds)


if __name__ == "__main__":
    main()
