"""The training loop of the FactorVAE; it knows no caller and can be killed at any time."""

import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workers.science.checkpoint import (
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)
from workers.science.device import pick_device
from workers.science.errors import TrainingError
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
from workers.science.progress import Progress, silent

N_POINTS = 200
"""Points of the live curve, at most."""
N_STARTED_FROM = 8192
"""Frames that the first principal components are taken from, at most."""
LAST_RATE = 0.05
"""The learning rate at the end, as a share of the one at the start."""


class FactorVAETraining:
    """The state of a training: networks, optimisers, random numbers, step and curve.

    Parameters
    ----------
    features : ndarray of shape (n, n_features), float32
        All inputs, usually a memory map.
    recipe : LearnRecipe
        Sizes and rates.
    seed : int
        Of the weights and of every draw.
    """

    def __init__(self, features: NDArray[np.float32], recipe: LearnRecipe, seed: int) -> None:
        self.features, self.recipe = features, recipe
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = FactorVAE(recipe, features.shape[1])
            self.discriminator = build_discriminator(recipe)
        if recipe.input == "angular":
            self.model.start_from_components(torch.from_numpy(np.array(features[:N_STARTED_FROM])))
        self.device = pick_device()
        self.model.to(self.device)
        self.discriminator.to(self.device)
        self.generator = torch.Generator().manual_seed(seed)
        self.vae_optimiser = torch.optim.Adam(self.model.parameters(), lr=recipe.learning_rate)
        self.discriminator_optimiser = torch.optim.Adam(
            self.discriminator.parameters(), lr=recipe.discriminator_rate, betas=(0.5, 0.9)
        )
        self.step = 0
        self.seconds = 0.0
        self.curve: list[dict[str, float]] = []

    def advance(self) -> dict[str, float]:
        """Do one step of Algorithm 2 and return its losses, in nats."""
        x, other = self._draw_batch(), self._draw_batch()
        ramp = self._ramp()
        for group in self.vae_optimiser.param_groups:
            group["lr"] = self._learning_rate()
        mean, log_variance = self.model.encode(x)
        z = sample_posterior(mean, log_variance, self.generator)
        reconstruction = self.model.reconstruction_loss(x, self.model.decode(z))
        kl = kl_per_latent(mean, log_variance)
        # The discriminator does not learn from this loss: its own gradients need not be computed.
        self.discriminator.requires_grad_(False)
        correlation = total_correlation(self.discriminator(z))
        self.discriminator.requires_grad_(True)
        kl_cost = kl.clamp_min(self.recipe.free_bits).sum()
        loss = reconstruction + ramp * (kl_cost + self.recipe.gamma * correlation)
        self.vae_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1000.0)
        self.vae_optimiser.step()
        # The encoder has moved, and the graph of z with it: the discriminator learns on the detached z.
        telling = self._train_discriminator(z.detach(), other)
        self.step += 1
        return self._checked(reconstruction, kl.sum(), correlation, telling)

    def _train_discriminator(self, z: Tensor, other: Tensor) -> Tensor:
        """Teach the discriminator latents of one batch against permuted ones of another."""
        with torch.no_grad():
            mean, log_variance = self.model.encode(other)
            permuted = permute_latents(sample_posterior(mean, log_variance, self.generator), self.generator)
        logits, permuted_logits = self.discriminator(torch.cat([z, permuted])).split(len(z))
        loss = discriminator_loss(logits, permuted_logits)
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.discriminator_optimiser.step()
        return loss.detach()

    def _draw_batch(self) -> Tensor:
        """Draw frames with replacement, so that one frame is enough for a batch."""
        n = len(self.features)
        n_drawn = min(self.recipe.batch_size, max(n, 8))
        chosen = torch.randint(n, (n_drawn,), generator=self.generator).numpy()
        return torch.from_numpy(self.features[chosen]).to(self.device)

    def _ramp(self) -> float:
        """Return the present weight of KL and TC, rising from 0 to 1 over the warm-up."""
        length = self.recipe.warm_up * self.recipe.n_steps
        return min(1.0, (self.step + 1) / length) if length > 0 else 1.0

    def _learning_rate(self) -> float:
        """Return the present learning rate, of the step alone, so that a resumed training agrees."""
        fall = 0.5 * (1 + math.cos(math.pi * self.step / self.recipe.n_steps))
        return self.recipe.learning_rate * (LAST_RATE + (1 - LAST_RATE) * fall)

    def _checked(
        self, reconstruction: Tensor, kl: Tensor, correlation: Tensor, telling: Tensor
    ) -> dict[str, float]:
        """Return the losses as numbers, or stop if one no longer is one."""
        values = torch.stack([reconstruction, kl, correlation, telling]).tolist()
        if not all(math.isfinite(value) for value in values):
            raise TrainingError(
                "Training",
                f"the loss is no longer a number at step {self.step}",
                "Choose a lower learning_rate or gamma, and look for frames with impossible values",
            )
        names = ("reconstruction", "kl", "total_correlation", "discriminator")
        return dict(zip(names, values, strict=True))

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on."""
        return {
            **{f"model.{name}": value for name, value in self.model.state_dict().items()},
            **{f"discriminator.{name}": value for name, value in self.discriminator.state_dict().items()},
            **optimiser_tensors("vae_optimiser", self.vae_optimiser),
            **optimiser_tensors("discriminator_optimiser", self.discriminator_optimiser),
            "generator": self.generator.get_state(),
        }

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Put back a state that `tensors` returned, with its step, seconds and curve."""
        for prefix, module in (("model.", self.model), ("discriminator.", self.discriminator)):
            own = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
            module.load_state_dict(own)
        restore_optimiser("vae_optimiser", self.vae_optimiser, tensors)
        restore_optimiser("discriminator_optimiser", self.discriminator_optimiser, tensors)
        self.generator.set_state(tensors["generator"])
        self.step, self.seconds, self.curve = facts["step"], facts["seconds"], facts["curve"]


