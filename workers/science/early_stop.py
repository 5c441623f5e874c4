"""Frames that a network does not learn from: their loss, and when to stop because of it."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from workers.science.batches import Batches
from workers.science.factorvae import FactorVAE, kl_per_latent

LEAST_HELD_BACK = 8
MOST_HELD_BACK = 512
BLOCK = 64


def split_rows(n: int, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Choose the rows to learn from and those to hold back.

    Parameters
    ----------
    n : int
        Rows in all.
    share : float
        Of them to be held back, as far as that makes 8, and 512 at most.
    seed : int
        Of the choice.

    Returns
    -------
    learned, held_back : Tensor, Tensor
        Row numbers, int64, ascending; `held_back` is empty where there are too few.
    """
    n_held_back = min(int(share * n), MOST_HELD_BACK)
    if n_held_back < LEAST_HELD_BACK:
        return torch.arange(n), torch.arange(0)
    is_held_back = np.zeros(n, bool)
    is_held_back[np.random.default_rng(seed).choice(n, n_held_back, replace=False)] = True
    return torch.from_numpy(np.flatnonzero(~is_held_back)), torch.from_numpy(np.flatnonzero(is_held_back))


def held_back_loss(model: FactorVAE, batches: Batches, rows: Tensor) -> float:
    """Return reconstruction, of the posterior means, and KL of some rows, in nats a frame.

    The total correlation is left out: what the discriminator says changes as it learns, so that values of
    different steps cannot be compared.

    Parameters
    ----------
    model : FactorVAE
        At its present weights.
    batches : Batches
        Where the rows are.
    rows : Tensor of shape (m,), int64
        At least one.

    Returns
    -------
    loss : float
        Not finite if the weights are not.
    """
    total = 0.0
    with torch.inference_mode():
        for block in rows.split(BLOCK):
            x = batches.rows(block)
            mean, log_variance = model.encode(x)
            loss = model.reconstruction_loss(x, model.decode(mean)) + kl_per_latent(mean, log_variance).sum()
            total += float(loss) * len(block) / len(rows)
    return total


class EarlyStop:
    """Watches the loss of held-back frames, and keeps the weights with which it was lowest.

    Parameters
    ----------
    patience : int
        Judgements without a gain after which to stop; 0 watches nothing.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.lowest, self.lowest_step, self.n_without = float("inf"), 0, 0
        self.best: dict[str, Tensor] = {}

    @property
    def is_due(self) -> bool:
        """Whether the training should stop."""
        return 0 < self.patience <= self.n_without

    def judge(self, loss: float, step: int, model: FactorVAE) -> None:
        """Take note of a loss, and of the weights if it is the lowest so far."""
        if not self.patience:
            return
        self.n_without += 1
        if loss < self.lowest:
            self.lowest, self.lowest_step, self.n_without = loss, step, 0
            self.best = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def put_back(self, model: FactorVAE) -> None:
        """Give the model its best weights, where any were kept."""
        if self.best:
            model.load_state_dict(self.best)

    def facts(self) -> dict[str, Any]:
        """Return what a checkpoint must hold besides the weights."""
        lowest = self.lowest if self.best else None
        return {"lowest": lowest, "lowest_step": self.lowest_step, "n_without": self.n_without}

    def restore(self, facts: dict[str, Any], best: dict[str, Tensor]) -> None:
        """Put back a state."""
        self.lowest = float("inf") if facts["lowest"] is None else facts["lowest"]
        self.lowest_step, self.n_without, self.best = facts["lowest_step"], facts["n_without"], best
