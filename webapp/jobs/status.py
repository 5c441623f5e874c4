"""What the pages say of jobs, in plain words."""

from dataclasses import dataclass
from typing import Any

from webapp.accounts.models import Group, User
from webapp.jobs.models import Job, State
from webapp.jobs.selectors import JobProgress, progress_of, queue_place, seconds_run, waits_for

N_LISTED = 100
N_SHARDS = 200


@dataclass(frozen=True)
class JobRow:
    """A job with all that a row of the list shows."""

    job: Job
    progress: JobProgress | None
    seconds: float | None
    n_before: int
    waits: list[Job]

    @property
    def words(self) -> str:
        """The state in plain words."""
        if self.job.cancel_requested and self.job.is_active:
            return "Stopping"
        if self.job.state == State.QUEUED and self.waits:
            return "Waits for “" + "”, “".join(sorted({job.kind_of.title for job in self.waits})) + "”"
        if self.job.state == State.QUEUED:
            return "Next in the queue" if not self.n_before else f"Waits, {self.n_before} before it"
        return str(self.job.get_state_display())


def job_row(job: Job) -> JobRow:
    """Return what is to be said of one job; ended jobs cost no query."""
    if not job.is_active:
        return JobRow(job, None, seconds_run(job), 0, [])
    waits = waits_for(job) if job.state == State.QUEUED else []
    n_before = queue_place(job) if job.state == State.QUEUED and not waits else 0
    progress = progress_of(job) if job.state == State.RUNNING else None
    return JobRow(job, progress, seconds_run(job), n_before, waits)


def job_rows(user: User, *, show_all: bool) -> list[JobRow]:
    """Return the jobs of the user's groups, the newest first: the active ones, or all."""
    jobs = Job.objects.for_user(user).select_related("dataset", "group", "created_by").distinct()
    return [job_row(job) for job in (jobs if show_all else jobs.active())[:N_LISTED]]


def job_status(job: Job, user: User) -> dict[str, Any]:
    """Return what the page of one job shows."""
    shards = list(job.shards.all()[: N_SHARDS + 1])
    return {
        "job": job,
        "row": job_row(job),
        "shards": shards[:N_SHARDS] if len(shards) > 1 else [],
        "has_more_shards": len(shards) > N_SHARDS,
        "product": getattr(job, "product", None),
        "stage_number": job.stage + 1,
        "n_stages": len(job.kind_of.stages),
        "params": [(name, value) for name, value in job.params.items() if name != "files"],
        "can_write": Group.objects.writable_by(user).filter(pk=job.group_id).exists(),
    }
