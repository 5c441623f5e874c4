"""Run one step of `workers.science.steps` (or of `workers.live`) in a process of its own.

The worker that started it writes one JSON object to standard input: ``{"step", "arguments", "out"}``.
What comes back are JSON lines on the original standard output: progress, then a result or an error.
The child knows no database and no broker; when it crashes, only it is lost.
"""

import hashlib
import importlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

# What parses other people's files gets so much address space: a compressed bomb ends as "out of memory".
READERS = ("index.", "condense.")
READER_BYTES = 6 * 2**30


class Reporter:
    """Write progress as JSON lines, at most four a second, and stop when asked to."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.points: list[dict] = []
        self.last = 0.0
        self.is_stopping = False
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        self.is_stopping = True

    def __call__(
        self,
        done: int,
        total: int,
        unit: str = "frames",
        *,
        note: str = "",
        point: dict[str, Any] | None = None,
    ) -> None:
        from workers.science.errors import Cancelled

        if self.is_stopping:
            raise Cancelled
        if point:
            self.points.append(point)
        now = time.monotonic()
        if now - self.last < 0.25 and done < total:
            return
        self.last = now
        self.send(done=int(done), total=int(total), unit=unit, note=note, points=self.points)
        self.points = []

    def send(self, **message: Any) -> None:
        """Write one line."""
        self.stream.write(json.dumps(message) + "\n")
        self.stream.flush()


def main() -> int:
    """Read the call, run it, report how it ended."""
    # What libraries print must not mix with the messages.
    stream = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    report = Reporter(stream)
    call = json.load(sys.stdin)
    if call["step"].startswith(READERS):
        resource.setrlimit(resource.RLIMIT_AS, (READER_BYTES, READER_BYTES))
    from workers.science.errors import Cancelled, ScienceError

    try:
        result = find_step(call["step"])(**call["arguments"], out=call["out"], on_progress=report)
        report.send(result=result, files=seal(Path(call["out"])))
    except ScienceError as error:
        report.send(error=str(error), detail="")
    except Cancelled:
        report.send(cancelled=True)
    except MemoryError:
        report.send(error="Out of memory. Give the worker more memory, or take a smaller recipe.", detail="")
    except Exception:
        report.send(error="", detail=traceback.format_exc())
    return 0


def find_step(name: str) -> Any:
    """Return the function of `name`, ``module.function``."""
    module, function = name.split(".")
    room = "workers.live" if module == "watch" else "workers.science.steps"
    return getattr(importlib.import_module(f"{room}.{module}"), function)


def seal(folder: Path) -> dict[str, dict]:
    """Bring every file of `folder` safely to disk; return size in bytes and SHA-256 of each."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as handle:
                digest = hashlib.file_digest(handle, "sha256").hexdigest()
                os.fsync(handle.fileno())
            files[str(path.relative_to(folder))] = {"size": path.stat().st_size, "sha256": digest}
    return files


if __name__ == "__main__":
    sys.exit(main())
