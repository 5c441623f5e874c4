"""The training of the residual network on labelled frames."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from workers.science.checkpoint import load_checkpoint, optimiser_tensors, restore_optimiser, save_checkpoint
from workers.science.classifier import AiryNet, Classifier, classify_frames, residual_input
from workers.science.classifier_augment import augment
from workers.science.classifier_input import network_levels
from workers.science.classifier_recipe import ClassifierRecipe
from workers.science.device import pick_device
from workers.science.errors import TrainingError
from workers.science.fit_weights import class_weights
from workers.science.labelled_frames import LabelledFrames
from workers.science.metrics import decide, macro_f1
from workers.science.progress import Progress
from workers.science.warm_classifier import Earlier

CHECKPOINT_EVERY = 25
POINTS = 60  # of the live curve, per fit
WARM_UP = 0.25  # share of the steps in which the one-cycle rate rises


@dataclass
class Fit:
    """One fit of a network: its state, its checkpoint, and its steps.

    A step draws all its random numbers from (seed, name, step), so that a fit that goes on from a checkpoint
    takes the same steps as one that was never interrupted.
    """

    name: str
    frames: LabelledFrames
    recipe: ClassifierRecipe
    seed: int
    scratch: Path
    held_back: LabelledFrames | None = None
    earlier: Earlier | None = None
    curve: list[dict[str, Any]] = field(default_factory=list)
    step: int = 0

    def __post_init__(self) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(self._seed("weights"))
            self.network = AiryNet(self.recipe.width, len(self.frames.classes))
        if self.earlier is not None:
            self.earlier.begin(self.network)
        self.device = pick_device()
        self.network.to(self.device)
        self.optimiser = _optimiser(self.network, self.recipe)
        frames = self.frames
        seen = network_levels(
            frames.condensed, frames.good, frames.scale_max, self.recipe.input, frames.scale
        )
        self.levels, self.good = (torch.from_numpy(part).to(self.device) for part in seen)
        self.targets = torch.from_numpy(self.frames.matrix).to(self.device).float()
        self.weights = torch.from_numpy(class_weights(frames.matrix, frames.single_label)).to(self.device)
        self._restore()

    def run(self, on_progress: Progress, offset: int, total: int) -> Classifier:
        """Take all steps that are left and return the trained network.

        Raises
        ------
        TrainingError
            If the loss is no longer a number.
        """
        every = max(1, self.recipe.n_steps // POINTS)
        while self.step < self.recipe.n_steps:
            loss = self._take_step()
            last = self.step == self.recipe.n_steps
            point = None
            if self.step % every == 0 or last:
                point = self._point(loss, offset, score=last or self.step % (every * 10) == 0)
                self.curve.append(point)
            if self.step % CHECKPOINT_EVERY == 0 or last:
                self._save()
            on_progress(offset + self.step, total, "steps", note=self.name, point=point)
        return self.as_classifier()

    def as_classifier(self) -> Classifier:
        """Return the network as it is now, alone."""
        return Classifier.of(self.frames, self.recipe, residual=self.network.eval())

    def _take_step(self) -> float:
        """Draw a batch, go one step downhill, and return the loss."""
        self.network.train()
        generator = torch.Generator().manual_seed(self._seed(f"step {self.step}"))
        rows = self._rows().to(self.device)
        levels = augment(self.levels[rows], self.frames.scale_max, self.recipe, generator)
        logits = self.network(residual_input(levels, self.good, self.frames.scale_max, self.recipe.input))
        loss = self._loss(logits, self.targets[rows])
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.recipe)
        self.optimiser.zero_grad(set_to_none=True)
        (loss + self._l1()).backward()
        self.optimiser.step()
        self.step += 1
        value = float(loss.detach())
        if not np.isfinite(value):
            cause = f"the loss is not a number any more at step {self.step}"
            raise TrainingError("Training", cause, "Choose a smaller learning rate")
        return value

    def _rows(self) -> Tensor:
        """Return the batch: each pass over the labels has its own order."""
        m = len(self.frames.condensed)
        places = np.arange(self.step * self.recipe.batch, (self.step + 1) * self.recipe.batch)
        orders = {
            int(p): np.random.default_rng(self._seed(f"pass {p}")).permutation(m)
            for p in np.unique(places // m)
        }
        return torch.tensor([int(orders[int(place // m)][place % m]) for place in places])

    def _loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy, weighted against the imbalance of the classes."""
        smoothing = self.recipe.smoothing
        if self.frames.single_label:
            return functional.cross_entropy(
                logits, targets.argmax(dim=1), weight=self.weights, label_smoothing=smoothing
            )
        soft = targets * (1 - smoothing) + (1 - targets) * smoothing / 2
        return functional.binary_cross_entropy_with_logits(logits, soft, pos_weight=self.weights)

    def _l1(self) -> Tensor | float:
        if self.recipe.l1 == 0:
            return 0.0
        kernels = [module.weight for module in self.network.modules() if isinstance(module, nn.Conv2d)]
        return self.recipe.l1 * torch.stack([kernel.abs().sum() for kernel in kernels]).sum()

    def _point(self, loss: float, offset: int, *, score: bool) -> dict[str, Any]:
        point: dict[str, Any] = {"step": offset + self.step, "loss": round(loss, 5)}
        if score and self.held_back is not None:
            probabilities = classify_frames(self.held_back.condensed, self.as_classifier())
            decision = decide(probabilities, self.frames.single_label)
            point["macro_f1"] = macro_f1(self.held_back.matrix, decision)
        return point

    def _seed(self, purpose: str) -> int:
        text = f"{self.seed}/{self.name}/{purpose}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "little")

    @property
    def _identity(self) -> str:
        """A digest of all that the fit depends on: a checkpoint of another fit is not gone on from."""
        digest = hashlib.sha256(json.dumps([self.recipe.to_dict(), self.seed, self.name]).encode())
        digest.update(
            json.dumps([self.frames.classes, self.frames.single_label, self.frames.scale_max]).encode()
        )
        digest.update(self.frames.condensed.tobytes())
        digest.update(self.frames.matrix.tobytes())
        return digest.hexdigest()

    @property
    def _checkpoint(self) -> Path:
        return self.scratch / f"{self.name.replace(' ', '-')}.checkpoint"

    def _save(self) -> None:
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= optimiser_tensors("optimiser", self.optimiser)
        facts = {"identity": self._identity, "step": self.step, "curve": self.curve}
        save_checkpoint(self._checkpoint, tensors, facts)

    def _restore(self) -> None:
        """Go on from the checkpoint of this very fit, if there is one."""
        found = load_checkpoint(self._checkpoint)
        if found is None or found[1].get("identity") != self._identity:
            return
        tensors, facts = found
        weights = {name: tensors[f"network.{name}"] for name in self.network.state_dict()}
        self.network.load_state_dict(weights)
        restore_optimiser("optimiser", self.optimiser, tensors)
        self.step, self.curve = facts["step"], facts["curve"]


def learning_rate(step: int, recipe: ClassifierRecipe) -> float:
    """Return the rate of a step: one cycle for AdamW, constant for Nesterov.

    One cycle (Smith, arXiv:1803.09820): up from a tenth in the first quarter, then down along a cosine.
    """
    if recipe.optimiser == "nesterov":
        return recipe.learning_rate
    part = step / max(recipe.n_steps, 1)
    if part < WARM_UP:
        return recipe.learning_rate * (0.1 + 0.9 * part / WARM_UP)
    return recipe.learning_rate * (0.5 + 0.5 * float(np.cos(np.pi * (part - WARM_UP) / (1 - WARM_UP))))


def _optimiser(network: nn.Module, recipe: ClassifierRecipe) -> torch.optim.Optimizer:
    """Return the optimiser; biases and norms do not decay."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimiser == "nesterov":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)
