"""Ask the readers one question without a job: a step runs in a child of this process, which gets its answer.

The child is the one that workers start, with the same limits and without any secret. Neither database nor
broker is needed.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from typing import Any

from django.conf import settings

from webapp.jobs.children import child_environment, die_with_parent, obituary

logger = logging.getLogger(__name__)

TIMEOUT_S = 600


class StepRefused(Exception):
    """The step ended with a sentence for the person who asked."""


class StepFailed(Exception):
    """The step ended by a fault of the program; the log has the rest."""


def ask_step(step: str, arguments: dict[str, Any], *, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Run a step with these arguments and return its result; what it writes is thrown away.

    Raises `StepRefused` for what a person can mend, a time that has run out included, and `StepFailed` else.
    """
    with tempfile.TemporaryDirectory(prefix="fringe-") as out:
        return run_step(step, arguments, out, timeout_s=timeout_s)


def run_step(
    step: str, arguments: dict[str, Any], out: str, *, timeout_s: float | None = TIMEOUT_S, threads: int = 1
) -> dict[str, Any]:
    """Run a step as `ask_step` does, and leave what it writes in the folder `out`, which is empty."""
    call = json.dumps({"step": step, "arguments": arguments, "out": out})
    code, said, errors = _run(call, timeout_s, threads)
    last = _last_word(said)
    if "result" in last:
        return last["result"]
    if last.get("error"):
        raise StepRefused(last["error"])
    if detail := last.get("detail"):
        logger.error("%s: %s", step, detail)
        raise StepFailed("An unexpected error occurred; the log has it.")
    logger.error("%s: no answer, code %s: %s", step, code, errors)
    raise StepRefused(obituary(code, _named(arguments)))


def _run(call: str, timeout_s: float | None, threads: int) -> tuple[int, str, str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=settings.BASE_DIR,
        env=child_environment(threads=threads),
        preexec_fn=die_with_parent,
        start_new_session=True,
    )
    try:
        said, errors = process.communicate(call, timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        words = f"No answer came within {timeout_s:g} s. Name fewer files, or check whether the disk is slow."
        raise StepRefused(words) from error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return process.returncode, said, errors


def _last_word(said: str) -> dict[str, Any]:
    lines = [line for line in said.splitlines() if line]
    try:
        return json.loads(lines[-1]) if lines else {}
    except ValueError:  # it died within a line
        return {}


def _named(arguments: dict[str, Any]) -> str:
    sources = arguments.get("sources", [])
    return sources[0] if len(sources) == 1 else f"One of {len(sources)} sources" if sources else ""
