"""The frame server as the supervisor runs it: there with the portal, started again, gone with it."""

import hashlib
import json
import os
import signal
import socket
import tempfile
import time
from pathlib import Path

from tests.browser.portal import Portal, processes_of


def socket_of(folder: Path) -> str:
    """Return where the frame server of a data folder listens by default."""
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:10]
    return str(Path(tempfile.gettempdir()) / f"fringe-{os.getuid()}-{digest}" / "frames.sock")


def status_of(folder: Path, seconds: float = 60) -> dict:
    """Ask the frame server how it is, and wait until it is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(socket_of(folder))
                connection.sendall(b'{"op": "status"}\n')
                return json.loads(connection.makefile().readline())
        except (OSError, ValueError):
            time.sleep(0.2)
    raise AssertionError("the frame server did not answer")


def pid_of_server(folder: Path) -> int:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if b"workers.frames" in command and str(folder).encode() in command:
            return int(entry.name)
    raise AssertionError("the frame server is not there")


def test_the_frame_server_comes_and_goes_with_the_portal_and_is_started_again(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    portal = Portal(folder, tmp_path / "runs")
    try:
        assert status_of(folder) == {"ok": True, "readers": []}
        mode = Path(socket_of(folder)).stat().st_mode & 0o777
        assert mode == 0o600
        first = pid_of_server(folder)
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while Path(f"/proc/{first}").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert status_of(folder)["ok"]
        assert pid_of_server(folder) != first
    finally:
        portal.stop()
    assert [command for command in processes_of(folder) if "workers.frames" in command] == []
