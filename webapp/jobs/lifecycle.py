"""What workers do with shards: claim, beat, publish, fail; and what the reaper does when they fall silent.

Every write of a worker is one conditional UPDATE that names the attempt, so a worker that lost its
lease changes nothing.
"""

import logging
import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from webapp.jobs.kinds import QUEUES
from webapp.jobs.models import Job, Product, Shard, State
from webapp.jobs.services import because_of, end_job, frames_to_share, open_stage, ring, ring_on_commit

logger = logging.getLogger(__name__)


class NotPublishable(Exception):
    """A result that the portal cannot take in; the text is for the user."""


class Order(Enum):
    """What a heartbeat answers to the worker."""

    GO_ON = "go on"
    CANCEL = "cancel"
    LOST = "lost"


@dataclass(frozen=True)
class Claim:
    """The right to work on a shard, for as long as the lease is renewed."""

    shard: Shard
    job: Job
    attempt: int

    @property
    def row(self) -> QuerySet[Shard]:
        """The shard, if the claim still holds."""
        return Shard.objects.filter(pk=self.shard.pk, attempt=self.attempt, state=State.RUNNING)

    @property
    def is_last_stage(self) -> bool:
        """Whether this shard's result is the job's product."""
        return self.shard.stage == len(self.job.kind_of.stages) - 1


def claim_next(queue: str, worker: str) -> Claim | None:
    """Claim the shard of `queue` whose turn it is, or return None when there is none.

    The group with the fewest running shards goes first, then the oldest job.
    """
    running = (
        Shard.objects.filter(state=State.RUNNING, job__group=OuterRef("job__group"))
        .order_by()
        .values("job__group")
        .annotate(n=Count("pk"))
        .values("n")
    )
    for _ in range(100):
        candidates = Shard.objects.claimable(queue).annotate(busy=Coalesce(Subquery(running), 0))
        shard = candidates.order_by("busy", "job__created_at", "stage", "index").select_related("job").first()
        if shard is None:
            return None
        claim = _claim(shard, worker)
        if claim:
            return claim
    return None


def _claim(shard: Shard, worker: str) -> Claim | None:
    now = timezone.now()
    won = Shard.objects.filter(pk=shard.pk, state=State.QUEUED, attempt=shard.attempt).update(
        state=State.RUNNING,
        attempt=F("attempt") + 1,
        worker=worker,
        lease_until=now + timedelta(seconds=settings.JOB_LEASE_S),
        started_at=now,
        rate=0.0,
    )
    if not won:
        return None
    Job.objects.filter(pk=shard.job_id, state=State.QUEUED).update(
        state=State.RUNNING, started_at=Coalesce("started_at", now)
    )
    shard.refresh_from_db()
    return Claim(shard, Job.objects.select_related("group", "dataset").get(pk=shard.job_id), shard.attempt)


def plan_if_needed(claim: Claim) -> bool:
    """Share out the frames of a first stage that was opened before its inputs were there.

    Returns False when the claimed shard was only a placeholder for the ones that it made.
    """
    if not claim.job.stage_of.is_sharded or claim.shard.stop > claim.shard.start:
        return True
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=claim.job.pk)
        if job.cancel_requested:
            mark_cancelled(claim)
            return False
        if not frames_to_share(job):
            fail(
                claim, "What this job works on is gone: its data set has no frames, or an input was deleted."
            )
            return False
        if not claim.row.delete()[0]:
            return False
        open_stage(job)
        transaction.on_commit(lambda: ring(job.kind_of.queue, times=job.shards.count()), robust=True)
    return False


def beat(claim: Claim, *, points: list[dict] | None = None, **progress: Any) -> Order:
    """Renew the lease, write the progress, and learn whether to go on."""
    lease_until = timezone.now() + timedelta(seconds=settings.JOB_LEASE_S)
    if not claim.row.update(lease_until=lease_until, **progress):
        return Order.LOST
    if points:
        Job.objects.filter(pk=claim.job.pk).update(curve=points)
    goes_on = Job.objects.filter(pk=claim.job.pk, cancel_requested=False, state=State.RUNNING).exists()
    return Order.GO_ON if goes_on else Order.CANCEL


def succeed(
    claim: Claim,
    *,
    result: dict[str, Any],
    folder: Path,
    files: dict[str, dict],
    on_product: Callable[[Product], None] = lambda product: None,
) -> bool:
    """Publish what a shard made; False when the claim was lost and nothing was written."""
    part = str(folder.relative_to(settings.DATA_DIR))
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=claim.job.pk)
        if not job.is_active or (job.cancel_requested and not job.kind_of.ends_on_request):
            return False
        published = claim.row.update(
            state=State.SUCCEEDED,
            result=result,
            part=part,
            done=F("total"),
            rate=0.0,
            lease_until=None,
            finished_at=timezone.now(),
        )
        if not published:
            return False
        if not job.shards.filter(stage=job.stage).exclude(state=State.SUCCEEDED).exists():
            _open_next_stage(job, result, part, files, on_product)
    return True


