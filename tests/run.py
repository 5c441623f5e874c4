"""Run all tests: science, then everything with a database on SQLite and on PostgreSQL, then the browser.

`python -m tests.run`; it goes on after a failure, and ends with the worst exit code.
"""

import os
import subprocess
import sys
import time

from tests.chromium import NoChromiumError, find_chromium

UNDER_FIRE = "tests/integration/test_line_under_fire.py"  # the sort command brings its own SQLite
# What needs a database runs on both; the science has none, and the browser's story is told once.
RUNS = (
    ("science", "sqlite", ["tests/science", "tests/live", "tests/frames"]),
    ("portal on SQLite", "sqlite", ["tests/webapp", "tests/jobs", "tests/architecture", "tests/integration"]),
    ("portal on PostgreSQL", "postgresql", ["tests/webapp", "tests/jobs", UNDER_FIRE]),
    ("browser", "sqlite", ["tests/browser"]),
)


def main() -> int:
    """Run the tests and return the exit code."""
    try:
        chromium = find_chromium()
    except NoChromiumError as error:
        print(error, file=sys.stderr)
        return 2
    failed = []
    for title, database, folders in RUNS:
        print(f"== {title}", flush=True)
        started = time.monotonic()
        environment = os.environ | {"CHROMIUM": chromium, "FRINGE_TEST_DATABASE": database}
        if database == "sqlite":
            environment.pop("DATABASE_URL", None)
        command = [sys.executable, "-m", "pytest", "-q", *folders, *sys.argv[1:]]
        code = subprocess.run(command, env=environment, check=False).returncode
        print(f"== {title}: exit code {code} after {time.monotonic() - started:.0f} s", flush=True)
        if code:
            failed.append(title)
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
