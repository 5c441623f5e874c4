"""The losses of a training, kept where they were computed and read once in a while.

To read a number off a GPU waits for everything that it still has to do. So each step adds a row to a table
on the device, and only a point of the curve, or a checkpoint, reads it.
"""

import math
from typing import Any

import torch
from torch import Tensor

from workers.science.errors import TrainingError

NAMES = ("reconstruction", "kl", "total_correlation", "discriminator")


class LossTable:
    """The losses of the steps since the last point of the curve.

    Parameters
    ----------
    n_rows : int
        Steps between two points of the curve.
    n_latents : int
        Latents whose KL is kept, too.
    device : torch.device
        Where the losses are computed.
    """

    def __init__(self, n_rows: int, n_latents: int, device: torch.device) -> None:
        self.rows = torch.zeros(n_rows, len(NAMES) + n_latents, device=device)
        self.n = 0

    def add(self, losses: Tensor) -> None:
        """Keep the losses of one step: (4 + n_latents,), in nats, as in `NAMES`, then of each latent."""
        self.rows[self.n] = losses
        self.n += 1

    def read(self, step: int) -> Tensor:
        """Return the rows so far, on the CPU; refuse them if one is no number.

        Parameters
        ----------
        step : int
            Steps done: the last row is of this one.

        Raises
        ------
        TrainingError
            If a loss is infinite or not a number.
        """
        rows = self.rows[: self.n].cpu()
        is_number = torch.isfinite(rows).all(dim=1)
        if not is_number.all():
            first = step - self.n + int((~is_number).nonzero()[0]) + 1
            raise TrainingError(
                "Training",
                f"the loss is no longer a number at step {first}",
                "Choose a lower learning_rate or gamma, and look for frames with impossible values",
            )
        return rows

    def take_point(self, step: int) -> dict[str, Any]:
        """Return the means since the last point, as a point of the curve, and start anew."""
        means = self.read(step).mean(dim=0).tolist()
        self.n = 0
        point: dict[str, Any] = {"step": step, **dict(zip(NAMES, means[: len(NAMES)], strict=True))}
        point["kl_per_latent"] = [float(f"{value:.4g}") for value in means[len(NAMES) :]]
        return point

    def restore(self, rows: Tensor) -> None:
        """Put back what `read` returned."""
        self.n = len(rows)
        self.rows[: self.n] = rows.to(self.rows.device)


def is_point(step: int, n_steps: int, n_points: int) -> bool:
    """Say whether the curve has a point at this step, at most `n_points` of them."""
    return step % points_apart(n_steps, n_points) == 0 or step == n_steps


def points_apart(n_steps: int, n_points: int) -> int:
    """Return the number of steps from one point to the next."""
    return max(1, math.ceil(n_steps / n_points))
