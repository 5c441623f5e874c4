"""What an ended job has kept to go on from, and how it is begun anew."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from django.db import transaction
from django.db.models import Count

from webapp.jobs.models import Job, Shard, State
from webapp.jobs.services import ENDED_BADLY, is_made_elsewhere, retry_job

CHECKPOINT = "its last checkpoint"
CHECKPOINTS = ("*.safetensors", "*.checkpoint")


def kept_of_each(jobs: Iterable[Job]) -> dict[UUID, str]:
    """Say what each failed or cancelled job would go on from; those that have nothing are left out."""
    ended = {job.pk: job for job in jobs if job.state in ENDED_BADLY}
    kept = {pk: CHECKPOINT for pk, job in ended.items() if _checkpoints(job)}
    done = Shard.objects.filter(job__in=ended.keys() - kept.keys(), state=State.SUCCEEDED).order_by()
    for pk, n in done.values_list("job").annotate(n=Count("pk")) if ended else ():
        kept[pk] = f"{n} finished part{'s' if n > 1 else ''}"
    return kept


def has_checkpoint(job: Job) -> bool:
    """Whether an ended job holds a checkpoint, which it may go on from or leave aside."""
    return job.state in ENDED_BADLY and bool(_checkpoints(job))


def _checkpoints(job: Job) -> list[Path]:
    scratch = job.folder / "scratch"
    return [path for pattern in CHECKPOINTS for path in scratch.glob(pattern)]


@transaction.atomic
def start_over(*, job: Job) -> None:
    """Queue a failed or cancelled training again, without its checkpoint.

    Its shard keeps counting attempts, so that a worker that was lost cannot publish into the new one.
    """
    job = Job.objects.select_for_update().get(pk=job.pk)
    if job.state not in ENDED_BADLY:
        return
    if is_made_elsewhere(job):
        retry_job(job=job)  # which says that there is nothing to do
        return
    scratch = job.folder / "scratch"
    aside = job.folder / "left-aside"
    shutil.rmtree(aside, ignore_errors=True)
    if scratch.exists():
        scratch.rename(aside)
    Job.objects.filter(pk=job.pk).update(curve=[])
    retry_job(job=job)
    transaction.on_commit(lambda: shutil.rmtree(aside, ignore_errors=True), robust=True)
