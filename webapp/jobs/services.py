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

logger = logging.getLogger(__name__)


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
    product = find_product(group, dataset, key, inputs)
    if product:
        return Handle.of(product)
    job = Job.objects.active().filter(dataset=dataset, group=group, key=key, cancel_requested=False).first()
    if job is None:
        job = Job.objects.create(
            kind=kind,
            group=group,
            dataset=dataset,
            params=params,
            key=key,
            inputs={name: str(handle.id) for name, handle in inputs.items()},
            created_by=user,
            title=title,
        )
        job.after.set(Job.objects.filter(result_id__in=[handle.id for handle in inputs.values()]))
        open_stage(job)
        ring_on_commit(job)
    return Handle(job.result_id, key, job)


def product_key(kind: str, inputs: dict[str, Handle], params: dict[str, Any]) -> str:
    """Return the SHA-256 that names a product by how it comes about."""
    parts = [kind, {name: handle.key for name, handle in inputs.items()}, params]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def find_product(
    group: Group, dataset: models.Model | None, key: str, inputs: dict[str, Handle]
) -> Product | None:
    """Return the product `key` of the data set, taking it over from another one of the group if need be."""
    product = Product.objects.filter(group=group, dataset=dataset, key=key).first()
    if product:
        return product
    twin = Product.objects.filter(group=group, key=key).first()
    if twin is None or dataset is None:
        return None
    product = Product.objects.create(
        kind=twin.kind,
        group=group,
        dataset=dataset,
        name=twin.name,
        params=twin.params,
        inputs={name: str(handle.id) for name, handle in inputs.items()},
        key=key,
        folder_name=twin.folder_name,
        files=twin.files,
        facts=twin.facts,
        created_by=twin.created_by,
    )
    product.parents.set(Product.objects.filter(pk__in=[handle.id for handle in inputs.values()]))
    return product


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
    if state == State.SUCCEEDED:
        return
    for follower in job.followers.filter(state__in=ACTIVE):
        end_job(follower, State.CANCELLED, f"Did not run, because “{job.kind_of.title}” did not finish.")


@transaction.atomic
def retry_job(*, job: Job) -> None:
    """Queue a failed or cancelled job again, and those that were cancelled because of it.

    What its finished shards made is kept, and a training goes on from its last checkpoint.
    """
    job = Job.objects.select_for_update().get(pk=job.pk)
    if job.state not in (State.FAILED, State.CANCELLED):
        return
    job.shards.exclude(state=State.SUCCEEDED).update(
        state=State.QUEUED, losses=0, done=0, rate=0.0, worker="", lease_until=None, finished_at=None
    )
    job.state, job.error, job.error_detail = State.QUEUED, "", ""
    job.finished_at, job.cancel_requested = None, False
    job.save()
    ring_on_commit(job)
    for follower in job.followers.filter(state=State.CANCELLED):
        retry_job(job=follower)
