"""Which frames a person means: some by number, a cluster, or what lies inside a line drawn on the map."""

from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from webapp.datasets.columns import NOISE, Columns, columns_of, read_json
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
    folder = columns.products["project"].folder
    return _inside(folder, _corners(scope["polygon"]).tobytes()).astype(np.int64)


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
    return frames[descending_order(key[frames])]


def first_of_cluster(columns: Columns, cluster: int, count: int) -> list[int]:
    """Return the frames that stand for a cluster: its exemplars, then its likeliest members."""
    folder = columns.products["cluster"].folder
    exemplars = _exemplars(folder, cluster)[:count].tolist()
    likeliest = _likeliest_first(folder, cluster)[: count + len(exemplars)].tolist()
    return [*exemplars, *(frame for frame in likeliest if frame not in exemplars)][:count]


@lru_cache(maxsize=8)
def _inside(folder: Path, corners: bytes) -> np.ndarray:
    """Find what an area holds once: a gallery asks for it page by page, and then it is labelled."""
    positions = np.load(folder / "map.npy", mmap_mode="r", allow_pickle=False)
    return _kept(frames_inside(positions, np.frombuffer(corners).reshape(-1, 2)))


def frames_inside(positions: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return the numbers of the points, float32 (n, 2), inside a polygon by the even-odd rule."""
    # Widened by a step of float32, so that the many points need not be made float64 to be compared.
    low = np.nextafter(corners.min(axis=0).astype(np.float32), np.float32(-np.inf))
    high = np.nextafter(corners.max(axis=0).astype(np.float32), np.float32(np.inf))
    found = []
    for start in range(0, len(positions), _BLOCK):
        x, y = positions[start : start + _BLOCK].T
        near = np.flatnonzero((x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1]))
        found.append(near + start)
    near = np.concatenate(found) if found else np.zeros(0, dtype=np.int64)
    inside = _is_inside(np.asarray(positions[near], dtype=np.float64), corners)
    return near[inside].astype(np.int64)


def _is_inside(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Count for each point how many edges a ray to the right crosses (M. Shimrat, CACM 5, 434, 1962).

    In the order of their heights the points beside an edge stand together, so that each edge is held against
    those only.
    """
    order = np.argsort(points[:, 1])
    x, y = points[order].T
    odd = np.zeros(len(points), dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 != y1:
            beside = slice(*np.searchsorted(y, [min(y0, y1), max(y0, y1)]))
            odd[beside] ^= x[beside] < (x1 - x0) * (y[beside] - y0) / (y1 - y0) + x0
    inside = np.empty_like(odd)
    inside[order] = odd
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
    order = descending_order(np.load(folder / "probabilities.npy", allow_pickle=False))
    places = labels - NOISE
    if places.max(initial=0) < 1 << 16:
        places = places.astype(np.uint16)  # is sorted in a tenth of the time
    order = order[np.argsort(places[order], kind="stable")]
    stops = np.cumsum(np.bincount(places)).tolist()
    starts = [0, *stops[:-1]]
    return _kept(order), {NOISE + place: ends for place, ends in enumerate(zip(starts, stops, strict=True))}


def _likeliest_first(folder: Path, cluster: int) -> np.ndarray:
    order, places = _grouped(folder)
    return order[slice(*places.get(cluster, (0, 0)))]


def _cluster_members(folder: Path, cluster: int) -> np.ndarray:
    return np.sort(_likeliest_first(folder, cluster)).astype(np.int64)


@lru_cache(maxsize=64)
def _by_outlier_score(folder: Path, cluster: int) -> np.ndarray:
    members = _likeliest_first(folder, cluster)
    scores = np.load(folder / "outlier_scores.npy", mmap_mode="r", allow_pickle=False)[members]
    return _kept(members[descending_order(scores)])


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


def descending_order(values: np.ndarray) -> np.ndarray:
    """Return the order of `values`, float32 (m,) in [0, 1], from the largest to the smallest.

    To 16 bits, in which a million are sorted in a tenth of the time; what is equal then stays in order.
    """
    steps = np.nan_to_num(np.clip(values, 0, 1)) * np.float32(65535)
    return np.argsort(65535 - np.rint(steps).astype(np.uint16), kind="stable")


def _kept(order: np.ndarray) -> np.ndarray:
    """Return frame numbers as they are kept between requests: small, and not to be changed."""
    order = order.astype(np.int32)
    order.setflags(write=False)
    return order


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
