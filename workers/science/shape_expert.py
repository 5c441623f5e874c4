"""The expert on shapes: a linear head on what the network of shapes sees, for which few labels suffice.

The network (decision 0023) was trained on particles of all kinds to tell their shapes from size, light, angle
and detector, without any label. So labels only have to say what the shapes are called.
"""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workers.science.features import root_maps
from workers.science.fit_weights import class_weights
from workers.science.linear_fit import fit_linear
from workers.science.prior import Prior
from workers.science.ring_spectra import ring_spectra
from workers.science.scale import DEFAULT, level_counts
from workers.science.shapenet.exposures import N_ANGLES, N_RADII
from workers.science.shapenet.network import N_SHAPES, ShapeNetwork, shape_network
from workers.science.shapenet.rings import ring_channels
from workers.science.spread import spread_labels

N_BELOW = 512
"""Numbers of the layer of the network that the shapes are made from."""
N_FEATURES = N_SHAPES + N_BELOW
CENTRE_REACH = 0.03  # of the side of the frame, as far as a beam moves from shot to shot
CHUNK = 128
SHAPES_SCALE, BELOW_SCALE = 8.0, 9.0  # at which a penalty of 1 is right: 4 to 16 are alike
UNSURE = 1e-3  # the least that spreading says of any class
PER_CLASS = 20.0  # what all unlabelled frames together count, in labels of each class


class ShapeExpert(nn.Module):
    """A linear layer on shapes and the layer below them.

    Parameters
    ----------
    n_classes : int
    """

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(N_FEATURES, n_classes)
        self.register_buffer("mean", torch.zeros(N_FEATURES))
        self.register_buffer("spread", torch.ones(N_FEATURES))

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (b, k) of features (b, N_FEATURES)."""
        return self.linear((features - self.mean) / self.spread)

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> "ShapeExpert":
        """Build the expert that `state` was taken from."""
        expert = cls(len(state["linear.bias"]))
        expert.load_state_dict(state)
        return expert.eval().requires_grad_(False)


def expert_features(
    condensed: NDArray[np.uint8],
    good: NDArray[np.bool_],
    scale_max: float,
    scale: str = DEFAULT,
    network: ShapeNetwork | None = None,
) -> NDArray[np.float32]:
    """Return what the network of shapes sees in condensed frames, and the layer below.

    Parameters
    ----------
    condensed : ndarray of shape (n, s, s), uint8
    good : ndarray of shape (s, s), bool
        Pixels that carry signal.
    scale_max : float
        Counts at grey level 255.
    scale : {"log", "sqrt", "none"}
        How counts became levels.
    network : ShapeNetwork, optional
        On the CPU; the one that comes with Fringe if not given.

    Returns
    -------
    features : ndarray of shape (n, N_FEATURES), float32
    """
    seeing = network or shape_network()
    features = np.empty((len(condensed), N_FEATURES), np.float32)
    counts_of = level_counts(scale, scale_max)
    for start in range(0, len(condensed), CHUNK):
        counts = counts_of[condensed[start : start + CHUNK]] * good
        maps = root_maps(counts, good, CENTRE_REACH, N_RADII, N_ANGLES)
        with torch.inference_mode():
            rings, spectra = torch.from_numpy(ring_channels(maps)), torch.from_numpy(ring_spectra(maps))
            features[start : start + CHUNK] = torch.cat(seeing.shapes_and_below(rings, spectra), dim=1)
    return features


def fit_shape_expert(
    features: NDArray[np.float32],
    matrix: NDArray[np.bool_],
    single_label: bool,
    unlabelled: NDArray[np.float32] | None = None,
    prior: Prior | None = None,
) -> ShapeExpert:
    """Fit the expert to labelled frames, and to what unlabelled ones are called by those around them.

    Two fits, one on the shapes alone and one with the layer below, and the labels spread over the graph of
    neighbours, are teachers of the unlabelled frames; the last fit learns from them as well. Spreading cannot
    be asked about a frame that comes later, the last fit can.

    Parameters
    ----------
    features : ndarray of shape (m, N_FEATURES), float32
        From `expert_features`.
    matrix : ndarray of shape (m, k), bool
        Classes; with `single_label` one a row.
    single_label : bool
    unlabelled : ndarray of shape (u, N_FEATURES), float32, optional
        Other frames of the data set, at random.
    prior : Prior, optional
        An earlier expert towards which all fits are pulled.

    Returns
    -------
    expert : ShapeExpert
    """
    every = features if unlabelled is None else np.concatenate([features, unlabelled])
    mean, spread = _standard(every)
    seen, truth = (every - mean) / spread, matrix.astype(np.float32)
    given, weights = seen[: len(matrix)], _target_weights(truth, matrix, single_label)
    if unlabelled is not None and len(unlabelled):
        teachers = [seen[:, :N_SHAPES], seen]
        said = prior.logits(every) if prior else None
        logits = [_fitted(x[: len(matrix)], truth, weights, single_label, x, said, prior) for x in teachers]
        guess = _teach(np.mean(logits, axis=0), seen[:, :N_SHAPES], truth, single_label)[len(matrix) :]
        share = np.float32(PER_CLASS * matrix.shape[1] / len(guess))
        # Teachers are as unbalanced as the labels are: the same odds for both.
        more = share * _target_weights(guess, matrix, single_label)
        truth, weights, given = np.concatenate([truth, guess]), np.concatenate([weights, more]), seen
    said = prior.logits(every[: len(given)]) if prior else None
    known = prior.known if prior else None
    slopes, biases = fit_linear(given, truth, weights, single_label=single_label, offsets=said, known=known)
    if prior:
        before = prior.on_standardised(mean, spread)
        slopes, biases = slopes + before[0], biases + before[1]
    state = {"linear.weight": slopes, "linear.bias": biases, "mean": mean, "spread": spread}
    return ShapeExpert.from_state({name: torch.from_numpy(value) for name, value in state.items()})


@lru_cache(maxsize=1)
def _scales() -> NDArray[np.float32]:
    """Return what the two blocks of features are multiplied by, once they are standardised."""
    below = np.full(N_BELOW, BELOW_SCALE / np.sqrt(N_BELOW))
    return np.concatenate([np.full(N_SHAPES, SHAPES_SCALE), below]).astype(np.float32)


def _standard(features: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what to subtract and to divide by: shapes have length 1, the layer below has any spread."""
    mean, spread = features.mean(axis=0), features.std(axis=0) + np.float32(1e-2)
    mean[:N_SHAPES], spread[:N_SHAPES] = 0, 1
    return mean, (spread / _scales()).astype(np.float32)


