"""What the pages say of jobs, in plain words."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from webapp.accounts.models import Group, User
from webapp.jobs.again import again_url
from webapp.jobs.models import Job, State
from webapp.jobs.queueing import ordinal, queue_places
from webapp.jobs.results import result_url
from webapp.jobs.resume import CHECKPOINT, kept_of_each
from webapp.jobs.selectors import JobProgress, progress_of_each, seconds_run, waits_of_each

N_SHARDS = 200


@dataclass(frozen=True)
class JobRow:
    """A job with all that a row of the list shows; `place` is its place in the queue, 0 for none."""

    job: Job
    progress: JobProgress | None
    seconds: float | None
    place: int
    waits: list[Job]
    kept: str = ""

    @property
    def can_start_over(self) -> bool:
        """Whether it holds a checkpoint that may be left aside."""
        return self.kept == CHECKPOINT

    @property
    def words(self) -> str:
        """The state in plain words."""
        if self.job.cancel_requested and self.job.is_active:
            return "Stopping"
        if self.job.state == State.QUEUED and self.waits:
            return "Waits for “" + "”, “".join(sorted({job.kind_of.title for job in self.waits})) + "”"
        if self.job.state == State.QUEUED:
            return "Next in the queue" if self.place <= 1 else f"{ordinal(self.place)} in the queue"
        return str(self.job.get_state_display())


def job_row(job: Job) -> JobRow:
    """Return what is to be said of one job."""
    return rows_of([job])[0]


def rows_of(jobs: Iterable[Job]) -> list[JobRow]:
    """Return what is to be said of jobs, in a number of queries that does not grow with them."""
    jobs = list(jobs)
    queued = [job for job in jobs if job.state == State.QUEUED]
    progress = progress_of_each([job for job in jobs if job.state == State.RUNNING])
    waits = waits_of_each(queued) if queued else {}
    free = {job.kind_of.queue for job in queued if not waits[job.pk]}
    places = {pk: place for queue in sorted(free) for pk, place in queue_places(queue).items()}
    kept = kept_of_each(jobs)
    return [
        JobRow(
            job,
            progress.get(job.pk),
            seconds_run(job),
            places.get(job.pk, 0),
            waits.get(job.pk, []),
            kept.get(job.pk, ""),
        )
        for job in jobs
    ]


def job_status(job: Job, user: User) -> dict[str, Any]:
    """Return what the page of one job shows."""
    shards = list(job.shards.all()[: N_SHARDS + 1])
    product = getattr(job, "product", None)
    return {
        "job": job,
        "row": job_row(job),
        "shards": shards[:N_SHARDS] if len(shards) > 1 else [],
        "has_more_shards": len(shards) > N_SHARDS,
        "product": product,
        "result_url": result_url(product) if product else "",
        "again_url": again_url(job),
        "followers": list(job.followers.defer("curve").order_by("created_at")),
        "stage_number": job.stage + 1,
        "n_stages": len(job.kind_of.stages),
        "params": [(name, value) for name, value in job.params.items() if name != "files"],
        "can_write": Group.objects.writable_by(user).filter(pk=job.group_id).exists(),
    }
