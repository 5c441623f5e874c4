"""The orders in which a sheet shows the frames of a scope."""

from typing import Any

import numpy as np

from webapp.datasets.cluster_orders import descending_order, sorted_cluster
from webapp.datasets.columns import Columns
from webapp.datasets.nearness import by_nearness
from webapp.datasets.scopes import ScopeError, frames_of_scope

SORTS = ("exemplars", "random", "border", "outlier", "nearest", "probability", "order")


def sorted_frames(
    columns: Columns,
    scope: dict[str, Any],
    sort: str,
    *,
    seed: int = 0,
    near: int | None = None,
    first: int | None = None,
) -> np.ndarray:
    """Return the frames of `scope` in the order in which a sheet shows them, the same at each call.

    Where there are no clusters, orders that go by them are those of the frames' numbers. `seed` shuffles the
    random order; `near` is the frame from which the nearest are counted. With `first`, only so many need to
    be in their place.
    """
    if sort not in SORTS:
        raise ScopeError(f"“{sort}” is not an order; there are {', '.join(SORTS)}.")
    frames = frames_of_scope(columns, scope)  # refuses what cannot be read
    if sort == "random":
        return np.random.default_rng(seed).permutation(frames)
    if sort == "nearest":
        return _nearest_first(columns, frames, near, first)
    if sort == "order" or columns.clusters is None:
        return frames
    if "cluster" in scope and sort in ("exemplars", "probability", "outlier"):
        return sorted_cluster(columns.products["cluster"].folder, scope["cluster"], sort)
    if sort == "border":
        return _border_first(columns, frames)
    key = columns.outlier_scores if sort == "outlier" else columns.membership
    return frames[descending_order(key[frames])]


def _nearest_first(columns: Columns, frames: np.ndarray, near: int | None, first: int | None) -> np.ndarray:
    if columns.latents is None:
        raise ScopeError("There is no network yet that could tell which frames are alike.")
    if near is None or not 0 <= near < len(columns.latents):
        raise ScopeError("Choose a frame of this data set from which the nearest are counted.")
    return by_nearness(columns, near, frames, first)


def _border_first(columns: Columns, frames: np.ndarray) -> np.ndarray:
    """Order members from the least to the most probable; what belongs to no cluster comes last."""
    probability = 1 - columns.membership[frames]
    probability[columns.clusters[frames] < 0] = 0
    return frames[descending_order(probability)]
