"""A frame server in a process of its own, and a client of a few lines that knows only what is documented."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]


class ServedFrames:
    """`python -m workers.frames` on a unix socket; end it with `stop`."""

    def __init__(self, data: Path, *options: str, address: str = "") -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="fringe-frames-")  # a socket's path must be short
        self.address = address or str(Path(self.folder.name) / "frames.sock")
        self.log = Path(self.folder.name) / "log"
        command = [sys.executable, "-m", "workers.frames", "--listen", self.address, "--data", str(data)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, *options],
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_up()

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                self.connect().close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"the frame server did not start: {self.log.read_text()}")

    def connect(self) -> socket.socket:
        """Open a connection."""
        if "/" in self.address:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(self.address)
            return connection
        host, _, port = self.address.rpartition(":")
        return socket.create_connection((host, int(port)))

    def ask_line(self, line: bytes) -> tuple[dict[str, Any], bytes]:
        """Send bytes; return the answer's line and what follows."""
        with self.connect() as connection:
            connection.settimeout(60)
            connection.sendall(line)
            answer = b"".join(iter(lambda: connection.recv(2**20), b""))
        header, _, body = answer.partition(b"\n")
        return json.loads(header or "{}"), body

    def ask(self, op: str, source: Path | str = "", **task: Any) -> tuple[dict[str, Any], NDArray | None]:
        """Ask for an operation; return the answer's line and its numbers."""
        asked = {"op": op, "source": str(source), **task}
        header, body = self.ask_line(json.dumps(asked).encode() + b"\n")
        if not header.get("length"):
            return header, None
        assert len(body) == header["length"]
        return header, np.frombuffer(body, header["dtype"]).reshape(header["shape"])

    def readers(self) -> list[dict[str, Any]]:
        """Return what the server says of its readers."""
        return self.ask("status")[0]["readers"]

    def stop(self) -> None:
        """End the server, and with it its readers."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        finally:
            self.process.kill()
            self.folder.cleanup()
