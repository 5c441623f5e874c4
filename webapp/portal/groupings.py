"""What sorts the frames of a data set into groups: clusterings, classifications, the labels, the runs.

A frame may be in several groups (a pattern with two classes). So frames carry a code, and each code stands
for the groups that it is in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from webapp.datasets.cluster_names import ClusterName, names_of_clustering
from webapp.datasets.columns import Columns, columns_of
from webapp.datasets.decisions import decide, decision_rule
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.datasets.palette import NOISE_COLOUR, cluster_colour, cluster_name
from webapp.datasets.runs import runs_of
from webapp.explore.clusterings import reading_words
from webapp.jobs.models import Product
from webapp.labels.frames import UNSEEN
from webapp.labels.models import ClassScheme
from webapp.labels.state_cache import current_labels

LABELS, RUNS = "labels", "runs"
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Group:
    """A group of frames; `is_rest` for those that are in none of the others, as noise is.

    `means` is what a person called it, by which it is found in another grouping; empty for a mere number.
    """

    name: str
    colour: str
    scope: dict[str, Any] | None
    is_rest: bool = False
    means: str = ""


@dataclass(frozen=True, eq=False)
class Grouping:
    """All groups of one kind; `codes` (n,) says of each frame which row of `members` (codes, groups) it has.

    `version` changes with what it says: products never change, labels do.
    """

    key: str
    version: str
    title: str
    groups: list[Group]
    codes: np.ndarray
    members: np.ndarray
    clustering: str = ""

    @property
    def is_partition(self) -> bool:
        """Whether no frame is in two groups."""
        return bool((self.members.sum(axis=1) <= 1).all())


@dataclass(frozen=True)
class Choice:
    """A grouping that a person can choose."""

    key: str
    title: str


def choices_of(dataset: Dataset) -> list[Choice]:
    """Return what can be compared, the newest of each kind first."""
    found = []
    current = newest(dataset, "cluster")
    for product in _whole(dataset, "cluster"):
        is_current = current is not None and product.pk == current.pk
        found.append(Choice(str(product.pk), _cluster_title(product, current or product, is_current)))
    for product in _whole(dataset, "classify"):
        found.append(Choice(str(product.pk), f"Sorted by {product.input('network')}"))
    if ClassScheme.objects.filter(dataset=dataset).exists():
        found.append(Choice(LABELS, "Labels of people"))
    if newest(dataset, "index") is not None:
        found.append(Choice(RUNS, "Runs"))
    return found


def _whole(dataset: Dataset, kind: str) -> list[Product]:
    """Return the products that speak of all frames there are now."""
    products = list(Product.objects.filter(dataset=dataset).of_kind(kind))
    for product in products:
        product.dataset = dataset
    n = columns_of(dataset).n_frames
    name = "labels.npy" if kind == "cluster" else "probabilities.npy"
    return [product for product in products if _length(product.folder / name) == n]


@lru_cache(maxsize=512)
def _length(path: Path) -> int:
    try:
        return len(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError):
        return -1


def _cluster_title(product: Product, beside: Product, is_current: bool) -> str:
    return f"Clusters: {reading_words(product, beside)}{' (current)' if is_current else ''}"


def grouping_of(dataset: Dataset, key: str) -> Grouping | None:
    """Return the grouping that a key names; None where the data set has none such."""
    columns = columns_of(dataset)
    if key in (LABELS, RUNS):
        return (_labels if key == LABELS else _runs)(columns)
    try:
        number = UUID(key)
    except ValueError:
        return None
    kinds: dict[str, Callable] = {"cluster": _clusters, "classify": _classes}
    product = Product.objects.filter(dataset=dataset, kind__in=kinds, pk=number).first()
    if product is None or product not in _whole(dataset, product.kind):
        return None
    product.dataset = dataset
    return kinds[product.kind](columns, product)


def _clusters(columns: Columns, product: Product) -> Grouping:
    labels = np.load(product.folder / "labels.npy", mmap_mode="r", allow_pickle=False)
    n = int(labels.max(initial=-1)) + 1
    names = names_of_clustering(product)
    groups = [_cluster(number, names.get(number)) for number in range(-1, n)]
    current = newest(columns.dataset, "cluster")
    title = _cluster_title(product, current or product, current is not None and product.pk == current.pk)
    key = str(product.pk)
    return Grouping(key, "", title, groups, labels + 1, np.eye(n + 1, dtype=bool), key)


def _cluster(number: int, known: ClusterName | None) -> Group:
    known = known or ClusterName(cluster_name(number), cluster_colour(number))
    means = known.class_name or (known.name if known.is_given else "")
    return Group(known.name, known.colour, {"cluster": number}, is_rest=number < 0, means=means)


def _classes(columns: Columns, product: Product) -> Grouping:
    rule = decision_rule(product)
    codes, masks = _decided(product.pk)
    is_current = columns.products.get("classify") == product
    scopes = [
        {"predicted": name} if is_current else {"member": [str(product.pk), name]} for name in rule["classes"]
    ]
    rest = {"predicted": None} if is_current else {"member": [str(product.pk), None]}
    colours = _class_colours(columns.dataset, rule["classes"])
    named = zip(rule["classes"], colours, scopes, strict=True)
    groups = [Group(name, colour, scope, means=name) for name, colour, scope in named]
    groups.append(Group("no class", NOISE_COLOUR, rest, is_rest=True))
    title = f"Sorted by {product.input('network')}"
    return Grouping(str(product.pk), "", title, groups, codes, _members(masks, len(rule["classes"])))


def _class_colours(dataset: Dataset, names: list[str]) -> list[str]:
    """Return the colours of the classes as the labels have them; others take those of clusters."""
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    known = {entry["name"]: entry["colour"] for entry in scheme.classes} if scheme else {}
    return [known.get(name) or cluster_colour(place) for place, name in enumerate(names)]


@lru_cache(maxsize=16)
def _decided(pk: UUID) -> tuple[np.ndarray, np.ndarray]:
    """Return the code of each frame, and the bits of the classes that each code stands for."""
    product = Product.objects.get(pk=pk)
    rule = decision_rule(product)
    probabilities = np.load(product.folder / "probabilities.npy", mmap_mode="r", allow_pickle=False)
    bits = np.int64(1) << np.arange(len(rule["classes"]))
    found = [
        decide(np.asarray(probabilities[start : start + _BLOCK]), rule) @ bits
        for start in range(0, len(probabilities), _BLOCK)
    ]
    masks, codes = np.unique(np.concatenate(found or [np.zeros(0, np.int64)]), return_inverse=True)
    return codes.astype(np.int32), masks


def _members(masks: np.ndarray, n_classes: int) -> np.ndarray:
    """Return which classes each mask holds, with one more column for those that hold none."""
    members = (masks[:, None] >> np.arange(n_classes)) & 1 == 1
    return np.column_stack([members, ~members.any(axis=1)])


def _labels(columns: Columns) -> Grouping | None:
    scheme = ClassScheme.objects.filter(dataset=columns.dataset).first()
    if scheme is None:
        return None
    labels = current_labels(columns.dataset)
    if len(labels.state.masks) != columns.n_frames:
        return None
    masks, codes = np.unique(labels.state.masks, return_inverse=True)
    k = len(scheme.names)
    members = np.zeros((len(masks), k + 2), dtype=bool)
    members[:, : k + 1] = _members(np.maximum(masks, 0), k)
    members[masks == UNSEEN, k : k + 2] = [False, True]
    groups = [
        Group(entry["name"], entry["colour"], {"label": entry["name"]}, means=entry["name"])
        for entry in scheme.classes
    ]
    groups.append(Group("none of the classes", NOISE_COLOUR, {"member": [LABELS, None]}))
    groups.append(Group("unlabelled", NOISE_COLOUR, {"label": None}, is_rest=True))
    version = f"{labels.state.last_event} {labels.n_events} {scheme.names}"
    return Grouping(LABELS, version, "Labels of people", groups, codes.astype(np.int32), members)


def _runs(columns: Columns) -> Grouping | None:
    runs = runs_of(columns)
    if runs is None:
        return None
    n = len(runs.names)
    groups = [Group(name, cluster_colour(place), {"run": place}) for place, name in enumerate(runs.names)]
    groups.insert(0, Group("run unknown", NOISE_COLOUR, None, is_rest=True))
    version = str(columns.products["index"].pk)
    return Grouping(RUNS, version, "Runs", groups, runs.codes + 1, np.eye(n + 1, dtype=bool))
