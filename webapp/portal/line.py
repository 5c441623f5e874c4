"""The line of a data set: which step is done, runs, failed, is stale or comes next."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, Max, Sum
from django.urls import reverse

from webapp.datasets.lineage import choices_of, order_by_choice
from webapp.datasets.models import Dataset
from webapp.jobs.models import ACTIVE, Job, Product, Shard, State
from webapp.labels.models import LabelEvent
from webapp.portal.renamed import renamed_since

DONE, RUNNING, WAITING, FAILED = "done", "running", "waiting", "failed"
STALE, NEXT, LATER = "stale", "next", "later"
WORDS = {
    DONE: "done",
    RUNNING: "running",
    WAITING: "waiting",
    FAILED: "failed",
    STALE: "older than its input",
    NEXT: "next",
    LATER: "not yet",
}


@dataclass(frozen=True)
class Place:
    """One step of the line as people see it: a page, and the kinds of product that it stands for."""

    name: str
    title: str
    route: str
    kinds: tuple[str, ...]


PLACES = (
    Place("data", "Data", "portal:dataset-detail", ("inspect", "index", "condense")),
    Place("learn", "Learn", "networks:dataset-learn", ("learn",)),
    Place("clusters", "Clusters", "explore:dataset-clusters", ("embed", "cluster", "project")),
    Place("label", "Label", "labels:dataset-label", ()),
    Place("sort", "Sort", "manifests:dataset-classify", ("train", "classify")),
    Place("download", "Download", "manifests:dataset-download", ("manifest",)),
)


@dataclass
class LineStep:
    """A place of the line, with its state for one data set."""

    place: Place
    url: str
    state: str
    percent: float = 0.0

    @property
    def words(self) -> str:
        """The state in plain words."""
        return f"running, {self.percent:.0f} %" if self.state == RUNNING else WORDS[self.state]


@dataclass(frozen=True)
class _Record:
    """What the rows say of one data set; products are plain values, those that are looked at first."""

    products: list[dict[str, Any]]
    last_jobs: dict[str, dict[str, Any]]
    last_event: int
    hit_threshold: float | None
    is_renamed: bool

    def newest(self, kind: str) -> dict[str, Any] | None:
        return next((product for product in self.products if product["kind"] == kind), None)


def line_of(dataset: Dataset) -> list[LineStep]:
    """Return the six steps of the line of `dataset`, with their states."""
    return lines_of([dataset])[dataset.pk]


def lines_of(datasets: list[Dataset]) -> dict[UUID, list[LineStep]]:
    """Return the lines of many data sets in a fixed number of queries."""
    products: dict[UUID, list] = {dataset.pk: [] for dataset in datasets}
    fields = ("id", "kind", "inputs", "params", "dataset_id", "created_at")
    for row in Product.objects.filter(dataset__in=datasets).order_by("-created_at").values(*fields):
        products[row["dataset_id"]].append(row)
    for dataset in datasets:
        rows = [row for row in products[dataset.pk] if looked_at(dataset, row)]
        rows = order_by_choice(rows, *choices_of(dataset))
        # Whoever returns to an earlier threshold of hits returns to the manifest that was written with it.
        products[dataset.pk] = sorted(rows, key=lambda row: _has_other_hits(row, dataset.hit_threshold))
    jobs: dict[UUID, dict] = {dataset.pk: {} for dataset in datasets}
    for row in _job_rows(datasets):
        jobs[row["dataset_id"]][row["kind"]] = row  # in order of creation: the last one stays
    events, renamed = _last_events(datasets), renamed_since(datasets, products)
    found = {}
    for dataset in datasets:
        rows = products[dataset.pk], jobs[dataset.pk], events.get(dataset.pk, 0)
        record = _Record(*rows, dataset.hit_threshold, dataset.pk in renamed)
        found[dataset.pk] = _steps(dataset, record)
    return found


def looked_at(dataset: Dataset, product: dict[str, Any]) -> bool:
    """Whether a product is not a dry run of frames that were not chosen in the end."""
    path = product["params"].get("dataset_path", dataset.dataset_path)
    return product["kind"] != "inspect" or path == dataset.dataset_path


def _job_rows(datasets: list[Dataset]) -> list[dict[str, Any]]:
    """Return the jobs in order of creation, the active ones with `percent` of their present stage."""
    fields = ("id", "kind", "state", "stage", "dataset_id", "created_at", "finished_at")
    rows = list(Job.objects.filter(dataset__in=datasets).order_by("created_at").values(*fields))
    shards = (
        Shard.objects.filter(job__dataset__in=datasets, job__state__in=ACTIVE, stage=F("job__stage"))
        .order_by()
        .values("job_id")
        .annotate(n_done=Sum("done"), n_total=Sum("total"))
    )
    percents = {
        shard["job_id"]: min(99.0, 100 * shard["n_done"] / shard["n_total"]) if shard["n_total"] else 0.0
        for shard in shards
    }
    return [{**row, "percent": percents.get(row["id"], 0.0)} for row in rows]


def _last_events(datasets: list[Dataset]) -> dict[UUID, int]:
    """Return the number of each data set's last label event."""
    events = LabelEvent.objects.filter(dataset__in=datasets, purpose__in=LabelEvent.LABELS)
    rows = events.order_by().values_list("dataset_id")
    return dict(rows.annotate(last=Max("id")))


