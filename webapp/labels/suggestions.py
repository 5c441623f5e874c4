"""What the page suggests for a frame: the classifier's decision, else what most of its cluster was called."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from webapp.datasets.columns import NOISE, Columns
from webapp.labels.frames import UNSEEN
from webapp.labels.models import ClassScheme
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
    """Return for each frame `{"classes", "source"}`, or None where nothing speaks for any class."""
    if columns.class_probabilities is not None:
        return [_by_classifier(columns, scheme, int(frame)) for frame in frames]
    if columns.clusters is None:
        return [None] * len(frames)
    majorities = cluster_majorities(columns, labels)
    found = []
    for cluster in np.asarray(columns.clusters[frames]).tolist():
        most = majorities.get(cluster)
        source = f"{most.n_agree} of {most.n_labelled} labelled in cluster {cluster}" if most else ""
        found.append({"classes": class_names(scheme, most.mask), "source": source} if most else None)
    return found


def thresholds_of(columns: Columns) -> np.ndarray:
    """Return from which probability on each class of the classifier applies."""
    facts = columns.classifier.facts
    stated = facts.get("thresholds") or facts.get("figures", {}).get("thresholds")
    return np.array(stated or [0.5] * len(facts["classes"]), dtype=np.float64)


def _by_classifier(columns: Columns, scheme: ClassScheme, frame: int) -> dict[str, Any] | None:
    classes = columns.classifier.facts["classes"]
    row = np.asarray(columns.class_probabilities[frame], dtype=np.float64)
    usable = [name in scheme.names for name in classes]
    if not np.isfinite(row).all() or not any(usable):
        return None
    row = np.where(usable, row, -1.0)
    likeliest = classes[int(row.argmax())]
    if columns.classifier.facts.get("single_label") or scheme.single_label:
        decided = [likeliest]
    else:
        decided = [name for name, here in zip(classes, row >= thresholds_of(columns), strict=True) if here]
        if likeliest in scheme.exclusive and likeliest in decided:
            decided = [likeliest]
        decided = [name for name in decided if name not in scheme.exclusive or name == likeliest]
    if not decided:
        return None
    return {"classes": decided, "source": f"classifier, {row.max():.0%} sure of {likeliest}"}


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
