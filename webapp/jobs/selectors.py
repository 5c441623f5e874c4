"""Reads that pages and commands need of jobs."""

from dataclasses import dataclass

from django.utils import timezone

from webapp.jobs.kinds import KINDS
from webapp.jobs.models import ACTIVE, Job, State


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
    shards = list(job.shards.filter(stage=job.stage))
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


def queue_place(job: Job) -> int:
    """Return how many jobs of the same queue stand before `job`."""
    kinds = [kind.name for kind in KINDS.values() if kind.queue == job.kind_of.queue]
    return Job.objects.active().filter(kind__in=kinds, created_at__lt=job.created_at).count()


def waits_for(job: Job) -> list[Job]:
    """Return the jobs that have to end before `job` can begin."""
    return list(job.after.filter(state__in=ACTIVE))


def seconds_run(job: Job) -> float | None:
    """Return for how long the job has run, or ran."""
    if job.started_at is None:
        return None
    return ((job.finished_at or timezone.now()) - job.started_at).total_seconds()
