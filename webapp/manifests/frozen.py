"""The columns that a manifest is made of, and the scopes that speak of its classes and clusters.

A choice of frames is made among columns that do not change any more: those of the products that the manifest
is written from, the labels as of one event, and the promise that decides of classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from webapp.datasets.columns import NOISE, Columns
from webapp.datasets.decisions import predicted_frames
from webapp.datasets.models import Dataset
from webapp.datasets.scopes import ScopeError, name_of_cluster, register_scope
from webapp.jobs.models import Product
from webapp.labels.models import ClassScheme
from webapp.labels.selectors import label_state
from webapp.manifests.promise_rule import promised

KINDS = {
    "index": "index",
    "clustering": "cluster",
    "classification": "classify",
    "measures": "measure",
}
"""The inputs of a manifest that hold columns, and the kinds of product that they are."""


@dataclass
class ManifestColumns(Columns):
    """The columns of one manifest; `labels_as_of` None stands for the labels as they are now."""

    threshold: float | None = None
    labels_as_of: int | None = None
    promise: dict[str, Any] | None = None

    @property
    def n_frames(self) -> int:
        """The number of frames of the index."""
        return self.products["index"].facts["n_frames"]

    @property
    def hit_threshold(self) -> float | None:
        """The least number of lit pixels of a hit, as the manifest has it."""
        if self.threshold is not None:
            return self.threshold
        return self.products["index"].facts.get("hit_threshold")


def manifest_columns(
    dataset: Dataset,
    inputs: dict[str, Product],
    *,
    threshold: float | None,
    labels_as_of: int | None = None,
    promise: dict[str, Any] | None = None,
) -> ManifestColumns:
    """Return the columns of a manifest that is written from `inputs`."""
    products = {kind: inputs[name] for name, kind in KINDS.items() if name in inputs}
    return ManifestColumns(dataset, products, threshold, labels_as_of, promise)


def class_names(columns: Columns) -> list[str]:
    """Return the classes that rows may have: of the scheme, then those that the network alone knows."""
    scheme = ClassScheme.objects.filter(dataset=columns.dataset).first()
    known = columns.classifier.facts["classes"] if columns.classifier else []
    return list(dict.fromkeys([*(scheme.names if scheme else []), *known]))


def sorted_frames(columns: Columns, names: Any) -> np.ndarray:
    """Return the frames of any of the classes `names` as a manifest has them; None among them is no class."""
    if not isinstance(names, list) or not names:
        raise ScopeError("Say in “sorted” which classes are meant.")
    known = class_names(columns)
    unknown = [name for name in names if name is not None and name not in known]
    if unknown:
        raise ScopeError(f"There is no class “{str(unknown[0])[:80]}” in this data set.")
    state = label_state(columns.dataset, getattr(columns, "labels_as_of", None))
    labelled = state.indices()
    labelled = labelled[labelled < columns.n_frames]
    decided = _by_network(columns, names)
    decided[labelled] = _by_people(columns.dataset, state.masks[labelled], names)
    return np.flatnonzero(decided)


def _by_network(columns: Columns, names: Sequence[str | None]) -> np.ndarray:
    decided = np.zeros(columns.n_frames, dtype=bool)
    if columns.class_probabilities is None or columns.classifier is None:
        if None in names:
            decided[:] = True
        return decided
    classes = columns.classifier.facts["classes"]
    promise = getattr(columns, "promise", None)
    for name in names:
        if promise is not None:
            decided |= _promised(columns, classes, name, promise)
        elif name is None or name in classes:
            decided[predicted_frames(columns, name)] = True
    return decided


def _promised(columns: Columns, classes: list[str], name: str | None, promise: dict[str, Any]) -> np.ndarray:
    """Return who is kept in a class from the promise's threshold on; with None, who is in no class."""
    if name is None:
        found = [_promised(columns, classes, each, promise) for each in classes]
        return ~np.logical_or.reduce(found)
    limit = promise["classes"].get(name, {}).get("threshold")
    if limit is None or name not in classes:
        return np.zeros(columns.n_frames, dtype=bool)
    return promised(columns.class_probabilities, classes, name, limit, promise)


def _by_people(dataset: Dataset, masks: np.ndarray, names: Sequence[str | None]) -> np.ndarray:
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    bits = scheme.bits([n for n in names if n in scheme.names]) if scheme else 0
    return (masks & bits != 0) | (masks == 0 if None in names else False)


def clustered_frames(columns: Columns, clusters: Any) -> np.ndarray:
    """Return the frames of any of the clusters, by number; -1 is noise."""
    if not isinstance(clusters, list) or not clusters or not all(type(each) is int for each in clusters):
        raise ScopeError("Say in “clusters” the numbers of clusters.")
    if columns.clusters is None:
        raise ScopeError("There are no clusters yet.")
    return np.flatnonzero(np.isin(columns.clusters, clusters))


def _words_of_classes(columns: Columns, names: list[str | None]) -> str:
    return f"sorted as {_either([name or 'no class' for name in names])}"


def _words_of_clusters(columns: Columns, clusters: list[int]) -> str:
    names = ["noise" if each == NOISE else name_of_cluster(columns, each) for each in clusters]
    return f"in {_either(names)}"


def _either(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def register() -> None:
    """Let scopes name classes as a manifest has them, and several clusters."""
    register_scope("sorted", sorted_frames, _words_of_classes)
    register_scope("clusters", clustered_frames, _words_of_clusters)
