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
from torch.nn.parallel import DistributedDataParallel

from workers.science.batches import Batches
from workers.science.checkpoint import (
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)
from workers.science.device import pick_computing, pick_device
from workers.science.early_stop import EarlyStop, held_back_loss, split_rows
from workers.science.factorvae import (
    FactorVAE,
    LearnRecipe,
    build_discriminator,
    permute_latents,
)
from workers.science.losses import LossTable, is_point, points_apart
from workers.science.objective import Objective
from workers.science.progress import Progress, silent
from workers.science.ranks import Ranks

N_POINTS = 200
"""Points of the live curve, at most."""
POINTS_A_JUDGEMENT = 5
"""Every so many points the held-back frames are judged."""
N_STARTED_FROM = 8192
"""Frames that the first principal components are taken from, at most."""
LAST_RATE = 0.05
"""The learning rate at the end, as a share of the one at the start."""
LONGEST_GRADIENT = 1000.0
"""Gradients of the autoencoder are cut to this length: against the one batch that ruins a training."""


class FactorVAETraining:
    """The state of a training: networks, optimiser, random numbers, step and curve.

    One step is Algorithm 2 of the paper but for the batch that is permuted: the paper encodes a second one in
    each step, here it is the one of the step before. The discriminator needs two independent batches, and has
    them; the latents of one are a step old, and an encoder pass is saved. All processes draw the same random
    numbers for the batch of all, and each takes its part: the result is that of one process with that batch.

    Parameters
    ----------
    features : ndarray of shape (n, n_features) or (n, n_views, n_features), float32
        All inputs, usually a memory map. Where there are views, a batch is one half of frames in one view,
        and the same frames in another.
    recipe : LearnRecipe
        Sizes and rates.
    seed : int
        Of the weights and of every draw.
    ranks : Ranks, optional
        The processes that train together.
    weights : dict of str to Tensor, optional
        To start from, instead of random ones and principal components.
    """

    def __init__(
        self,
        features: NDArray[np.float32],
        recipe: LearnRecipe,
        seed: int,
        *,
        ranks: Ranks | None = None,
        weights: dict[str, Tensor] | None = None,
    ) -> None:
        self.features, self.recipe, self.ranks = features, recipe, ranks or Ranks()
        self.device = pick_device()
        self.computing = pick_computing(self.device, recipe.n_steps)
        self.learned, self.held_back = split_rows(len(features), recipe.held_back, seed)
        self.batches = Batches(features, self.device)
        self._build(seed, weights)
        self.generator = torch.Generator().manual_seed(seed)
        n_drawn = min(self.ranks.n * recipe.batch_size, max(len(self.learned), 8))
        parts = self.ranks.n * (2 if self.batches.n_views > 1 else 1)
        self.n_drawn = -(-n_drawn // parts) * parts
        self.previous: Tensor | None = None
        self.table = LossTable(points_apart(recipe.n_steps, N_POINTS), recipe.n_latents, self.device)
        self.early_stop = EarlyStop(recipe.patience)
        self.step = 0
        self.seconds = 0.0
        self.curve: list[dict[str, Any]] = []

    def _build(self, seed: int, weights: dict[str, Tensor] | None) -> None:
        """Make networks and optimiser."""
        recipe = self.recipe
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = FactorVAE(recipe, self.features.shape[-1])
            self.discriminator = build_discriminator(recipe)
        if weights is not None:
            self.model.load_state_dict(weights)
        elif recipe.input != "image":
            chosen = self.learned[:: -(-len(self.learned) // N_STARTED_FROM)]
            self.model.start_from_components(self.batches.rows(chosen).cpu())
        self.model.to(self.device)
        if self.computing.channels_last and recipe.input == "image":
            self.model.to(memory_format=torch.channels_last)
        self.discriminator.to(self.device)
        self.optimiser = torch.optim.Adam(
            [
                {"params": list(self.model.parameters()), "lr": recipe.learning_rate},
                {
                    "params": list(self.discriminator.parameters()),
                    "lr": recipe.discriminator_rate,
                    "betas": (0.5, 0.9),
                },
            ],
            fused=True,
        )
        is_paired = self.batches.n_views > 1
        objective = Objective(
            self.model, self.discriminator, recipe, self.computing, self.ranks, is_paired=is_paired
        )
        if self.ranks.n > 1:
            self.objective: Any = DistributedDataParallel(objective)
        else:
            self.objective = torch.compile(objective) if self.computing.compiled else objective

    def advance(self) -> None:
        """Do one step."""
        self.optimiser.param_groups[0]["lr"] = self._learning_rate()
        if self.previous is None:
            self.previous = self._encode_a_batch()
        x = self._draw_batch()
        noise = self._share(torch.randn((self.n_drawn, self.recipe.n_latents), generator=self.generator))
        permuted = self.ranks.share(permute_latents(self.previous, self.generator))
        loss, losses, z = self.objective(x, noise, permuted, self._ramp())
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._cut_gradient()
        self.optimiser.step()
        self.previous = self.ranks.joined(z)
        self.table.add(self.ranks.mean(losses))
        self.step += 1

    def _draw_batch(self) -> Tensor:
        """Draw frames with replacement, so that one is enough for a batch; return this process's part."""
        n_views = self.batches.n_views
        if n_views == 1:
            drawn = torch.randint(len(self.learned), (self.n_drawn,), generator=self.generator)
            return self.batches.rows(self.learned[self.ranks.share(drawn)])
        half = self.n_drawn // 2
        drawn = torch.randint(len(self.learned), (half,), generator=self.generator)
        views = torch.randint(n_views, (2, half), generator=self.generator)
        chosen = self.learned[self.ranks.share(drawn)]
        return torch.cat([self.batches.rows(chosen, self.ranks.share(view)) for view in views])

    def _encode_a_batch(self) -> Tensor:
        """Return latents of a batch, for the first step, which has no other before it."""
        x = self._draw_batch()
        with torch.no_grad():
            mean, log_variance = self.model.encode(x)
        noise = torch.randn((self.n_drawn, self.recipe.n_latents), generator=self.generator)
        return self.ranks.joined(mean + self._share(noise) * (0.5 * log_variance).exp())

    def _share(self, whole: Tensor) -> Tensor:
        """Return this process's part of numbers that were drawn on the CPU."""
        return self.ranks.share(whole).to(self.device, non_blocking=True)

    def _cut_gradient(self) -> None:
        """Cut the autoencoder's gradient to its greatest length."""
        parameters = self.optimiser.param_groups[0]["params"]
        length = torch.nn.utils.get_total_norm([p.grad for p in parameters])
        # On a GPU to look at the length would wait for it: there the gradient is always multiplied.
        if self.device.type != "cpu" or length > LONGEST_GRADIENT:
            torch.nn.utils.clip_grads_with_norm_(parameters, LONGEST_GRADIENT, length)

    def _ramp(self) -> float:
        """Return the present weight of KL and TC, rising from 0 to 1 over the warm-up."""
        length = self.recipe.warm_up * self.recipe.n_steps
        return min(1.0, (self.step + 1) / length) if length > 0 else 1.0

    def _learning_rate(self) -> float:
        """Return the present learning rate, of the step alone, so that a resumed training agrees."""
        fall = 0.5 * (1 + math.cos(math.pi * self.step / self.recipe.n_steps))
        return self.recipe.learning_rate * (LAST_RATE + (1 - LAST_RATE) * fall)

    @property
    def has_ended(self) -> bool:
        """Whether all steps are done, or early stopping is due."""
        return self.step >= self.recipe.n_steps or self.early_stop.is_due

    @property
    def ending(self) -> str:
        """How it ended and which weights it has, in words."""
        judged = self.early_stop
        if not judged.best:
            return "all steps done"
        how = "early" if self.step < self.recipe.n_steps else "after all steps"
        return (
            f"{how}, at step {self.step}; the weights are those of step {judged.lowest_step}, where the loss "
            f"of held-back frames was lowest ({judged.lowest:.4g})"
        )

    def take_point(self) -> dict[str, Any] | None:
        """Return a point of the curve if it is time for one; every fifth has the loss of held-back frames."""
        if not is_point(self.step, self.recipe.n_steps, N_POINTS):
            return None
        point = self.table.take_point(self.step)
        is_judged = len(self.curve) % POINTS_A_JUDGEMENT == POINTS_A_JUDGEMENT - 1
        if len(self.held_back) and (is_judged or self.step == self.recipe.n_steps):
            point["held_back"] = held_back_loss(self.model, self.batches, self.held_back)
            if self._ramp() == 1.0:
                self.early_stop.judge(point["held_back"], self.step, self.model)
                self.early_stop.n_without = self.ranks.agreed(self.early_stop.n_without)
        self.curve.append(point)
        return point

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on."""
        parts = {"model": self.model.state_dict(), "discriminator": self.discriminator.state_dict()}
        parts["best"] = self.early_stop.best
        named = {f"{part}.{name}": value for part, own in parts.items() for name, value in own.items()}
        return {
            **named,
            **optimiser_tensors("optimiser", self.optimiser),
            "generator": self.generator.get_state(),
            "losses": self.table.read(self.step),
            **({} if self.previous is None else {"previous": self.previous}),
        }

    def facts(self) -> dict[str, Any]:
        """Return what a checkpoint holds besides tensors."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "curve": self.curve,
            "early_stop": self.early_stop.facts(),
        }

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Put back a state that `tensors` and `facts` returned."""
        self.model.load_state_dict(_below("model.", tensors))
        self.discriminator.load_state_dict(_below("discriminator.", tensors))
        best = {name: value.to(self.device) for name, value in _below("best.", tensors).items()}
        self.early_stop.restore(facts["early_stop"], best)
        restore_optimiser("optimiser", self.optimiser, tensors)
        self.generator.set_state(tensors["generator"])
        self.table.restore(tensors["losses"])
        self.previous = tensors["previous"].to(self.device) if "previous" in tensors else None
        self.step, self.seconds, self.curve = facts["step"], facts["seconds"], facts["curve"]


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def train_factorvae(
    features: NDArray[np.float32],
    recipe: LearnRecipe,
    *,
    seed: int,
    scratch: Path,
    data_sha256: str,
    on_progress: Progress = silent,
    checkpoint_s: float = 10.0,
    ranks: Ranks | None = None,
    weights: dict[str, Tensor] | None = None,
    weights_sha256: str = "",
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
        Where the checkpoint lies; it is left there when the training has ended.
    data_sha256 : str
        Names the data, so that a checkpoint of other data is not taken up.
    on_progress : Progress
        Told the steps done, with a point of the curve; at most about 200 times.
    checkpoint_s : float, default=10.0
        Seconds between checkpoints.
    ranks : Ranks, optional
        The processes that train together; the first one reports and writes.
    weights : dict of str to Tensor, optional
        Of a network of the same layers, to start from.
    weights_sha256 : str
        Names them, as `data_sha256` names the data.

    Returns
    -------
    training : FactorVAETraining
        After its last step, with the best weights if it was to stop early.

    Raises
    ------
    TrainingError
        If a loss is no longer a number.
    """
    training = FactorVAETraining(features, recipe, seed, ranks=ranks, weights=weights)
    path = scratch / "learn.safetensors"
    identity = {**asdict(recipe), "seed": seed, "data": data_sha256, "weights": weights_sha256}
    found = load_checkpoint(path)
    if found is not None and found[1]["identity"] == identity:
        training.restore(*found)
    begun, saved = time.monotonic() - training.seconds, time.monotonic()
    while not training.has_ended:
        training.advance()
        point = training.take_point()
        training.seconds = time.monotonic() - begun
        if not training.ranks.is_first:
            continue
        if point is not None:
            on_progress(training.step, recipe.n_steps, "steps", note="learning", point=point)
        if time.monotonic() - saved >= checkpoint_s or training.has_ended:
            save_checkpoint(path, training.tensors(), {"identity": identity, **training.facts()})
            saved = time.monotonic()
    training.early_stop.put_back(training.model)
    training.model.eval()
    return training