def _fitted(
    given: NDArray[np.float32],
    truth: NDArray[np.float32],
    weights: NDArray[np.float32],
    single_label: bool,
    asked: NDArray[np.float32],
    said: NDArray[np.float32] | None,
    prior: Prior | None,
) -> NDArray[np.float32]:
    """Return the logits (n, k) of what is `asked`; `said` (n, k) are those that the fit begins with."""
    if said is None or prior is None:
        slopes, biases = fit_linear(given, truth, weights, single_label=single_label)
        return asked @ slopes.T + biases
    offsets = {"offsets": said[: len(given)], "known": prior.known}
    slopes, biases = fit_linear(given, truth, weights, single_label=single_label, **offsets)
    return asked @ slopes.T + biases + said


def _teach(
    logits: NDArray[np.float32], shapes: NDArray[np.float32], truth: NDArray[np.float32], single_label: bool
) -> NDArray[np.float32]:
    """Return what all frames are taken for (n, k), by fits and by labels spread over neighbours."""
    rows = np.arange(len(truth))
    if single_label:
        around = spread_labels(shapes, rows, truth) + np.float32(UNSURE)
        taken = logits + 0.5 * np.log(around)
        taken = np.exp(taken - taken.max(axis=1, keepdims=True))
        return (taken / taken.sum(axis=1, keepdims=True)).astype(np.float32)
    answers = np.concatenate([truth, 1 - truth], axis=1) / truth.shape[1]
    around = spread_labels(shapes, rows, answers.astype(np.float32)) + np.float32(UNSURE)
    yes, no = np.split(around, 2, axis=1)
    return (1 / (1 + np.exp(-logits - 0.5 * np.log(yes / no)))).astype(np.float32)


def _target_weights(
    targets: NDArray[np.float32], matrix: NDArray[np.bool_], single_label: bool
) -> NDArray[np.float32]:
    """Return what each frame counts (m,), or each class of it (m, k), against the imbalance of the labels."""
    weights = class_weights(matrix, single_label)
    return targets @ weights if single_label else 1 + targets * (weights - 1)
