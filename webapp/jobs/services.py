"""What people do with jobs: submit, cancel, retry. What workers do is in `lifecycle`."""

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone

from webapp.accounts.models import Group, User
from webapp.jobs.models import ACTIVE, Job, Product, Shard, State
from webapp.jobs.signals import job_ended

logger = logging.getLogger(__name__)

ENDED_BADLY = (State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class Handle:
    """A product that is there, or that `job` is going to make under the same id."""

    id: UUID
    key: str
    job: Job | None = None

    @classmethod
    def of(cls, product: Product) -> "Handle":
        """Return the handle of a product that is there."""
        return cls(product.id, product.key)


@transaction.atomic
def submit(
    *,
    kind: str,
    group: Group,
    dataset: models.Model | None = None,
    inputs: dict[str, Handle] | None = None,
    params: dict[str, Any] | None = None,
    user: User | None = None,
    title: str = "",
) -> Handle:
    """Ask for a product: find it, join the job that is making it, or submit a new job."""
    inputs, params = inputs or {}, params or {}
    key = product_key(kind, inputs, params)
    Group.objects.select_for_update().get(pk=group.pk)  # two clicks make one job
    product = Product.objects.filter(group=group, dataset=dataset, key=key).first()
    if product:
        return Handle.of(product)
    input_ids = {name: str(handle.id) for name, handle in inputs.items()}
    job = find_active_job(group, dataset, key, input_ids)
    if job is None and (product := adopt_twin(group, dataset, key, input_ids)):
        return Handle.of(product)
    if job is None:
        job = Job.objects.create(
            kind=kind,
            group=group,
            dataset=dataset,
            params=params,
            key=key,
            inputs=input_ids,
            created_by=user,
            title=title[:200],
        )
        causes = Job.objects.select_for_update().filter(result_id__in=input_ids.values())
        job.after.set(causes)
        open_stage(job)
        ring_on_commit(job)
        failed = next((cause for cause in causes if cause.state in ENDED_BADLY), None)
        if failed:  # it failed since its handle was given out
            end_job(job, State.CANCELLED, because_of(failed))
    return Handle(job.result_id, key, job)


def product_key(kind: str, inputs: dict[str, Handle], params: dict[str, Any]) -> str:
    """Return the SHA-256 that names a product by how it comes about."""
    parts = [kind, {name: handle.key for name, handle in inputs.items()}, params]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def find_active_job(
    group: Group, dataset: models.Model | None, key: str, input_ids: dict[str, str]
) -> Job | None:
    """Return the job that is making the product `key` of the data set from these very inputs."""
    jobs = Job.objects.active().filter(group=group, dataset=dataset, key=key, cancel_requested=False)
    return next((job for job in jobs if job.inputs == input_ids), None)


def adopt_twin(
    group: Group, dataset: models.Model | None, key: str, input_ids: dict[str, str]
) -> Product | None:
    """Take a product over from another data set of the group that was made in the same way."""
    twin = Product.objects.filter(group=group, key=key).first()
    parents = Product.objects.filter(pk__in=input_ids.values())
    if twin is None or dataset is None or len(parents) < len(set(input_ids.values())):
        return None
    product = Product.objects.create(
        kind=twin.kind,
        group=group,
        dataset=dataset,
        name=twin.name,
        params=twin.params,
        inputs=input_ids,
        key=key,
        folder_name=twin.folder_name,
        files=twin.files,
        facts=twin.facts,
        created_by=twin.created_by,
    )
    product.parents.set(parents)
    return product


def is_made_elsewhere(job: Job) -> bool:
    """Whether the job's product is there, or another job is at it."""
    same = {"group": job.group, "dataset": job.dataset, "key": job.key}
    return Product.objects.filter(**same).exists() or Job.objects.active().filter(**same).exists()


def open_stage(job: Job) -> None:
    """Create the shards of the job's present stage; a sharded stage needs the inputs to be there."""
    n_frames = frames_to_share(job) if job.stage_of.is_sharded else 0
    if job.stage == 0 and job.stage_of.is_sharded and n_frames is None:
        # The inputs are still being made: one shard stands for all until a worker plans it.
        ranges = [(0, 0)]
    else:
        ranges = job.stage_of.ranges(n_frames or 0) or [(0, 0)]
    Shard.objects.bulk_create(
        Shard(job=job, stage=job.stage, index=index, start=start, stop=stop, total=stop - start)
        for index, (start, stop) in enumerate(ranges)
    )


def frames_to_share(job: Job) -> int | None:
    """Return the number of frames of the job's inputs; None while one of them is still to come."""
    products = Product.objects.filter(pk__in=job.inputs.values())
    if len(products) < len(set(job.inputs.values())):
        return None
    return next((product.facts["n_frames"] for product in products if "n_frames" in product.facts), 0)


def ring_on_commit(job: Job) -> None:
    """Wake a worker of the job's queue once the row is there to be seen."""
    transaction.on_commit(lambda: ring(job.kind_of.queue), robust=True)


def ring(queue: str, times: int = 1) -> None:
    """Wake up to `times` workers of `queue`; a ring that gets lost is rung again by the reaper."""
    from workers.tasks.bell import answer_bell

    try:
        for _ in range(times):
            answer_bell.apply_async(kwargs={"queue": queue}, queue=queue, expires=60)
    except (OSError, answer_bell.OperationalError) as error:
        logger.warning(
            "The bell of queue %s could not be rung (%s); the reaper will try again.", queue, error
        )


@transaction.atomic
def cancel_job(*, job: Job) -> None:
    """Stop a job: at once where nothing runs, else with its worker's next heartbeat."""
    job = Job.objects.select_for_update().get(pk=job.pk)
    if not job.is_active:
        return
    job.cancel_requested = True
    job.save(update_fields=["cancel_requested"])
    if not job.shards.filter(state=State.RUNNING).exists():
        end_job(job, State.CANCELLED, "Cancelled before it began.")


def end_job(job: Job, state: State, error: str = "", detail: str = "") -> None:
    """Write the end of a job, and end those that wait for it; call inside a transaction."""
    now = timezone.now()
    job.shards.filter(state=State.QUEUED).update(state=State.CANCELLED, finished_at=now)
    job.state, job.error, job.error_detail, job.finished_at = state, error, detail, now
    job.save(update_fields=["state", "error", "error_detail", "finished_at"])
    job_ended.send_robust(sender=Job, job=job)
    if state == State.SUCCEEDED:
        return
    for follower in job.followers.filter(state__in=ACTIVE):
        end_job(follower, State.CANCELLED, because_of(job))


def because_of(job: Job) -> str:
    """Return why a job that waited for `job` did not run."""
    return f"Did not run, because “{job.kind_of.title}” did not finish."


@transaction.atomic
def retry_job(*, job: Job) -> None:
    """Queue a failed or cancelled job again, and those that were cancelled because of it.

    What its finished shards made is kept, and a training goes on from its last checkpoint.
    """
    job = Job.objects.select_for_update().get(pk=job.pk)
    if job.state not in ENDED_BADLY:
        return
    if is_made_elsewhere(job):
        job.error = "There is nothing to retry: another job has made this, or is making it."
        job.save(update_fields=["error"])
        return
    for cause in job.after.filter(state__in=ENDED_BADLY):
        retry_job(job=cause)
    job.refresh_from_db()
    if job.state not in ENDED_BADLY:
        return  # a cause that was retried has brought it along
    job.shards.exclude(state=State.SUCCEEDED).update(
        state=State.QUEUED, losses=0, done=0, rate=0.0, worker="", lease_until=None, finished_at=None
    )
    job.state, job.error, job.error_detail = State.QUEUED, "", ""
    job.finished_at, job.cancel_requested = None, False
    job.save()
    ring_on_commit(job)
    for follower in job.followers.filter(state=State.CANCELLED):
        retry_job(job=follower)
