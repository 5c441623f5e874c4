"""The orders of the frames of each cluster, kept between requests: a clustering never changes."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from webapp.datasets.columns import NOISE, Columns, read_json


def first_of_cluster(columns: Columns, cluster: int, count: int) -> list[int]:
    """Return the frames that stand for a cluster: its exemplars, then its likeliest members."""
    folder = columns.products["cluster"].folder
    exemplars = _exemplars(folder, cluster)[:count].tolist()
    likeliest = likeliest_first(folder, cluster)[: count + len(exemplars)].tolist()
    return [*exemplars, *(frame for frame in likeliest if frame not in exemplars)][:count]


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


def likeliest_first(folder: Path, cluster: int) -> np.ndarray:
    """Return the members of a cluster, those that belong to it most surely first."""
    order, places = _grouped(folder)
    return order[slice(*places.get(cluster, (0, 0)))]


def members_of_cluster(folder: Path, cluster: int) -> np.ndarray:
    """Return the members of a cluster, int64 ascending."""
    return np.sort(likeliest_first(folder, cluster)).astype(np.int64)


@lru_cache(maxsize=64)
def _by_outlier_score(folder: Path, cluster: int) -> np.ndarray:
    members = likeliest_first(folder, cluster)
    scores = np.load(folder / "outlier_scores.npy", mmap_mode="r", allow_pickle=False)[members]
    return _kept(members[descending_order(scores)])


def sorted_cluster(folder: Path, cluster: int, sort: str) -> np.ndarray:
    """Return the members of a cluster by exemplars, probability or outlier score."""
    if sort == "outlier":
        return _by_outlier_score(folder, cluster)
    members = likeliest_first(folder, cluster)
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
