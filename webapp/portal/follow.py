"""Follow jobs on the terminal: one bar for each, with rate and time left."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from django.db import connection

from webapp.jobs.models import Job, State
from webapp.jobs.selectors import progress_of, seconds_run
from webapp.jobs.services import Handle

BAR = 24


class JobFailedError(Exception):
    """A job that was waited for did not succeed; `job` says why."""

    def __init__(self, job: Job) -> None:
        self.job = job
        super().__init__(job.error)


class Follower:
    """Print the progress of jobs until all have ended.

    On a terminal the line of a running job is written over; elsewhere a line comes every few seconds.
    """

    def __init__(
        self, *, tend: Callable[[], None], stream: TextIO = sys.stderr, pause_s: float = 0.3
    ) -> None:
        self.tend, self.stream, self.pause_s = tend, stream, pause_s
        self.is_terminal = stream.isatty()
        self.next_line = 0.0

    def follow(self, handles: list[Handle]) -> None:
        """Wait for the products of `handles`; raise `JobFailedError` for the first that cannot come."""
        ids = [handle.job.pk for handle in handles if handle.job]
        total, ended = len(ids), set()
        while len(ended) < total:
            jobs = {job.pk: job for job in Job.objects.filter(pk__in=ids)}
            for pk in ids:
                job = jobs[pk]
                if pk in ended:
                    continue
                if job.state == State.SUCCEEDED:
                    ended.add(pk)
                    self._print(
                        f"[{len(ended)}/{total}] {job.kind_of.title}: done in {_clock(seconds_run(job))}"
                    )
                elif not job.is_active:
                    raise JobFailedError(_root_cause(job))
            running = [jobs[pk] for pk in ids if jobs[pk].state == State.RUNNING and pk not in ended]
            if running:
                self._show(running[0], f"[{len(ended) + 1}/{total}]")
            self.tend()
            connection.close_if_unusable_or_obsolete()
            time.sleep(self.pause_s)

    def _show(self, job: Job, place: str) -> None:
        now = time.monotonic()
        if not self.is_terminal and now < self.next_line:
            return
        self.next_line = now + 5
        progress = progress_of(job)
        line = f"{place} {job.kind_of.title}: {progress.note}"
        if progress.total:
            full = round(BAR * progress.percent / 100)
            line += f" [{'#' * full}{'.' * (BAR - full)}] {progress.done}/{progress.total} {progress.unit}"
        if progress.rate:
            line += f", {progress.rate:.3g}/s, {_clock(progress.seconds_left)} left"
        if self.is_terminal:
            self.stream.write("\r\x1b[K" + line)
            self.stream.flush()
        else:
            self._print(line)

    def _print(self, line: str) -> None:
        self.stream.write(("\r\x1b[K" if self.is_terminal else "") + line + "\n")
        self.stream.flush()


def _root_cause(job: Job) -> Job:
    """Return the job that failed first: the ones after it were only cancelled."""
    while True:
        cause = job.after.filter(state__in=(State.FAILED, State.CANCELLED)).first()
        if cause is None:
            return job
        job = cause


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds // 60)}:{int(seconds % 60):02d} min"
