"""Run one step of `workers.science.steps` (or of `workers.live`) in a process of its own.

The worker that started it writes one JSON object to standard input: ``{"step", "arguments", "out"}``.
What comes back are JSON lines on the original standard output: progress, then a result or an error.
The child knows no database and no broker; when it crashes, only it is lost.
"""

import hashlib
import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from workers import readers


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
    # Imported before the process is confined: it may need more to load than to run.
    from workers.science.errors import Cancelled, ScienceError

    confined = None
    try:
        step = find_step(call["step"])
        load_kernels(call["step"], call["arguments"])
        confined = confine(call["step"], call["arguments"], call["out"])
        result = step(**call["arguments"], out=call["out"], on_progress=report)
        report.send(result=result, files=seal(Path(call["out"])), landlock=confined)
    except ScienceError as error:
        report.send(error=str(error), detail="", landlock=confined)
    except Cancelled:
        report.send(cancelled=True)
    except MemoryError:
        report.send(error=out_of_memory(call), detail="")
    except Exception:
        report.send(error="", detail=traceback.format_exc())
    return 0


def load_kernels(step: str, arguments: dict[str, Any]) -> None:
    """Load the compiled loops of a step over frames, while what is missing can still be compiled and kept."""
    if step in ("index.index_range", "condense.condense_range"):
        from workers.science.warm import load_kernels

        load_kernels(arguments["source"]["dtype"])


def confine(step: str, arguments: dict[str, Any], out: str) -> int | None:
    """Give up what reading other people's files does not need, if that is what `step` does.

    Returns the version of Landlock that holds, 0 if the kernel has none, None if `step` is no reader.
    """
    if not readers.is_reader(step):
        return None
    from workers.science.io import sandbox

    sandbox.limit_files(readers.OPEN_FILES, readers.PREVIEW_BYTES if "inspect" in step else None)
    read, written = readers.read_places(arguments), [out, *readers.written_places(arguments)]
    for folder in written:  # a rule needs a folder that is there
        Path(folder).mkdir(parents=True, exist_ok=True)
    if readers.has_accelerator(step):
        return sandbox.confine([*read, *readers.ACCELERATORS], written, ["/dev"])
    sandbox.limit_memory(readers.memory_bytes(arguments))
    if seconds := readers.cpu_seconds(step, arguments):
        sandbox.limit_cpu(seconds)
    return sandbox.confine(read, written)


def out_of_memory(call: dict[str, Any]) -> str:
    """Say for the user that a step needed more memory than there is, or than a reader may have."""
    if readers.is_reader(call["step"]) and not readers.has_accelerator(call["step"]):
        bound = readers.memory_bytes(call["arguments"]) // 2**20
        name = readers.named_files(call["arguments"]) or "The data"
        return (
            f"{name}: needs more than the {bound} MiB that a reader may take. Write smaller chunks or frames."
        )
    return "Out of memory. Give the worker more memory, or take a smaller recipe."


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
