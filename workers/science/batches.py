"""Batches of a training, straight from the memory map: no process loads them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SHARE_OF_MEMORY = 0.25
"""Of the free memory of a GPU, which the features may take to stay there for the whole training."""


class Batches:
    """Rows of an array, on the device that learns from them.

    Parameters
    ----------
    features : ndarray of shape (n, n_features) or (n, n_views, n_features), float32
        All inputs, usually a memory map; on a CPU a batch is gathered from it and nothing else is read.
    device : torch.device
        Where batches go. A GPU takes all features at once if they fit well, so that steps copy nothing.
    """

    def __init__(self, features: NDArray[np.float32], device: torch.device) -> None:
        self.features, self.device = features, device
        self.resident: Tensor | None = None
        if device.type == "cuda" and features.nbytes <= SHARE_OF_MEMORY * torch.cuda.mem_get_info(device)[0]:
            self.resident = torch.from_numpy(np.array(features)).to(device)

    @property
    def n_views(self) -> int:
        """How many views of each frame there are."""
        return self.features.shape[1] if self.features.ndim == 3 else 1

    def rows(self, chosen: Tensor, views: Tensor | None = None) -> Tensor:
        """Return rows of some numbers.

        Parameters
        ----------
        chosen : Tensor of shape (b,), int64
            Numbers of the frames, on the CPU.
        views : Tensor of shape (b,), int64, optional
            Of which frame which view; the frames as they are if left out.

        Returns
        -------
        rows : Tensor of shape (b, n_features), float32
            On the device.
        """
        place: tuple[Tensor, ...] = (chosen,)
        if self.features.ndim == 3:
            place = (chosen, torch.zeros_like(chosen) if views is None else views)
        if self.resident is not None:
            return self.resident[tuple(part.to(self.device, non_blocking=True) for part in place)]
        batch = torch.from_numpy(self.features[tuple(part.numpy() for part in place)])
        if self.device.type == "cuda":
            return batch.pin_memory().to(self.device, non_blocking=True)
        return batch
