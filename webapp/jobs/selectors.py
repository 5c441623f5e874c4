"""Reads that pages and commands need of jobs."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from webapp.jobs.models import ACTIVE, Job, Shard, State


@dataclass(frozen=True)
class JobProgress:
    """How far a job's present stage is."""

    done: int
    total: int
    unit: str
    note: str
    rate: float
    seconds_left: float | None
    n_running: int
    attempt: int

    @property
    def percent(self) -> float:
        """The finished share, 0 to 100; never 100 before the job has ended."""
        return min(99.0, 100.0 * self.done / self.total) if self.total else 0.0


def progress_of(job: Job) -> JobProgress:
    """Return the progress of `job`, summed over the shards of its stage."""
    return _sum_up(job, list(job.shards.filter(stage=job.stage)))


def progress_of_each(jobs: Iterable[Job]) -> dict[UUID, JobProgress]:
    """Return the progress of many jobs, by one query."""
    shards: dict[UUID, list[Shard]] = {job.pk: [] for job in jobs}
    for shard in Shard.objects.filter(job__in=shards, stage=F("job__stage")).defer("result", "part"):
        shards[shard.job_id].append(shard)
    return {job.pk: _sum_up(job, shards[job.pk]) for job in jobs}


def _sum_up(job: Job, shards: list[Shard]) -> JobProgress:
    done, total = sum(shard.done for shard in shards), sum(shard.total for shard in shards)
    rate = sum(shard.rate for shard in shards if shard.state == State.RUNNING)
    running = [shard for shard in shards if shard.state == State.RUNNING]
    speaking = max(running or shards, key=lambda shard: shard.done, default=None)
    return JobProgress(
        done=done,
        total=total,
        unit=speaking.unit if speaking else "frames",
        note=(speaking.note if speaking else "") or job.stage_of.note,
        rate=rate,
        seconds_left=(total - done) / rate if rate > 0 else None,
        n_running=len(running),
        attempt=max((shard.attempt for shard in shards), default=0),
    )


def waits_for(job: Job) -> list[Job]:
    """Return the jobs that have to end before `job` can begin."""
    return list(job.after.filter(state__in=ACTIVE))


def waits_of_each(jobs: Iterable[Job]) -> dict[UUID, list[Job]]:
    """Return for each of many jobs those that have to end before it can begin."""
    waits: dict[UUID, list[Job]] = {job.pk: [] for job in jobs}
    pairs = Job.after.through.objects.filter(from_job__in=waits, to_job__state__in=ACTIVE)
    for pair in pairs.select_related("to_job").defer("to_job__curve"):
        waits[pair.from_job_id].append(pair.to_job)
    return waits


def seconds_run(job: Job) -> float | None:
    """Return for how long the job has run, or ran."""
    if job.started_at is None:
        return None
    return ((job.finished_at or timezone.now()) - job.started_at).total_seconds()