def _steps(dataset: Dataset, record: _Record) -> list[LineStep]:
    steps = []
    for place in PLACES:
        state, percent = _state_of(place, record)
        url = reverse(place.route, kwargs={"pk": dataset.pk})
        steps.append(LineStep(place, url, state, percent))
    following = next((step for step in steps if step.state == LATER), None)
    if following and not any(step.state in (RUNNING, WAITING) for step in steps):
        following.state = NEXT
    return steps


def _state_of(place: Place, record: _Record) -> tuple[str, float]:
    if not place.kinds:
        return (DONE, 100.0) if record.last_event else (LATER, 0.0)
    jobs = [record.last_jobs[kind] for kind in place.kinds if kind in record.last_jobs]
    active = [job for job in jobs if job["state"] in ACTIVE]
    if active:
        # Each kind of the step counts alike; what is there already counts as whole.
        shares = [_share(kind, record) for kind in place.kinds]
        running = any(job["state"] == State.RUNNING for job in active)
        return (RUNNING if running else WAITING), sum(shares) / len(shares)
    if any(job["state"] == State.FAILED and not _made_since(job, record) for job in jobs):
        return FAILED, 0.0
    if any(_is_missing(kind, record) for kind in place.kinds):
        return LATER, 0.0
    return (STALE if _is_stale(place.kinds[-1], record) else DONE), 100.0


def _is_missing(kind: str, record: _Record) -> bool:
    """Whether a kind has yet to come; who is sorted by a network of another data set needs none."""
    if record.newest(kind) is not None:
        return False
    made_by_it = {"train": "classify", "learn": "embed"}.get(kind)
    return made_by_it is None or record.newest(made_by_it) is None


def _share(kind: str, record: _Record) -> float:
    job = record.last_jobs.get(kind)
    if job and job["state"] in ACTIVE:
        return job["percent"]
    return 0.0 if _is_missing(kind, record) else 100.0


def _made_since(job: dict[str, Any], record: _Record) -> bool:
    product = record.newest(job["kind"])
    return product is not None and product["created_at"] > job["created_at"]


def _is_stale(kind: str, record: _Record) -> bool:
    """Whether the newest product of `kind` was made from anything but the newest inputs.

    Passing through `cluster` reaches its embedding and network, so a change high up shows below.
    """
    product = record.newest(kind)
    if product is None:
        return False
    if product["params"].get("labels_as_of", record.last_event) < record.last_event:
        return True
    if _has_other_hits(product, record.hit_threshold) or (kind == "manifest" and record.is_renamed):
        return True
    kinds = {str(row["id"]): row["kind"] for row in record.products}
    for name in product["inputs"].values():
        made_by = kinds.get(str(name))
        if made_by in (None, kind):  # gone, or the older one of its own kind that it set out from
            continue
        if str(record.newest(made_by)["id"]) != str(name) or _is_stale(made_by, record):
            return True
    return False


def _has_other_hits(product: dict[str, Any], threshold: float | None) -> bool:
    """Whether a manifest was written with another threshold of hits."""
    return product["kind"] == "manifest" and product["params"].get("hit_threshold") != threshold
