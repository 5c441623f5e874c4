"""A network for all tests of the watch, and a way to run a watch beside a test."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.synthetic import train_network
from workers.live.watch import watch_folder
from workers.science.errors import Cancelled

POLL_S = 0.05


class Running:
    """A watch in a thread, stopped as the job engine stops it: `on_progress` raises."""

    def __init__(self, network: Path, tmp_path: Path, **arguments: Any) -> None:
        self.folder, self.session = tmp_path / "arriving", tmp_path / "session"
        self.out = tmp_path / f"out-{time.monotonic_ns()}"
        self.folder.mkdir(exist_ok=True)
        self.out.mkdir()
        self.is_stopping, self.result, self.error = False, None, None
        self.n_sorted, self.notes = 0, set()
        given = {"reference": None, "poll_s": POLL_S, **arguments}
        self.thread = threading.Thread(target=self._run, args=(network, given))
        self.thread.start()

    def _run(self, network: Path, arguments: dict[str, Any]) -> None:
        try:
            self.result = watch_folder(
                folder=str(self.folder),
                network_dir=str(network),
                session_dir=str(self.session),
                out=str(self.out),
                on_progress=self._on_progress,
                **arguments,
            )
        except Exception as error:  # looked at by the test, in its own thread
            self.error = error

    def _on_progress(self, done: int, total: int, unit: str = "frames", *, note: str = "", point: Any = None):
        self.n_sorted = done
        self.notes.add(note)
        if self.is_stopping:
            raise Cancelled

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert self.thread.is_alive(), f"the watch ended: {self.error!r}"
            assert time.monotonic() < deadline, f"waited in vain; {self.n_sorted} sorted, {self.notes}"
            time.sleep(0.01)

    def stop(self) -> dict[str, Any]:
        self.is_stopping = True
        self.thread.join(20)
        assert not self.thread.is_alive()
        if self.error:
            raise self.error
        return self.result


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_network(tmp_path_factory.mktemp("classifier"))


@pytest.fixture
def watch(network: Path, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(network_dir: Path = network, **arguments: Any) -> Running:
        started.append(Running(network_dir, tmp_path, **arguments))
        return started[-1]

    yield start
    for running in started:
        running.is_stopping = True
        running.thread.join(20)