def train_factorvae(
    features: NDArray[np.float32],
    recipe: LearnRecipe,
    *,
    seed: int,
    scratch: Path,
    data_sha256: str,
    on_progress: Progress = silent,
    checkpoint_s: float = 10.0,
) -> FactorVAETraining:
    """Train a FactorVAE, going on from the checkpoint in `scratch` if it is of the same training.

    Parameters
    ----------
    features : ndarray of shape (n, n_features), float32
        Inputs, n at least 1.
    recipe : LearnRecipe
        Sizes, rates, number of steps.
    seed : int
        Same seed, same data and same number of threads: same network.
    scratch : Path
        Where the checkpoint lies.
    data_sha256 : str
        Names the data, so that a checkpoint of other data is not taken up.
    on_progress : Progress
        Told the steps done, with a point of the curve; at most about 200 times.
    checkpoint_s : float, default=10.0
        Seconds between checkpoints.

    Returns
    -------
    training : FactorVAETraining
        After its last step.

    Raises
    ------
    TrainingError
        If a loss is no longer a number.
    """
    training = FactorVAETraining(features, recipe, seed)
    path, identity = scratch / "learn.safetensors", {**asdict(recipe), "seed": seed, "data": data_sha256}
    found = load_checkpoint(path)
    if found is not None and found[1]["identity"] == identity:
        training.restore(*found)
    interval = max(1, math.ceil(recipe.n_steps / N_POINTS))
    begun = saved = time.monotonic() - training.seconds
    saved += training.seconds
    while training.step < recipe.n_steps:
        losses = training.advance()
        if training.step % interval == 0 or training.step == recipe.n_steps:
            training.curve.append({"step": training.step, **losses})
            on_progress(training.step, recipe.n_steps, "steps", note="learning", point=training.curve[-1])
        training.seconds = time.monotonic() - begun
        if time.monotonic() - saved >= checkpoint_s:
            facts = {"identity": identity, "step": training.step, "seconds": training.seconds}
            save_checkpoint(path, training.tensors(), {**facts, "curve": training.curve})
            saved = time.monotonic()
    training.model.eval()
    return training
