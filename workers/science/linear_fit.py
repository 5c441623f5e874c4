"""Logistic regression on labels that need not be certain, each frame with a weight of its own."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

MOST_STEPS = 200
ABSENT_LOGIT = 8.0
"""Against a class that no label holds, or for one that every label holds."""

HIDDEN = 1e4
"""Logits that a softmax does not see."""


def fit_linear(
    features: NDArray[np.float32],
    targets: NDArray[np.float32],
    weights: NDArray[np.float32],
    *,
    single_label: bool,
    offsets: NDArray[np.float32] | None = None,
    known: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit one softmax, or a sigmoid for each class, with a penalty on the squares of the weights.

    Parameters
    ----------
    features : ndarray of shape (m, f), float32
        Of a scale at which a penalty of 1 is right.
    targets : ndarray of shape (m, k), float32
        Probabilities; with `single_label` rows sum to 1.
    weights : ndarray of shape (m,), or (m, k) for sigmoids, float32
        What each frame counts, or each class of it.
    single_label : bool
    offsets : ndarray of shape (m, k), float32, optional
        Logits that the fit adds to, such as those of an earlier one: the penalty then pulls towards it.
    known : ndarray of shape (k,), bool, optional
        Classes of which the offsets know, and that may therefore lack a label.

    Returns
    -------
    slopes : ndarray of shape (k, f), float32
    biases : ndarray of shape (k,), float32
    """
    x, t = (torch.from_numpy(np.asarray(part, np.float64)) for part in (features, targets))
    w = torch.from_numpy(np.asarray(weights, np.float64))
    if not single_label and w.ndim == 1:
        w = w[:, None]
    before = torch.zeros(1) if offsets is None else torch.from_numpy(np.asarray(offsets, np.float64))
    known = np.zeros(targets.shape[1], bool) if known is None else known
    untold = known & (targets.max(axis=0) == 0)  # stay as they were: no label here is no word against them
    if single_label and untold.any():
        before = before.masked_fill(torch.from_numpy(untold), -HIDDEN)
    slopes = torch.zeros(t.shape[1], x.shape[1], dtype=torch.float64, requires_grad=True)
    biases = torch.zeros(t.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [slopes, biases], max_iter=MOST_STEPS, tolerance_grad=1e-4, line_search_fn="strong_wolfe"
    )

    def penalised_loss() -> Tensor:
        optimiser.zero_grad()
        logits = x @ slopes.T + biases + before
        if single_label:
            losses = -(t * logits.log_softmax(dim=1)).sum(dim=1)
        else:
            losses = functional.binary_cross_entropy_with_logits(logits, t, reduction="none")
        loss = (w * losses).sum() + 0.5 * slopes.square().sum()
        loss.backward()
        return loss

    optimiser.step(penalised_loss)
    found_slopes, found_biases = slopes.detach().numpy(), biases.detach().numpy()
    found_slopes[untold], found_biases[untold] = 0, 0
    return _settle(found_slopes, found_biases, targets, single_label, ~known)


def _settle(
    slopes: NDArray[np.float64],
    biases: NDArray[np.float64],
    targets: NDArray[np.float32],
    single_label: bool,
    free: NDArray[np.bool_],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Say plainly no of a class without any label, and yes of one that all have: their fits run away."""
    slopes, biases = slopes.astype(np.float32), biases.astype(np.float32)
    never = (targets.max(axis=0) == 0) & free
    always = (targets.min(axis=0) == 1) & (not single_label) & free
    slopes[never | always] = 0
    biases[never] = (biases.min() if single_label else 0) - ABSENT_LOGIT
    biases[always] = ABSENT_LOGIT
    return slopes, biases
