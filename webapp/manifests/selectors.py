"""Reads for the Sort and the Download page."""

from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import numpy as np
from django.db.models import QuerySet

from webapp.datasets.cluster_names import given_names
from webapp.datasets.columns import Columns
from webapp.datasets.decisions import decide, decision_rule
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.jobs.models import ACTIVE, Job, Product
from webapp.jobs.selectors import JobProgress, progress_of
from webapp.labels.models import ClassScheme
from webapp.labels.selectors import last_event_id
from webapp.labels.state_cache import current_labels
from webapp.networks.figures import Figures, figures_of

FEW = 10  # labels of a class, below which its figures and its threshold follow single frames
INPUTS = {"clustering": "cluster", "classification": "classify", "measures": "measure"}
SORTING_KINDS = ("train", "classify", "promise", "manifest")
N_SHOWN = 96
_BLOCK = 1 << 17
SHEET_SIDE = 16
TILE = 64


@dataclass(frozen=True)
class ClassCount:
    """A class of the scheme, and how many frames people gave it."""

    name: str
    colour: str
    n: int

    @property
    def advice(self) -> str:
        """What more labels of the class would help; empty where there are enough."""
        if self.n == 0:
            return "no label: the network will not find it"
        return f"{FEW - self.n} more would make its figures steadier" if self.n < FEW else ""


@dataclass(frozen=True)
class LabelCounts:
    """How far the labelling is."""

    classes: list[ClassCount]
    n_labelled: int
    n_none: int
    last_event: int
    can_tell_apart: bool

    @property
    def most(self) -> int:
        """The frames of the most frequent class."""
        return max((entry.n for entry in self.classes), default=0)


def label_counts(dataset: Dataset) -> LabelCounts:
    """Count the labels of a data set."""
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    if scheme is None:
        return LabelCounts([], 0, 0, 0, False)
    labels = current_labels(dataset)
    counts = labels.class_counts(scheme.names)
    classes = [ClassCount(entry["name"], entry["colour"], counts[entry["name"]]) for entry in scheme.classes]
    n_none = labels.sizes.get(0, 0)
    learnable = labels.sizes if not scheme.single_label else {m: n for m, n in labels.sizes.items() if m}
    return LabelCounts(classes, labels.n_labelled, n_none, labels.state.last_event, len(learnable) > 1)


def what_is_missing(dataset: Dataset, counts: LabelCounts | None = None) -> list[str]:
    """Return what has to be done before a classifier can be trained, the first thing first."""
    counts = counts or label_counts(dataset)
    missing = []
    if newest(dataset, "condense") is None:
        missing.append("The frames are not condensed yet. Sort this data set first.")
    if not counts.classes:
        missing.append("There are no classes yet. Choose them on the Label page.")
    elif counts.n_labelled < 2:
        missing.append("Fewer than two frames are labelled. Label some frames of each class.")
    elif not counts.can_tell_apart:
        missing.append("All labelled frames say the same. Label frames of at least two classes.")
    return missing


@dataclass(frozen=True)
class RunningJob:
    """A job of the supervised end of the line that has not ended."""

    job: Job
    progress: JobProgress


def running_jobs(dataset: Dataset) -> list[RunningJob]:
    """Return the active trainings, sortings and manifests of a data set, in the order in which they run."""
    jobs = Job.objects.filter(dataset=dataset, kind__in=SORTING_KINDS, state__in=ACTIVE)
    return [RunningJob(job, progress_of(job)) for job in jobs.order_by("created_at")]


def failed_job(dataset: Dataset) -> Job | None:
    """Return the last job of the supervised end of the line, if it failed."""
    job = Job.objects.filter(dataset=dataset, kind__in=SORTING_KINDS).exclude(state="cancelled").first()
    return job if job and job.state == "failed" else None


@dataclass(frozen=True)
class ClassifierReport:
    """What the card of a classifier says of how well it sorts."""

    network: Product
    figures: Figures | None
    warnings: list[str]
    is_stale: bool


def classifier_report(
    dataset: Dataset, last_event: int, percents: dict[str, float] | None = None
) -> ClassifierReport | None:
    """Return the figures of the newest classifier; `percents` of all frames it sorted into each class."""
    network = newest(dataset, "train")
    if network is None:
        return None
    return ClassifierReport(
        network=network,
        figures=figures_of(network, percents),
        warnings=network.facts.get("warnings", []),
        is_stale=last_event > network.params.get("labels_as_of", 0),
    )


@dataclass(frozen=True)
class SortedClass:
    """A class after sorting."""

    name: str
    n: int
    percent: float


def sorted_classes(dataset: Dataset) -> tuple[Product | None, list[SortedClass]]:
    """Return the newest classification and how many frames it put into each class."""
    classification = newest(dataset, "classify")
    if classification is None:
        return None, []
    sorting = _sorting(classification.pk)
    return classification, [
        SortedClass(name, found.n, 100 * found.n / max(sorting.n_frames, 1))
        for name, found in sorting.classes.items()
    ]


