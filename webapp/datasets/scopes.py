"""Which frames a person means: some by number, a cluster, or what lies inside a line drawn on the map."""

from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from webapp.datasets.columns import Columns, columns_of, read_json
from webapp.datasets.models import Dataset

MOST_CORNERS = 2000
MOST_FRAMES = 20_000
SORTS = ("exemplars", "probability", "outlier", "order")
_BLOCK = 1 << 16


class ScopeError(ValueError):
    """A choice of frames that cannot be read; the text is for the user."""


def columns_of_scope(dataset: Dataset, scope: Any) -> Columns:
    """Return the columns that the page showed on which the choice was made."""
    if not isinstance(scope, dict):
        raise ScopeError("Say which frames are meant: frames, cluster or polygon.")
    columns = columns_of(dataset, clustering=_uuid(scope, "clustering"), drawn=_uuid(scope, "map"))
    if columns is None:
        raise ScopeError("These clusters are not there any more. Load the page again.")
    return columns


def frames_of_scope(columns: Columns, scope: dict[str, Any]) -> np.ndarray:
    """Return the numbers, int64 ascending, of the frames that `scope` names.

    `scope` has one of `frames` (numbers), `cluster` (its number, -1 for noise) and `polygon` (corners).
    """
    names = {"frames", "cluster", "polygon"} & scope.keys()
    if len(names) != 1:
        raise ScopeError("Say which frames are meant: frames, cluster or polygon.")
    if "frames" in names:
        return _numbers(scope["frames"], columns.n_frames)
    if "cluster" in names:
        return _members(columns, scope["cluster"])
    if columns.positions is None:
        raise ScopeError("There is no map yet.")
    return frames_inside(columns.positions, _corners(scope["polygon"]))


def sorted_frames(columns: Columns, scope: dict[str, Any], sort: str) -> np.ndarray:
    """Return the frames of `scope` in the order in which a gallery shows them."""
    if sort not in SORTS:
        raise ScopeError(f"“{sort}” is not an order; there are {', '.join(SORTS)}.")
    if "cluster" in scope and "cluster" in columns.products:
        members = _members(columns, scope["cluster"])  # refuses what is no number
        if sort == "order":
            return members
        return _sorted_cluster(columns.products["cluster"].folder, int(scope["cluster"]), sort)
    frames = frames_of_scope(columns, scope)
    if sort == "order" or columns.clusters is None:
        return frames
    key = columns.outlier_scores if sort == "outlier" else columns.membership
    return frames[np.argsort(-key[frames], kind="stable")]


def first_of_cluster(columns: Columns, cluster: int, count: int) -> list[int]:
    """Return the frames that stand for a cluster: its exemplars, then its likeliest members."""
    folder = columns.products["cluster"].folder
    exemplars = _exemplars(folder, cluster)[:count].tolist()
    likeliest = _likeliest_first(folder, cluster)[: count + len(exemplars)].tolist()
    return [*exemplars, *(frame for frame in likeliest if frame not in exemplars)][:count]


def frames_inside(positions: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return the numbers of the points, float32 (n, 2), inside a polygon by the even-odd rule."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    found = []
    for start in range(0, len(positions), _BLOCK):
        block = np.asarray(positions[start : start + _BLOCK], dtype=np.float64)
        near = np.flatnonzero(((block >= low) & (block <= high)).all(axis=1))
        if near.size:
            found.append(start + near[_is_inside(block[near], corners)])
    return np.concatenate(found).astype(np.int64) if found else np.zeros(0, dtype=np.int64)


def _is_inside(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Count for each point how many edges a ray to the right crosses (M. Shimrat, CACM 5, 434, 1962)."""
    x, y = points.T
    inside = np.zeros(len(points), dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside


def _members(columns: Columns, cluster: Any) -> np.ndarray:
    if isinstance(cluster, bool) or not isinstance(cluster, int):
        raise ScopeError("A cluster is named by its number.")
    if columns.clusters is None:
        raise ScopeError("There are no clusters yet.")
    return _cluster_members(columns.products["cluster"].folder, cluster)


@lru_cache(maxsize=4)
def _grouped(folder: Path) -> tuple[np.ndarray, dict[int, tuple[int, int]]]:
    """Return all frames by cluster, the likeliest members first, and where each cluster begins and ends.

    One sort for all clusters: a page that shows hundreds of them must not search the frames for each.
    """
    labels = np.load(folder / "labels.npy", allow_pickle=False)
    probabilities = np.load(folder / "probabilities.npy", allow_pickle=False)
    order = np.lexsort((-probabilities, labels))
    values, starts, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    places = zip(values.tolist(), starts.tolist(), sizes.tolist(), strict=True)
    return _frozen(order), {value: (start, start + size) for value, start, size in places}


def _likeliest_first(folder: Path, cluster: int) -> np.ndarray:
    order, places = _grouped(folder)
    return order[slice(*places.get(cluster, (0, 0)))]


def _cluster_members(folder: Path, cluster: int) -> np.ndarray:
    return np.sort(_likeliest_first(folder, cluster))


@lru_cache(maxsize=64)
def _by_outlier_score(folder: Path, cluster: int) -> np.ndarray:
    members = _likeliest_first(folder, cluster)
    scores = np.load(folder / "outlier_scores.npy", mmap_mode="r", allow_pickle=False)[members]
    return _frozen(members[np.argsort(-scores, kind="stable")])


def _sorted_cluster(folder: Path, cluster: int, sort: str) -> np.ndarray:
    if sort == "outlier":
        return _by_outlier_score(folder, cluster)
    members = _likeliest_first(folder, cluster)
    if sort == "probability":
        return members
    exemplars = _exemplars(folder, cluster)
    return np.concatenate([exemplars, members[~np.isin(members, exemplars)]])


def _exemplars(folder: Path, cluster: int) -> np.ndarray:
    entries = [entry for entry in read_json(folder / "clusters.json") if entry["id"] == cluster]
    return np.array(entries[0]["exemplars"] if entries else [], dtype=np.int64)


def _frozen(array: np.ndarray) -> np.ndarray:
    array = array.astype(np.int64, copy=False)
    array.setflags(write=False)
    return array


def _numbers(frames: Any, n_frames: int) -> np.ndarray:
    if not isinstance(frames, list) or not all(type(frame) is int for frame in frames):
        raise ScopeError("Frames are named by their numbers.")
    if len(frames) > MOST_FRAMES:
        raise ScopeError(f"At most {MOST_FRAMES} frames can be named one by one; name a cluster or an area.")
    outside = [frame for frame in frames if not 0 <= frame < n_frames]
    if outside:
        raise ScopeError(f"There is no frame {outside[0]} in this data set.")
    return np.unique(np.array(frames, dtype=np.int64))


def _corners(polygon: Any) -> np.ndarray:
    try:
        corners = np.array(polygon, dtype=np.float64)
    except (TypeError, ValueError):
        corners = np.zeros(0)
    if corners.ndim != 2 or corners.shape[1] != 2 or not 3 <= len(corners) <= MOST_CORNERS:
        raise ScopeError(f"An area on the map has 3 to {MOST_CORNERS} corners of two numbers each.")
    if not np.isfinite(corners).all():
        raise ScopeError("The corners of an area are finite numbers.")
    return corners


def _uuid(scope: dict[str, Any], name: str) -> UUID | None:
    value = scope.get(name)
    try:
        return UUID(value) if value else None
    except (TypeError, ValueError, AttributeError) as error:
        raise ScopeError(f"“{name}” does not name a product.") from error
