"""Nearest neighbours on an accelerator: all distances in blocks, faster there than a walk through a tree."""

import numpy as np
import torch
from numpy.typing import NDArray

from workers.science.nearest import Neighbours
from workers.science.point_tree import PointTree
from workers.science.progress import Progress, silent

ASKING, ASKED = 8192, 65536
"""Points that are compared at a time: 2 GB of distances."""


def nearest_by_blocks(
    points: NDArray[np.float32],
    tree: PointTree,
    k: int,
    device: torch.device,
    *,
    asking: int = ASKING,
    asked: int = ASKED,
    on_progress: Progress = silent,
) -> Neighbours:
    """Find the k nearest other points of each point, exactly.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        Finite.
    tree : PointTree
        Of these points; the result is in its order and unit.
    k : int
        How many, less than n.
    device : torch.device
        Where to compute.
    asking, asked : int
        Size of a block.
    on_progress : Progress
        Told the points done.

    Returns
    -------
    neighbours : Neighbours
        As of `nearest_neighbours`; which of several equally distant points are taken may differ.
    """
    n = len(points)
    scaled = ((points - tree.middle) / tree.scale).astype(np.float32)[tree.order]
    places = torch.from_numpy(scaled).to(device)
    squares, rows = np.empty((n, k), np.float32), np.empty((n, k), np.int32)
    for first in range(0, n, asking):
        on_progress(first, n, note="looking for neighbours")
        distances, found = _nearest_of_block(places, first, min(first + asking, n), k, asked)
        squares[first : first + asking] = distances.square().cpu().numpy()
        rows[first : first + asking] = found.to(torch.int32).cpu().numpy()
    return Neighbours(squares, rows)


@torch.inference_mode()
def _nearest_of_block(
    places: torch.Tensor, first: int, last: int, k: int, asked: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return distances and rows of the k nearest of the points from `first` to `last`."""
    n, block = len(places), places[first:last]
    best = torch.full((last - first, k), torch.inf, device=places.device)
    found = torch.full((last - first, k), -1, dtype=torch.int64, device=places.device)
    for start in range(0, n, asked):
        stop = min(start + asked, n)
        # Differences, not products: where points lie close together, these would round the distance away.
        distances = torch.cdist(
            block, places[start:stop], compute_mode="donot_use_mm_for_euclid_dist"
        )  # (b, c)
        itself = np.arange(max(first, start), min(last, stop))  # empty where the blocks have none in common
        distances[itself - first, itself - start] = torch.inf
        near, which = distances.topk(min(k, stop - start), largest=False, sorted=False)
        best, order = torch.cat([best, near], dim=1).topk(k, largest=False)
        found = torch.cat([found, which + start], dim=1).gather(1, order)
    return best, found
