"""Reads that bring together data sets, products and jobs for the home page and the Data step."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from webapp.accounts.models import Group, User
from webapp.datasets.columns import columns_of
from webapp.datasets.drafts import dry_run_of
from webapp.datasets.hits import hits_of
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.datasets.recipes import read_geometry, versions_of
from webapp.datasets.refresh import refresh_of
from webapp.datasets.relink import COMPARING, LOOKING
from webapp.datasets.source_files import source_files_of
from webapp.explore.clusterings import root_of
from webapp.explore.views import page_urls
from webapp.jobs.models import Job, Product, State
from webapp.portal.line import RUNNING, WAITING, LineStep, lines_of, looked_at
from webapp.portal.services import Recipe

N_FAILED = 10
PER_FILE = ("asked_for", "moved")  # of a data set of thousands of files these are megabytes


@dataclass(frozen=True)
class HomeRow:
    """A data set as the home page lists it."""

    dataset: Dataset
    steps: list[LineStep]
    picture: Product | None

    @property
    def is_moving(self) -> bool:
        """Whether a job of the data set has yet to end."""
        return any(step.state in (RUNNING, WAITING) for step in self.steps)

    @property
    def step(self) -> LineStep:
        """The step that says most: what runs, else what failed, is stale or comes next, else the last."""
        for state in ("running", "waiting", "failed", "stale", "next"):
            for step in self.steps:
                if step.state == state:
                    return step
        return self.steps[-1]


def home_rows(user: User, group: Group | None = None) -> list[HomeRow]:
    """Return the data sets that `user` may see, the newest first, with their lines and pictures."""
    datasets = Dataset.objects.for_user(user).filter(is_draft=False).select_related("group").distinct()
    datasets = datasets.defer(*PER_FILE)
    datasets = list(datasets.filter(group=group) if group else datasets)
    lines = lines_of(datasets) if datasets else {}
    pictures = Product.objects.filter(dataset__in=datasets, kind="index").order_by("created_at")
    newest = {picture.dataset_id: picture for picture in pictures.only("id", "dataset_id", "created_at")}
    return [HomeRow(dataset, lines[dataset.pk], newest.get(dataset.pk)) for dataset in datasets]


def needs_me(user: User) -> dict[str, list[Any]]:
    """Return drafts to confirm, jobs that failed and were not overtaken, and jobs that run."""
    jobs = Job.objects.for_user(user).select_related("dataset", "group").distinct()
    jobs = jobs.defer(*(f"dataset__{name}" for name in PER_FILE))
    failed = [
        job
        for job in jobs.filter(state=State.FAILED).exclude(dataset__is_draft=True)[:N_FAILED]
        if not _was_overtaken(job)
    ]
    drafts = Dataset.objects.for_user(user).filter(is_draft=True).select_related("group").distinct()
    drafts = drafts.defer(*PER_FILE)
    return {
        "drafts": [(draft, dry_run_of(draft)) for draft in drafts],
        "failed": failed,
        "running": list(jobs.filter(state=State.RUNNING)),
    }


def _was_overtaken(job: Job) -> bool:
    """Whether the same kind of job for the same data set began after the failed one."""
    later = Job.objects.filter(kind=job.kind, dataset=job.dataset, group=job.group)
    return later.filter(created_at__gt=job.created_at).exists()


def dataset_facts(dataset: Dataset) -> dict[str, Any]:
    """Return the newest products of the Data step, by kind, and the source files."""
    sources = Product.objects.filter(dataset=dataset).of_kind("inspect")
    source = next((item for item in sources if looked_at(dataset, vars(item))), None)
    index, condensation = newest(dataset, "index"), newest(dataset, "condense")
    columns = columns_of(dataset)
    return {
        "sheet_url": _sheet_url(condensation),
        "sheet_rows": min(16, -(-(dataset.n_frames or 0) // 16)),
        **_geometry_words(condensation),
        "source": source,
        "index": index,
        "condensation": condensation,
        "files": source_files_of(dataset, source),
        "hits": hits_of(columns),
        "thresholds": list(dataset.hit_thresholds.select_related("created_by")),
        "versions": versions_of(dataset),
        "refresh": refresh_of(dataset),
        "done": read_geometry(condensation.folder).get("done", []) if condensation else [],
        "page": page_urls(dataset, columns),
        **_last_look(dataset),
    }


def _last_look(dataset: Dataset) -> dict[str, Any]:
    """Return when the files were last looked at again, what was found, and the draft that came of it."""
    at, words, pk = (dataset.last_look.get(name) for name in ("at", "words", "draft"))
    draft = Dataset.objects.filter(pk=pk, is_draft=True).first() if pk else None
    is_found = words not in (LOOKING, COMPARING)
    return {
        "last_look_at": datetime.fromisoformat(at) if at else None,
        "last_look": words if is_found else _how_far(draft),
        "successor": draft if is_found else None,
        "looking": None if is_found else draft,
    }


def _how_far(draft: Dataset | None) -> str:
    """Say how far a look is of which nothing was found yet: it may have failed, or have been given up."""
    if draft is None:
        return "it was given up"
    job = Job.objects.filter(dataset=draft, kind="index").first()
    if job is not None:
        return "a worker compares the frames" if job.is_active else "the frames could not be compared"
    job = dry_run_of(draft).job
    if job is None or job.is_active:
        return "a worker is at it"
    return "the files could not be looked into"


def _sheet_url(condensation: Product | None) -> str:
    if condensation is None:
        return ""
    return reverse("explore:sheet", kwargs={"pk": condensation.pk, "number": 0})


def _geometry_words(condensation: Product | None) -> dict[str, str]:
    """Return the masked share and the beam centre as they are shown, from the file of the geometry."""
    geometry = read_geometry(condensation.folder) if condensation else {}
    share, centre = geometry.get("masked_share"), geometry.get("centre")
    return {
        "masked_percent": "unknown" if share is None else f"{100 * share:.1f} % of the pixels",
        "centre": "unknown" if not centre else f"row {centre[0]:.1f}, column {centre[1]:.1f}",
    }


def newest_recipe(dataset: Dataset) -> Recipe:
    """Return the recipe by which the newest products are made, so that “sort” goes on from them.

    Whoever learned again with another seed wants clusters of that network, not those of the default one.
    """
    params = {kind: _newest_params(dataset, kind) for kind in ("condense", "learn", "cluster", "train")}
    recipes = {kind: found.get("recipe", {}) for kind, found in params.items()}
    return Recipe(seed=params["learn"].get("seed", 0), **recipes)


def _newest_params(dataset: Dataset, kind: str) -> dict[str, Any]:
    job = Job.objects.filter(dataset=dataset, kind=kind).active().first()
    made_by = job or newest(dataset, kind)
    if kind == "cluster" and made_by and not job:
        made_by = root_of(made_by)  # from which clusters may have been read anew since
    return made_by.params if made_by else {}


def history_of(dataset: Dataset, n: int = 30) -> list[Job]:
    """Return the last `n` jobs of a data set."""
    return list(Job.objects.filter(dataset=dataset).select_related("created_by", "product")[:n])
