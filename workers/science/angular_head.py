"""Logistic regression on angular Fourier magnitudes: the expert that few labels suffice for.

The magnitudes do not change when a particle turns in the plane of the image, so that one labelled frame
stands for all angles. A residual network must learn this from many.
"""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from workers.science.polar import angular_magnitudes, polar_maps, polar_operator

N_RADII = 32
N_ANGLES = 64
N_ORDERS = 13
INVERSE_PENALTY = 0.05  # sklearn's C; strong, for there are more features than labels
ABSENT_LOGIT = 8.0  # of a class that no label, or every label, holds


class AngularHead(nn.Module):
    """A linear layer on standardised angular magnitudes.

    Parameters
    ----------
    n_features, n_classes : int
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("spread", torch.ones(n_features))

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (b, k) of features (b, f)."""
        return self.linear((features - self.mean) / self.spread)

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> "AngularHead":
        """Build the head that `state` was taken from."""
        n_classes, n_features = state["linear.weight"].shape
        head = cls(n_features, n_classes)
        head.load_state_dict(state)
        return head


def angular_operator(good: NDArray[np.bool_]) -> sparse.csr_array:
    """Return the polar operator for frames with these good pixels, built once per mask."""
    return _operator(np.packbits(good).tobytes(), good.shape)


@lru_cache(maxsize=8)
def _operator(packed: bytes, shape: tuple[int, int]) -> sparse.csr_array:
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=shape[0] * shape[1])
    return polar_operator(bits.reshape(shape).astype(np.bool_), n_radii=N_RADII, n_angles=N_ANGLES)


def angular_features(condensed: NDArray[np.uint8], operator: sparse.csr_array) -> NDArray[np.float32]:
    """Return the features of condensed frames.

    Parameters
    ----------
    condensed : ndarray of shape (n, s, s), uint8
        On the logarithmic scale of the condensed frames, where intensity is nearly an offset, which only
        order 0 sees.
    operator : sparse array
        From `angular_operator`.

    Returns
    -------
    features : ndarray of shape (n, N_ORDERS * N_RADII), float32
    """
    maps = polar_maps(condensed, operator, n_radii=N_RADII, n_angles=N_ANGLES) / np.float32(255)
    return angular_magnitudes(maps, N_ORDERS).reshape(len(condensed), -1)


def fit_angular_head(
    features: NDArray[np.float32], matrix: NDArray[np.bool_], single_label: bool, seed: int
) -> AngularHead:
    """Fit the head to labelled frames.

    Parameters
    ----------
    features : ndarray of shape (m, f), float32
        From `angular_features`.
    matrix : ndarray of shape (m, k), bool
        Classes; with `single_label` one a row.
    single_label : bool
        One softmax over the classes that occur, instead of a sigmoid for each.
    seed : int

    Returns
    -------
    head : AngularHead
    """
    head = AngularHead(features.shape[1], matrix.shape[1])
    mean = features.mean(axis=0)
    # the floor keeps rings that never vary, such as masked ones, from blowing up on a new frame
    spread = np.maximum(features.std(axis=0), 0.05 * features.std())
    weight, bias = _fit((features - mean) / np.maximum(spread, 1e-6), matrix, single_label, seed)
    head.load_state_dict(
        {
            "linear.weight": torch.from_numpy(weight).float(),
            "linear.bias": torch.from_numpy(bias).float(),
            "mean": torch.from_numpy(mean).float(),
            "spread": torch.from_numpy(np.maximum(spread, 1e-6)).float(),
        }
    )
    return head


def _fit(
    standard: NDArray, matrix: NDArray[np.bool_], single_label: bool, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights (k, f) and biases (k,) of one softmax or k sigmoids."""
    n_classes = matrix.shape[1]
    weight, bias = np.zeros((n_classes, standard.shape[1])), np.full(n_classes, -ABSENT_LOGIT)
    if single_label:
        present = np.flatnonzero(matrix.any(axis=0))
        model = _regression(seed).fit(standard, matrix.argmax(axis=1))
        rows, biases = model.coef_, model.intercept_
        if len(present) == 2:  # two classes come back as one logit, of the second against the first
            rows, biases = np.vstack([-rows, rows]) / 2, np.concatenate([-biases, biases]) / 2
        weight[present], bias[present] = rows, biases
        return weight, bias
    for c, applies in enumerate(matrix.T):
        if applies.any() and not applies.all():
            model = _regression(seed).fit(standard, applies)
            weight[c], bias[c] = model.coef_[0], model.intercept_[0]
        elif applies.all():
            bias[c] = ABSENT_LOGIT
    return weight, bias


def _regression(seed: int) -> LogisticRegression:
    return LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=1000, random_state=seed)
