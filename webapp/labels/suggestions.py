"""What the page suggests for a frame: what the network decides, and what most of its cluster was called."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from webapp.datasets.cluster_names import names_of
from webapp.datasets.columns import NOISE, Columns
from webapp.labels.frames import UNSEEN
from webapp.labels.models import ClassScheme
from webapp.labels.network import decided_masks, surest
from webapp.labels.selectors import class_names
from webapp.labels.state_cache import CurrentLabels

FEWEST_IN_CLUSTER = 2
_majorities: "OrderedDict[tuple[UUID, UUID, int], dict[int, Majority]]" = OrderedDict()


@dataclass(frozen=True)
class Majority:
    """What most labelled frames of a cluster are called."""

    mask: int
    n_agree: int
    n_labelled: int


def suggest(
    columns: Columns, scheme: ClassScheme, labels: CurrentLabels, frames: np.ndarray
) -> list[dict[str, Any] | None]:
    """Return for each frame `{"classes", "source", "others"}`, or None where nothing speaks for any class.

    The network speaks before the cluster; `others` holds the cluster's `{"classes", "source"}` then.
    """
    found = []
    for voices in zip(
        _by_network(columns, scheme, frames), _by_cluster(columns, scheme, labels, frames), strict=True
    ):
        heard = [voice for voice in voices if voice]
        found.append({**heard[0], "others": heard[1:]} if heard else None)
    return found


def _by_network(columns: Columns, scheme: ClassScheme, frames: np.ndarray) -> list[dict[str, Any] | None]:
    if columns.class_probabilities is None:
        return [None] * len(frames)
    found: list[dict[str, Any] | None] = []
    for frame, mask in zip(frames.tolist(), decided_masks(columns, scheme, frames).tolist(), strict=True):
        if mask in (0, UNSEEN):
            found.append(None)
            continue
        name, probability = surest(columns, scheme, frame)
        source = f"network, {probability:.0%} sure of {name}"
        found.append({"classes": class_names(scheme, mask), "source": source})
    return found


def _by_cluster(
    columns: Columns, scheme: ClassScheme, labels: CurrentLabels, frames: np.ndarray
) -> list[dict[str, Any] | None]:
    if columns.clusters is None or not len(frames):
        return [None] * len(frames)
    majorities, called = cluster_majorities(columns, labels), names_of(columns)
    found: list[dict[str, Any] | None] = []
    for cluster in np.asarray(columns.clusters[frames]).tolist():
        most = majorities.get(cluster)
        if most is None:
            found.append(None)
            continue
        name = called[cluster].name if cluster in called else f"cluster {cluster}"
        source = f"{name}: {most.n_agree} of {most.n_labelled} labelled frames"
        found.append({"classes": class_names(scheme, most.mask), "source": source})
    return found


def cluster_majorities(columns: Columns, labels: CurrentLabels) -> dict[int, Majority]:
    """Return what most labelled frames of each cluster are called; noise has nothing in common."""
    key = (columns.dataset.pk, columns.products["cluster"].pk, labels.state.last_event)
    if key not in _majorities:
        _majorities[key] = _count_majorities(columns, labels)
        while len(_majorities) > 16:
            _majorities.popitem(last=False)
    return _majorities[key]


def _count_majorities(columns: Columns, labels: CurrentLabels) -> dict[int, Majority]:
    indices = np.flatnonzero(labels.state.masks != UNSEEN)
    if not indices.size:
        return {}
    masks = np.array(sorted(labels.sizes), dtype=np.int64)
    clusters = columns.clusters[indices].astype(np.int64) - NOISE
    pairs = clusters * len(masks) + np.searchsorted(masks, labels.state.masks[indices])
    n_clusters = int(clusters.max()) + 1
    # Labelled frames of each cluster with each mask.
    table = np.bincount(pairs, minlength=n_clusters * len(masks)).reshape(n_clusters, len(masks))
    found: dict[int, Majority] = {}
    for cluster, row in enumerate(table, NOISE):
        best, n_labelled = int(row.argmax()), int(row.sum())
        is_majority = n_labelled >= FEWEST_IN_CLUSTER and 2 * int(row[best]) > n_labelled
        if cluster >= 0 and masks[best] > 0 and is_majority:
            found[cluster] = Majority(int(masks[best]), int(row[best]), n_labelled)
    return found
