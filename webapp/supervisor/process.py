"""One supervised process: started, restarted with back-off, ended with the supervisor."""

import ctypes
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_WAIT_S = 30
STABLE_AFTER_S = 60
LARGEST_LOG = 10 * 2**20
PR_SET_PDEATHSIG = 1


@dataclass
class SupervisedProcess:
    """A command that is to run until the supervisor ends."""

    name: str
    command: list[str]
    log_folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen | None = None
    n_failures: int = 0
    started: float = 0.0
    not_before: float = 0.0

    @property
    def log(self) -> Path:
        """The file that takes what the process prints."""
        return self.log_folder / f"{self.name}.log"

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the command in a session of its own, so that Ctrl+C reaches the supervisor alone."""
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | self.environment,
                start_new_session=True,
                preexec_fn=_die_with_supervisor,
            )
        self.started = time.monotonic()

    def tend(self) -> str | None:
        """Restart the process if it has ended; return what happened, if anything did."""
        now = time.monotonic()
        if self.is_running:
            if now - self.started > STABLE_AFTER_S:
                self.n_failures = 0
            return None
        if self.process is not None:
            code, self.process = self.process.returncode, None
            self.n_failures += 1
            self.not_before = now + min(LONGEST_WAIT_S, 2 ** (self.n_failures - 1) / 2)
            return f"{self.name} ended with code {code}; it is started again. Its log is {self.log}."
        if now >= self.not_before:
            self.start()
        return None

    def signal(self, number: int) -> None:
        """Send a signal, if the process is there."""
        if self.is_running:
            self.process.send_signal(number)

    def wait(self, deadline: float) -> None:
        """Wait for the end until `deadline` (monotonic), then kill."""
        if self.process is None:
            return
        try:
            self.process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _die_with_supervisor() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
