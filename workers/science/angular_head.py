"""Logistic regression on angular Fourier magnitudes: the expert that few labels suffice for.

The magnitudes do not change when a particle turns in the plane of the image, so that one labelled frame
stands for all angles. A residual network must learn this from many.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from workers.science.polar import EMPTY, angular_power, find_centres, polar_maps, relative_magnitudes
from workers.science.scale import DEFAULT, level_counts

N_RADII = 32
N_ANGLES = 64
N_ORDERS = 13
N_BANDS = 8
N_FEATURES = N_RADII * N_ORDERS + N_BANDS * (N_ORDERS - 1) + N_RADII // 2
CENTRE_REACH = 0.03  # of the side of the frame, as far as a beam moves from shot to shot
CHUNK = 64  # frames at a time: bounds the memory
INVERSE_PENALTY = 10.0  # sklearn's C, for blocks of unit length; 1 to 50 are alike
DARK = 1e-3  # counts per pixel; keeps a frame with nothing on it from being divided by zero
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


def angular_features(
    condensed: NDArray[np.uint8], good: NDArray[np.bool_], scale_max: float, scale: str = DEFAULT
) -> NDArray[np.float32]:
    """Return features of condensed frames that know neither the in-plane angle nor where the beam was.

    Three blocks, each of the amplitude (the square root of the counts, whose noise is the same everywhere):
    the logarithm of the angular magnitudes ring by ring, relative to the brightness; the relative magnitudes
    of bands of rings; and the spectrum of the radial profile, which tells a beat of rings whatever their
    width.

    Parameters
    ----------
    condensed : ndarray of shape (n, s, s), uint8
    good : ndarray of shape (s, s), bool
        Pixels that carry signal.
    scale_max : float
        Counts at grey level 255.
    scale : {"log", "sqrt", "none"}
        How counts became levels.

    Returns
    -------
    features : ndarray of shape (n, N_FEATURES), float32
        Ring by ring, then band by band, then the spectrum.
    """
    features = np.empty((len(condensed), N_FEATURES), np.float32)
    counts_of = level_counts(scale, scale_max)
    for start in range(0, len(condensed), CHUNK):
        counts = counts_of[condensed[start : start + CHUNK]] * good
        features[start : start + CHUNK] = _features(counts, good)
    return features


def _features(counts: NDArray[np.float32], good: NDArray[np.bool_]) -> NDArray[np.float32]:
    roots = np.sqrt(counts + np.float32(EMPTY))
    centres = find_centres(roots, good, reach=CENTRE_REACH * len(good))
    power = angular_power(polar_maps(roots, good, centres, n_radii=N_RADII, n_angles=N_ANGLES))
    mean = counts.sum(axis=(1, 2)) / max(int(good.sum()), 1) + DARK
    rings = np.log(np.sqrt(power[:, :, :N_ORDERS] / mean[:, None, None]) + 1e-3)
    bands = np.log(relative_magnitudes(power, n_bands=N_BANDS, n_orders=N_ORDERS - 1) + 0.02)
    slope = np.diff(np.log(np.maximum(power[:, :, 0] - EMPTY, 1e-2)) / 2, axis=1)
    slope = (slope - slope.mean(axis=1, keepdims=True)) * np.hanning(slope.shape[1])
    beat = np.log(np.abs(np.fft.rfft(slope, axis=1)) + 0.02)
    return np.hstack([block.reshape(len(counts), -1) for block in (rings, bands, beat)]).astype(np.float32)


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
    spread = _spread(features)
    weight, bias = _fit((features - mean) / spread, matrix, single_label, seed)
    head.load_state_dict(
        {
            "linear.weight": torch.from_numpy(weight).float(),
            "linear.bias": torch.from_numpy(bias).float(),
            "mean": torch.from_numpy(mean).float(),
            "spread": torch.from_numpy(spread).float(),
        }
    )
    return head


def _spread(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what to divide by: the standard deviation times the root of the length of the block.

    The root makes the three blocks weigh alike, whatever their lengths.

    A feature that hardly varies, such as a masked ring, is not blown up on a new frame.
    """
    lengths = np.array([N_RADII * N_ORDERS, N_BANDS * (N_ORDERS - 1), N_RADII // 2])
    root = np.repeat(np.sqrt(lengths), lengths)
    deviation = features.std(axis=0)
    return np.where(deviation > 0.02, deviation, 1.0).astype(np.float32) * root.astype(np.float32)


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
