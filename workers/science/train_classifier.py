"""The training of a classifier on a person's labels, and what it says of frames that it has not seen."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from workers.science.classifier import BATCH, Classifier, classify_frames
from workers.science.classifier_recipe import ClassifierRecipe
from workers.science.fit_residual import Fit
from workers.science.held_back import folds_of, hold_back
from workers.science.labelled_frames import LabelledFrames
from workers.science.metrics import decide, macro_f1
from workers.science.prior import Prior
from workers.science.progress import Progress
from workers.science.shape_expert import CHUNK, ShapeExpert, expert_features, fit_shape_expert
from workers.science.warm_classifier import Earlier

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)  # of the residual network, from which the held-back frames choose
USUAL_SHARE = 0.25  # where there are none: few labels, so that the expert on shapes knows more
TEMPERATURES = np.geomspace(0.1, 10.0, 61)
FEWEST_FOR_TEMPERATURE = 20


@dataclass(frozen=True)
class Trained:
    """What a training leaves.

    Attributes
    ----------
    network : Classifier
        Learned from all labels, with thresholds of 0.5.
    judged : ndarray of shape (t,), int64
        Rows of the labelled frames that were judged by a fit that had not seen them; may be empty.
    probabilities : ndarray of shape (t, k), float32
        What those fits said.
    origin : str
        How that came about, for the card.
    curve : list of dict
    seconds : float
        Of this attempt.
    """

    network: Classifier
    judged: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    origin: str
    curve: list[dict[str, Any]]
    seconds: float


def train(
    frames: LabelledFrames,
    recipe: ClassifierRecipe,
    seed: int,
    scratch: Path,
    on_progress: Progress,
    unlabelled: NDArray[np.uint8] | None = None,
    earlier: Earlier | None = None,
) -> Trained:
    """Learn from labelled frames, in such a way that figures can be told.

    Parameters
    ----------
    frames : LabelledFrames
    recipe : ClassifierRecipe
    seed : int
    scratch : Path
        Folder of the checkpoints.
    on_progress : Progress
    unlabelled : ndarray of shape (u, s, s), uint8, optional
        Other condensed frames of the data set, at random, of which the expert on shapes learns as well.
    earlier : Earlier, optional
        A classifier of another data set to begin with.

    Returns
    -------
    trained : Trained
    """
    begin = time.monotonic()
    shapes = _Shapes.look(frames, unlabelled, on_progress) if recipe.shapes else None
    if shapes is not None and earlier is not None:
        shapes = replace(shapes, prior=earlier.prior)
    if shapes is not None and not recipe.residual:
        trained = _train_shapes(frames, recipe, seed, shapes, on_progress)
    else:
        trained = _train_residual(frames, recipe, seed, scratch, shapes, on_progress, earlier)
    return replace(trained, seconds=time.monotonic() - begin)


@dataclass(frozen=True)
class _Shapes:
    """Features of labelled (m, f) and unlabelled (u, f) frames."""

    labelled: NDArray[np.float32]
    unlabelled: NDArray[np.float32] | None
    prior: Prior | None = None

    @classmethod
    def look(
        cls, frames: LabelledFrames, unlabelled: NDArray[np.uint8] | None, on_progress: Progress
    ) -> "_Shapes":
        parts = [frames.condensed] if unlabelled is None else [frames.condensed, unlabelled]
        total, done, found = sum(len(part) for part in parts), 0, []
        for part in parts:
            features = []
            for start in range(0, len(part), CHUNK):
                block = part[start : start + CHUNK]
                features.append(expert_features(block, frames.good, frames.scale_max, frames.scale))
                done += len(block)
                on_progress(done, total, "frames", note="looking at shapes")
            found.append(np.concatenate(features) if features else None)
        return cls(found[0], found[1] if unlabelled is not None else None)

    def fit(self, frames: LabelledFrames, rows: NDArray[np.int64]) -> ShapeExpert:
        """Fit to some of the labelled frames; the others of them count as unlabelled."""
        others = np.delete(self.labelled, rows, axis=0)
        more = [part for part in (others, self.unlabelled) if part is not None and len(part)]
        unlabelled = np.concatenate(more) if more else None
        labelled, matrix = self.labelled[rows], frames.matrix[rows]
        return fit_shape_expert(labelled, matrix, frames.single_label, unlabelled, self.prior)

    def logits(self, expert: ShapeExpert, rows: NDArray[np.int64]) -> Tensor:
        return expert(torch.from_numpy(self.labelled[rows]))


def _train_shapes(
    frames: LabelledFrames, recipe: ClassifierRecipe, seed: int, shapes: _Shapes, on_progress: Progress
) -> Trained:
    """Fit the expert on shapes: once for each part of the labels without it, and once on all."""
    every = np.arange(len(frames.matrix))
    part_of = folds_of(frames.matrix, recipe.folds, seed)
    n_parts = int(part_of.max()) + 1
    logits = torch.zeros(frames.matrix.shape, dtype=torch.float32)
    curve: list[dict[str, Any]] = []
    for part in range(n_parts):
        inside = np.flatnonzero(part_of == part)
        expert = shapes.fit(frames, np.flatnonzero(part_of != part))
        logits[inside] = shapes.logits(expert, inside)
        curve.append(_point(part + 1, frames, logits, np.flatnonzero(part_of <= part)))
        note = "judging labels by fits that have not seen them"
        on_progress(part + 1, n_parts + 1, "fits", note=note, point=curve[-1])
    temperature = choose_temperature(logits, frames)
    expert = shapes.fit(frames, every)
    on_progress(n_parts + 1, n_parts + 1, "fits", note="learning from all labels")
    network = Classifier.of(frames, recipe, shapes=expert, share=0.0, temperature=temperature)
    origin = f"{len(every)} labelled frames, each judged by a fit that had not seen it ({n_parts} parts)"
    probabilities = _probabilities(logits / temperature, frames.single_label)
    return Trained(network, every, probabilities, origin, curve, 0.0)


def _train_residual(
    frames: LabelledFrames,
    recipe: ClassifierRecipe,
    seed: int,
    scratch: Path,
    shapes: _Shapes | None,
    on_progress: Progress,
    earlier: Earlier | None,
) -> Trained:
    """Fit the residual network without the held-back labels, judge it, and fit once more on all of them."""
    held_back = hold_back(frames.matrix, recipe.held_back, seed)
    probabilities, curve = np.zeros((0, frames.matrix.shape[1]), np.float32), []
    network: Classifier | None = None
    both = len(held_back) > 0 and recipe.refit
    total = recipe.n_steps * (2 if both else 1)
    every = np.arange(len(frames.matrix))
    if len(held_back):
        seen, judged = np.setdiff1d(every, held_back), frames.part(held_back)
        fit = Fit("learning with labels held back", frames.part(seen), recipe, seed, scratch, judged, earlier)
        network = fit.run(on_progress, 0, total)
        if shapes is not None:
            network = _join(frames, recipe, network, shapes.fit(frames, seen), USUAL_SHARE)
            network = replace(network, share=choose_share(network, judged))
        probabilities, curve = classify_frames(judged.condensed, network), fit.curve
    if network is None or both:
        fit = Fit("learning from all labels", frames, recipe, seed, scratch, None, earlier)
        share = USUAL_SHARE if network is None else network.share
        network = fit.run(on_progress, recipe.n_steps if both else 0, total)
        if shapes is not None:
            network = _join(frames, recipe, network, shapes.fit(frames, every), share)
        curve = curve + fit.curve
    origin = f"{len(held_back)} labelled frames that the judged fit did not see"
    if shapes is not None:
        origin += ", but that chose the share of the residual network, one of five"
    if recipe.refit:
        origin += "; the network that is kept was then trained on all labels in the same way"
    return Trained(network, held_back, probabilities, origin, curve, 0.0)


def _join(
    frames: LabelledFrames, recipe: ClassifierRecipe, network: Classifier, expert: ShapeExpert, share: float
) -> Classifier:
    return Classifier.of(frames, recipe, residual=network.residual, shapes=expert, share=share)


def choose_share(network: Classifier, judged: LabelledFrames) -> float:
    """Return the share of the residual network with the least cross-entropy on held-back frames.

    One number from a coarse grid: with eight labels a class the expert on shapes knows far more than the
    residual network, and equal shares would sort worse than the expert alone.
    """
    with torch.inference_mode():
        parts = [
            network.expert_logits(judged.condensed[start : start + BATCH])
            for start in range(0, len(judged.condensed), BATCH)
        ]
    residual, shapes = (torch.cat([part[place] for part in parts]) for place in (0, 1))
    losses = [_loss(share * residual + (1 - share) * shapes, judged) for share in SHARES]
    return SHARES[int(np.argmin(losses))]


def choose_temperature(logits: Tensor, frames: LabelledFrames) -> float:
    """Return what to divide logits (m, k) by so that probabilities are honest (Guo et al., arXiv:1706.04599).

    1 where labels are too few to say.
    """
    if len(logits) < FEWEST_FOR_TEMPERATURE:
        return 1.0
    losses = [_loss(logits / float(temperature), frames) for temperature in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def _loss(logits: Tensor, frames: LabelledFrames) -> float:
    targets = torch.from_numpy(frames.matrix).float()
    if frames.single_label:
        return float(functional.cross_entropy(logits, targets.argmax(dim=1)))
    return float(functional.binary_cross_entropy_with_logits(logits, targets))


def _probabilities(logits: Tensor, single_label: bool) -> NDArray[np.float32]:
    return (logits.softmax(dim=1) if single_label else logits.sigmoid()).numpy()


def _point(step: int, frames: LabelledFrames, logits: Tensor, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return a point of the live curve: how the parts that were judged so far went."""
    judged = frames.part(rows)
    decision = decide(_probabilities(logits[rows], frames.single_label), frames.single_label)
    loss = round(_loss(logits[rows], judged), 5)
    return {"step": step, "loss": loss, "macro_f1": macro_f1(judged.matrix, decision)}
