"""Run all tests: science, then everything with a database on SQLite and on PostgreSQL, and the browser.

`python -m tests.run`; it goes on after a failure, and ends with exit code 1 if there was one. Much of the
time is waiting for processes that the tests start, so two runs go side by side, and each is printed when it
has ended.
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.chromium import NoChromiumError, find_chromium

UNDER_FIRE = "tests/integration/test_line_under_fire.py"  # the sort command brings its own SQLite


@dataclass(frozen=True)
class Run:
    """Folders of tests, and the database that they are run on."""

    title: str
    database: str
    paths: tuple[str, ...]


# What needs a database runs on both; the science has none, and the browser's story is told once.
LANES = (
    (
        Run("portal on SQLite", "sqlite", ("tests/webapp", "tests/jobs", "tests/architecture")),
        Run("integration on SQLite", "sqlite", ("tests/integration",)),
        Run("portal on PostgreSQL", "postgresql", ("tests/webapp", "tests/jobs", UNDER_FIRE)),
    ),
    (
        Run("science", "sqlite", ("tests/science", "tests/live", "tests/frames")),
        Run("browser", "sqlite", ("tests/browser",)),
    ),
)


def main() -> int:
    """Run the tests and return the exit code."""
    try:
        chromium = find_chromium()
    except NoChromiumError as error:
        print(error, file=sys.stderr)
        return 2
    titles = ", ".join(run.title for lane in LANES for run in lane)
    print(f"Two runs at a time of: {titles}. Each is shown when it has ended.", flush=True)
    with ThreadPoolExecutor(len(LANES)) as pool:
        failed = [
            title for titles in pool.map(lambda lane: run_lane(lane, chromium), LANES) for title in titles
        ]
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run_lane(lane: tuple[Run, ...], chromium: str) -> list[str]:
    """Do one run after the other; return the titles of those that failed."""
    return [run.title for run in lane if run_tests(run, chromium)]


def run_tests(run: Run, chromium: str) -> int:
    """Run pytest in a process of its own, print what it printed, and return its exit code."""
    started = time.monotonic()
    environment = os.environ | {"CHROMIUM": chromium, "FRINGE_TEST_DATABASE": run.database}
    if run.database == "sqlite":
        environment.pop("DATABASE_URL", None)
    command = [sys.executable, "-m", "pytest", "-q", *run.paths, *sys.argv[1:]]
    with tempfile.TemporaryFile("w+") as output:
        code = subprocess.run(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        ).returncode
        output.seek(0)
        seconds = time.monotonic() - started
        print(
            f"== {run.title}\n{output.read()}== {run.title}: exit code {code} after {seconds:.0f} s",
            flush=True,
        )
    return code


if __name__ == "__main__":
    sys.exit(main())
