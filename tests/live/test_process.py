"""The watch in a process of its own, as workers run it: killed, started again, and stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.live.synthetic import DISC, STREAK, make_frames, write_file
from workers.live.ledger import LEDGER, read_rows


def start_child(network: Path, tmp_path: Path, number: int) -> subprocess.Popen:
    out = tmp_path / f"out-{number}"
    out.mkdir()
    arguments = {
        "folder": str(tmp_path / "arriving"),
        "network_dir": str(network),
        "reference": None,
        "session_dir": str(tmp_path / "session"),
        "poll_s": 0.1,
    }
    call = {"step": "watch.watch_folder", "arguments": arguments, "out": str(out)}
    child = subprocess.Popen(
        [sys.executable, "-m", "workers.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
    )
    child.stdin.write(json.dumps(call).encode())
    child.stdin.close()
    return child


def wait_for(condition: Callable[[], bool], child: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert child.poll() is None, child.stdout.read().decode()[-2000:]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def n_rows(tmp_path: Path) -> int:
    path = tmp_path / "session" / LEDGER
    return sum(1 for _ in read_rows(path)) if path.exists() else 0


def test_a_killed_watch_loses_no_frame_and_sorts_none_twice_and_a_stop_is_its_normal_end(network, tmp_path):
    (tmp_path / "arriving").mkdir()
    for number in range(4):
        write_file(tmp_path / "arriving" / f"{number}.h5", make_frames([DISC, STREAK] * 50, seed=number))
    first = start_child(network, tmp_path, 1)
    wait_for(lambda: n_rows(tmp_path) > 0, first)
    first.kill()
    first.wait()
    first.stdout.close()
    n_before = n_rows(tmp_path)
    second = start_child(network, tmp_path, 2)
    wait_for(lambda: n_rows(tmp_path) == 400, second)
    second.send_signal(signal.SIGTERM)
    *_, last = second.stdout.read().splitlines()
    second.stdout.close()
    assert second.wait() == 0
    message = json.loads(last)
    assert message["result"]["n_frames"] == 400
    assert message["result"]["n_files"] == 4
    assert list(message["files"]) == ["counts.json"]
    frames = [(row["file"], row["index"]) for row in read_rows(tmp_path / "session" / LEDGER)]
    assert sorted(frames) == [(f"{number}.h5", index) for number in range(4) for index in range(100)]
    assert 0 < n_before < 400
