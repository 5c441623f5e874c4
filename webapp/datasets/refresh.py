"""Whether a page about the data shows what is there by now, and whether more is on its way."""

import hashlib
from dataclasses import dataclass

from webapp.datasets.models import Dataset
from webapp.datasets.recipes import at_work
from webapp.jobs.models import Job, Product

KINDS = ("inspect", "index", "condense")


@dataclass(frozen=True)
class Refresh:
    """What a poll of the page finds.

    `state` stands for what there is to show; whoever polls sends back the one that the page shows.
    """

    state: str
    is_moving: bool
    condensing: list[Job]


def refresh_of(dataset: Dataset) -> Refresh:
    """Return what is there of the Data step, and whether a worker is at more of it."""
    jobs = at_work(dataset, *KINDS)
    looks = Job.objects.filter(dataset__relinked_from=dataset, dataset__is_draft=True).active()
    made = Product.objects.filter(dataset=dataset, kind__in=KINDS).order_by("pk").values_list("pk", flat=True)
    is_looking = looks.exists()
    shown = [
        *made,
        *((job.pk, job.state) for job in jobs),
        dataset.current_condensation,
        dataset.last_look,
        is_looking,
    ]
    return Refresh(
        state=hashlib.sha256(repr(shown).encode()).hexdigest()[:16],
        is_moving=is_looking or any(job.is_active for job in jobs),
        condensing=[job for job in jobs if job.kind == "condense"],
    )