@dataclass
class _Class:
    """What is kept of one class: how many frames, and those that a page shows, with their probabilities."""

    n: int
    surest: tuple[np.ndarray, np.ndarray]
    doubtful: tuple[np.ndarray, np.ndarray]

    def add(self, frames: np.ndarray, values: np.ndarray) -> None:
        """Take in more frames of the class, in ascending order, with their probabilities."""
        self.n += len(frames)
        self.surest = _first(*self.surest, frames, values, -1)
        self.doubtful = _first(*self.doubtful, frames, values, 1)


def _first(
    frames: np.ndarray, values: np.ndarray, more_frames: np.ndarray, more_values: np.ndarray, sign: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `N_SHOWN` frames with the smallest `sign * values` of two sets, in their order."""
    if len(frames) == N_SHOWN:  # then most of the others are out at once
        near = sign * more_values < sign * values[-1]
        more_frames, more_values = more_frames[near], more_values[near]
    frames, values = np.concatenate([frames, more_frames]), np.concatenate([values, more_values])
    order = np.argsort(sign * values, kind="stable")[:N_SHOWN]
    return frames[order], values[order]


@dataclass(frozen=True)
class _Sorting:
    n_frames: int
    classes: dict[str, _Class]


@lru_cache(maxsize=64)
def _sorting(pk: UUID) -> _Sorting:
    """Decide of all frames once, block by block: a product never changes, and what is kept is small."""
    classification = Product.objects.get(pk=pk)
    rule, probabilities = decision_rule(classification), _probabilities(classification)
    none = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    classes = {name: _Class(0, none, none) for name in rule["classes"]}
    for start in range(0, len(probabilities), _BLOCK):
        block = np.asarray(probabilities[start : start + _BLOCK])
        for column, (decided, found) in enumerate(zip(decide(block, rule).T, classes.values(), strict=True)):
            members = np.flatnonzero(decided)
            found.add(start + members, block[members, column])
    return _Sorting(len(probabilities), classes)


def _probabilities(classification: Product) -> np.ndarray:
    return Columns(classification.dataset, {"classify": classification}).class_probabilities


@dataclass(frozen=True)
class SheetTile:
    """A frame, its probability, and where its thumbnail lies on its sheet, in pixels."""

    index: int
    probability: float
    sheet: int
    x: int
    y: int


def frames_of_class(classification: Product, name: str, *, doubtful: bool) -> list[SheetTile]:
    """Return the frames of one class, the surest first, or those that came nearest to another answer."""
    found = _sorting(classification.pk).classes[name]
    frames, values = found.doubtful if doubtful else found.surest
    return [_tile(*pair) for pair in zip(frames.tolist(), values.tolist(), strict=True)]


def _tile(index: int, probability: float) -> SheetTile:
    sheet, place = divmod(index, SHEET_SIDE**2)
    row, column = divmod(place, SHEET_SIDE)
    return SheetTile(index, probability, sheet, column * TILE, row * TILE)


@dataclass(frozen=True)
class ManifestRow:
    """A manifest as the Download page shows it."""

    product: Product
    as_of: int
    is_stale: bool
    networks: list[Product]


def manifests_of(dataset: Dataset) -> list[ManifestRow]:
    """Return the manifests of a data set, those that are not stale first, then the newest."""
    products = list(Product.objects.filter(dataset=dataset).of_kind("manifest"))
    last_event, networks = last_event_id(dataset), _networks_of(products)
    newest_products = {kind: newest(dataset, kind) for kind in INPUTS.values()}
    clustering = newest_products["cluster"]
    names = given_names(clustering) if clustering else {}
    rows = [
        ManifestRow(
            product=product,
            as_of=product.params.get("labels_as_of", 0),
            is_stale=product.params.get("cluster_names", {}) != names
            or _is_stale(product, dataset, last_event, newest_products),
            networks=[networks[pk] for pk in _network_ids(product) if pk in networks],
        )
        for product in products
    ]
    return sorted(rows, key=lambda row: row.is_stale)


def _is_stale(
    manifest: Product, dataset: Dataset, last_event: int, newest_products: dict[str, Product | None]
) -> bool:
    """Whether labels, what counts as a hit, or what it was written from have changed since."""
    if manifest.params.get("labels_as_of", 0) < last_event:
        return True
    if manifest.params.get("hit_threshold") != dataset.hit_threshold:
        return True
    for name, kind in INPUTS.items():
        product, used = newest_products[kind], manifest.inputs.get(name)
        if name == "measures" and used is None:
            continue  # written before there were any, and no worse for that
        if product is not None and used != str(product.pk):
            return True
    return False


def _network_ids(manifest: Product) -> list[str]:
    return [pk for name, pk in sorted(manifest.inputs.items()) if name.startswith("network_")]


def _networks_of(manifests: list[Product]) -> dict[str, Product]:
    wanted = {pk for product in manifests for pk in _network_ids(product)}
    found: QuerySet[Product] = Product.objects.filter(pk__in=wanted)
    return {str(product.pk): product for product in found}