def _open_next_stage(
    job: Job, result: dict, part: str, files: dict, on_product: Callable[[Product], None]
) -> None:
    if job.stage + 1 < len(job.kind_of.stages):
        job.stage += 1
        job.save(update_fields=["stage"])
        open_stage(job)
        transaction.on_commit(lambda: ring(job.kind_of.queue, times=min(16, job.shards.count())), robust=True)
        return
    product = Product.objects.create(
        id=job.result_id,
        kind=job.kind_of.product,
        group_id=job.group_id,
        dataset_id=job.dataset_id,
        job=job,
        name=job.title,
        params=job.params,
        inputs=job.inputs,
        key=job.key,
        folder_name=part,
        files=files,
        facts=result,
        created_by_id=job.created_by_id,
    )
    product.parents.set(Product.objects.filter(pk__in=job.inputs.values()))
    on_product(product)
    end_job(job, State.SUCCEEDED)
    for follower in job.followers.all():
        ring_on_commit(follower)
    transaction.on_commit(lambda: shutil.rmtree(job.folder, ignore_errors=True), robust=True)


def fail(claim: Claim, error: str, detail: str = "") -> None:
    """End the job with a sentence for the user; the detail is for the log."""
    _end(claim, State.FAILED, error, detail)


def mark_cancelled(claim: Claim) -> None:
    """End the job as its user asked."""
    _end(claim, State.CANCELLED, "Cancelled.")


def _end(claim: Claim, state: State, error: str, detail: str = "") -> None:
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=claim.job.pk)
        ended = claim.row.update(state=state, lease_until=None, rate=0.0, finished_at=timezone.now())
        if ended and job.is_active:
            end_job(job, state, error, detail)


def release(claim: Claim) -> None:
    """Give a shard back unfinished, because the worker is told to stop; not counted as a loss."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=claim.job.pk)
        claim.row.update(state=State.QUEUED, lease_until=None, worker="", rate=0.0)
        _end_if_stopped(job)


def _end_if_stopped(job: Job) -> None:
    """End a job that was cancelled, or that waits for one that failed, once nothing of it runs."""
    if not job.is_active or job.shards.filter(state=State.RUNNING).exists():
        return
    cause = job.after.filter(state__in=(State.FAILED, State.CANCELLED)).first()
    if job.cancel_requested:
        end_job(job, State.CANCELLED, "Cancelled.")
    elif cause:
        end_job(job, State.CANCELLED, because_of(cause))


def lose(claim: Claim, reason: str) -> None:
    """Give a shard back after its process died; the third time ends the job."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=claim.job.pk)
        losses = claim.shard.losses + 1
        if losses >= settings.MAX_LOSSES:
            _end(
                claim,
                State.FAILED,
                f"{reason} This happened {losses} times while {job.stage_of.note}, so it was given up. "
                "Look at the memory and the log of the worker, then retry.",
            )
            return
        claim.row.update(state=State.QUEUED, losses=losses, lease_until=None, worker="", rate=0.0)
        _end_if_stopped(job)
    ring(claim.job.kind_of.queue)


def worker_name() -> str:
    """Return a name that tells whether this very process still lives: host, pid, start time."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start_ticks(os.getpid())}"


def _start_ticks(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The name in brackets may hold blanks; the start time is the 20th field after it.
    return stat.rpartition(")")[2].split()[19]


def is_dead(worker: str) -> bool:
    """Whether `worker` was a process of this host that is gone; a foreign host's is unknown: False."""
    host, _, rest = worker.rpartition(":")
    host, _, pid = host.rpartition(":")
    return host == socket.gethostname() and pid.isdigit() and _start_ticks(int(pid)) != rest


def _end_what_cannot_run() -> None:
    """End jobs that were cancelled or whose input will not come, however they came to be left over."""
    failed = Job.after.through.objects.filter(
        from_job=OuterRef("pk"), to_job__state__in=(State.FAILED, State.CANCELLED)
    )
    for job in Job.objects.active().filter(Q(cancel_requested=True) | Exists(failed)):
        with transaction.atomic():
            _end_if_stopped(Job.objects.select_for_update().get(pk=job.pk))


def reap() -> int:
    """Take back the shards of lost workers and ring for those that wait; return how many were lost."""
    expired = Q(lease_until__lt=timezone.now())
    running = Shard.objects.filter(state=State.RUNNING).select_related("job")
    lost = [shard for shard in running if is_dead(shard.worker)]
    lost += [shard for shard in running.filter(expired) if shard not in lost]
    for shard in lost:
        logger.warning("%s: its worker %s is lost", shard, shard.worker)
        lose(Claim(shard, shard.job, shard.attempt), "The worker that ran it was lost.")
    _end_what_cannot_run()
    for queue in QUEUES:
        waiting = Shard.objects.claimable(queue).count()
        if waiting:
            ring(queue, times=min(16, waiting))
    return len(lost)
