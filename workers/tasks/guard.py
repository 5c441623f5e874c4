"""Guard a claim: run the step in a child, keep the lease, publish the result."""

import functools
import json
import logging
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from webapp.jobs import lifecycle
from webapp.jobs.children import child_environment, die_with_parent, obituary
from webapp.jobs.lifecycle import Claim, Order
from workers import readers
from workers.tasks.calls import arguments_of, on_product

logger = logging.getLogger(__name__)

PATIENCE_S = 10  # from asking a child to stop to killing it


def work_on(claim: Claim, is_stopping: Callable[[], bool]) -> None:
    """Work on a claimed shard until it is published, given back or ended."""
    out = None
    try:
        if not lifecycle.plan_if_needed(claim):
            return
        out = _fresh_folder(claim)
        call = {"step": claim.job.stage_of.step, "arguments": arguments_of(claim), "out": str(out)}
        files = readers.named_files(call["arguments"]) if readers.is_reader(call["step"]) else ""
        files = _name_as_sent(claim, files)
        with Child(claim, call) as child:
            _conclude(claim, child.wait(is_stopping), out, files)
    except DatabaseError:
        # The lease runs out by itself, and somebody else takes the shard up.
        logger.exception("%s: the database does not answer; the shard is left to its lease", claim.shard)
        connection.close()
    except lifecycle.NotPublishable as error:
        lifecycle.fail(claim, str(error))
    except OSError as error:
        logger.exception("%s: the data folder cannot be used", claim.shard)
        lifecycle.fail(
            claim, f"The data folder cannot be used ({error.strerror}). Make room or rights, then retry."
        )
    except Exception:
        logger.exception("%s: the worker itself failed", claim.shard)
        lifecycle.fail(claim, f"An unexpected error occurred; the log has it under job {claim.job.pk}.")
    finally:
        if out:
            shutil.rmtree(out, ignore_errors=True)


def _fresh_folder(claim: Claim) -> Path:
    name = f"{claim.shard.stage}-{claim.shard.index}-{claim.attempt}.tmp"
    out = claim.job.folder / "parts" / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (claim.job.folder / "scratch").mkdir(exist_ok=True)
    return out


def _conclude(claim: Claim, end: dict[str, Any], out: Path, files: str) -> None:
    """Write down how the child, which read `files`, ended."""
    if end.get("landlock") == 0:
        _tell_that_nothing_confines()
    if "result" in end:
        _publish(claim, end, out)
    elif end.get("cancelled"):
        lifecycle.mark_cancelled(claim)
    elif end.get("released"):
        lifecycle.release(claim)
    elif end.get("lost"):
        logger.warning("%s: the lease was lost; nothing is published", claim.shard)
    elif end.get("died") == -signal.SIGXCPU:  # another attempt would take as long
        lifecycle.fail(claim, obituary(end["died"], files))
    elif "died" in end:
        lifecycle.lose(claim, obituary(end["died"], files))
    else:
        detail = end.get("detail", "")
        if detail:
            logger.error("job %s: %s", claim.job.pk, detail)
        fallback = f"An unexpected error occurred; the log has it under job {claim.job.pk}."
        lifecycle.fail(claim, _name_as_sent(claim, end.get("error") or fallback), detail)


def _name_as_sent(claim: Claim, words: str) -> str:
    """Name uploaded files by what they are called at the sender's, not by where Fringe keeps them."""
    from webapp.datasets.models import SourceFile

    files = SourceFile.objects.filter(dataset=claim.job.dataset_id, is_upload=True)
    for path, name in files.values_list("path", "sent_name") if claim.job.dataset_id else ():
        words = words.replace(path, name or "The uploaded file")
        words = words.replace(f"{Path(path).parent}/", "")  # of files beside it, which it links to
    return words


@functools.cache
def _tell_that_nothing_confines() -> None:
    """Say it once a worker: what reads files is limited in memory and time, but not to its folders."""
    logger.warning("The kernel has no Landlock, so what reads files is held by checks alone")


