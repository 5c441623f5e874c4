"""A whole portal in processes of its own, as `make up` starts it, for tests that use it like a person."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PASSWORD = "quiet-fringes-by-night"
MANAGE = str(Path(__file__).resolve().parents[2] / "manage.py")


class Portal:
    """`manage.py up` on a data folder and a free port; end it with `stop`."""

    def __init__(self, folder: Path, roots: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
            "FRINGE_DATA": str(folder),
            "FRINGE_ROOTS": str(roots),
            "FRINGE_ADDRESS": self.address,
            "DATABASE_URL": "",
            "JOB_LEASE_S": "20",
        }
        self.manage("migrate", "--verbosity", "0")
        self.process = subprocess.Popen(
            [sys.executable, MANAGE, "up"], env=self.environment, start_new_session=True
        )

    @property
    def url(self) -> str:
        """The address of the home page."""
        return f"http://{self.address}/"

    def manage(self, *arguments: str, given: str = "") -> str:
        """Run a management command to its end."""
        done = subprocess.run(
            [sys.executable, MANAGE, *arguments],
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add_user(self, name: str, group: str) -> None:
        """Add a person as an operator does."""
        self.manage("adduser", name, "--group", group, given=f"{PASSWORD}\n")

    def wait_until_up(self, seconds: float = 60) -> None:
        """Wait for the first answer of the web server."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(self.url, timeout=2).close()
                return
            except OSError:
                assert self.process.poll() is None, "the portal ended by itself"
                time.sleep(0.2)
        raise AssertionError(f"the portal did not answer within {seconds} s")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the portal; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=60)


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of all processes that work on a data folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"FRINGE_DATA={folder}".encode() in environment.split(b"\0") or str(folder).encode() in command:
            found.append(command.replace(b"\0", b" ").decode())
    return found