def _publish(claim: Claim, end: dict[str, Any], out: Path) -> None:
    """Rename the finished folder into its place, then commit; readers see all of it or nothing."""
    if claim.is_last_stage:
        name = f"{claim.job.result_id}-{claim.attempt}"
        place = settings.DATA_DIR / "products" / claim.job.kind_of.product / name
    else:
        place = out.with_suffix("")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)  # left by an attempt that died before its commit
    out.rename(place)
    _sync(place.parent)
    published = False
    try:
        published = lifecycle.succeed(
            claim, result=end["result"], folder=place, files=end["files"], on_product=on_product
        )
    finally:
        if not published:
            shutil.rmtree(place, ignore_errors=True)
    if not published:
        lifecycle.mark_cancelled(claim)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


class Child:
    """The process that does the work, seen from the worker that keeps the lease."""

    def __init__(self, claim: Claim, call: dict[str, Any]) -> None:
        self.claim = claim
        self.progress: dict[str, Any] = {}
        self.points: list[dict] = list(claim.job.curve) if claim.shard.attempt > 1 else []
        self.new_points = False
        self.first: tuple[float, int] | None = None
        self.buffer = b""
        root = Path(__file__).resolve().parents[2]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workers.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=root,
            env=child_environment(settings.ACCELERATOR_THREADS if claim.job.kind_of.queue == "gpu" else 1),
            preexec_fn=die_with_parent,
            start_new_session=True,
        )
        try:
            self.process.stdin.write(json.dumps(call).encode())
            self.process.stdin.close()
        except BrokenPipeError:  # it died at once; `wait` says how
            pass

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def wait(self, is_stopping: Callable[[], bool]) -> dict[str, Any]:
        """Read what the child says and keep the lease until it ends; return its last word."""
        next_beat = time.monotonic() + 1
        ending: dict[str, Any] = {}
        deadline = float("inf")
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                if selector.select(timeout=0.2):
                    chunk = os.read(self.process.stdout.fileno(), 1 << 16)
                    if not chunk:
                        return ending or {"died": self.process.wait()}
                    if last_word := self._take(chunk):
                        return self._judge(last_word, ending)
                now = time.monotonic()
                if not ending and is_stopping():
                    ending, deadline = {"released": True}, now + PATIENCE_S
                    self.process.terminate()
                if now >= next_beat:
                    next_beat = now + self._beat_interval()
                    order = self._beat()
                    if not ending and order is not Order.GO_ON:
                        ending = {"lost": True} if order is Order.LOST else {"cancelled": True}
                        deadline = now + PATIENCE_S
                        self.process.terminate()
                if now > deadline:
                    self.process.kill()

    def _judge(self, last_word: dict[str, Any], ending: dict[str, Any]) -> dict[str, Any]:
        # A step that finished although it was asked to stop has finished: nothing is thrown away. But one
        # that always ends by being stopped has not, when only its worker goes: it is to be taken up again.
        is_interrupted = "released" in ending and self.claim.job.kind_of.ends_on_request
        if "result" in last_word and "lost" not in ending and not is_interrupted:
            return last_word
        return ending or last_word

    def _beat_interval(self) -> float:
        # People watch the bar: every second at most, or what the lease asks for.
        return min(1.0, settings.JOB_HEARTBEAT_S)

    def _beat(self) -> Order:
        points = self.points if self.new_points else None
        self.new_points = False
        try:
            return lifecycle.beat(self.claim, points=points, **self.progress)
        except DatabaseError:
            # A heartbeat may be missed; it is the lease that decides.
            logger.exception("%s: a heartbeat was missed", self.claim.shard)
            connection.close()
            return Order.GO_ON

    def _take(self, chunk: bytes) -> dict[str, Any] | None:
        """Take in complete lines; return the last word if it is among them."""
        *lines, self.buffer = (self.buffer + chunk).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "done" not in message:
                return message
            self._note_progress(message)
        return None

    def _note_progress(self, message: dict[str, Any]) -> None:
        points = message.pop("points")
        if points:
            known = points[0].get("step", 0)
            # A resumed training tells some points again.
            self.points = [point for point in self.points if point.get("step", 0) < known] + points
            self.new_points = True
        now, done = time.monotonic(), message["done"]
        if self.first is None or done < self.first[1] or message["unit"] != self.progress.get("unit"):
            self.first = (now, done)
        seconds = now - self.first[0]
        rate = (done - self.first[1]) / seconds if seconds > 0.5 else 0.0
        self.progress = {**message, "note": message["note"][:200], "rate": rate}
