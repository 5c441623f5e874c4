"""All processes of one Fringe as one group: started together, kept alive, ended together."""

import fcntl
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.management import call_command

from webapp.supervisor.broker import NoBrokerError, find_redis, make_runtime_dir, redis_command
from webapp.supervisor.process import SupervisedProcess

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
WEB_THREADS = 32  # uploads, frames and patterns hold one for seconds, so there are more than cores
PATIENCE_S = 20  # from asking all to end to killing what is left


class AlreadyRunningError(RuntimeError):
    """Another supervisor runs on this data folder."""


class PortTakenError(RuntimeError):
    """The address of the web server is in use."""


class Stopped(Exception):
    """Ctrl+C or SIGTERM."""


class ProcessGroup:
    """Redis, workers, the reaper and, if `address` is given, the web server and the server of single frames.

    Use it as a context manager from the main thread, and call `tend` often: it restarts what ended.
    """

    def __init__(self, *, address: str = "", say: Callable[[str], None] = logger.warning) -> None:
        self.address = address
        self.say = say
        self.lock: Any = None
        self.processes: list[SupervisedProcess] = []
        self.handlers: dict[int, Any] = {}

    def __enter__(self) -> "ProcessGroup":
        self.lock = take_lock()
        self.handlers = {number: signal.signal(number, _stop) for number in SIGNALS}
        try:
            if self.address:
                _require_free(self.address)
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl+C must not leave half of them behind
        broker = [process for process in self.processes if process.name == "redis"]
        others = [process for process in self.processes if process.name != "redis"]
        for processes in (others, broker):  # workers give their shards back; Redis goes last
            deadline = time.monotonic() + PATIENCE_S
            for process in processes:
                process.signal(signal.SIGTERM)
            for process in processes:
                process.wait(deadline)
        self.lock.close()
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def tend(self) -> None:
        """Restart what has ended."""
        for process in self.processes:
            if message := process.tend():
                self.say(message)

    def _start(self) -> None:
        prepare_database()
        if not settings.REDIS_URL:
            self._add("redis", redis_command(find_redis()))
        self._wait_for_broker()
        for place in range(settings.CPU_WORKERS):
            self._add(f"worker-cpu-{place + 1}", worker_command("cpu"), {"OMP_NUM_THREADS": "1"})
        for place, environment in enumerate(accelerators()):
            self._add(f"worker-gpu-{place + 1}", worker_command("gpu"), environment)
        if self.address:
            self._add("worker-live", worker_command("live"), {"OMP_NUM_THREADS": "1"})
            if settings.STARTS_FRAME_SERVER:
                self._add("frames", frames_command(), {"OMP_NUM_THREADS": "1"})
            self._add("web", web_command(self.address))
        self._add("reaper", [sys.executable, str(settings.BASE_DIR / "manage.py"), "reap"])

    def _add(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> None:
        folder = settings.DATA_DIR / "logs"
        folder.mkdir(exist_ok=True)
        root = {"PYTHONPATH": str(settings.BASE_DIR), "FRINGE_DATA": str(settings.DATA_DIR)}
        process = SupervisedProcess(name, command, folder, root | (environment or {}))
        process.start()
        self.processes.append(process)

    def _wait_for_broker(self) -> None:
        client = broker_client()
        for _ in range(100):
            self.tend()
            try:
                client.ping()
                return
            except (redis.ConnectionError, redis.TimeoutError):
                time.sleep(0.1)
            except redis.BusyLoadingError:
                time.sleep(0.5)
        where = settings.REDIS_URL or settings.DATA_DIR / "logs" / "redis.log"
        raise NoBrokerError(f"Redis does not answer. Look at {where}.")


def take_lock() -> Any:
    """Take the lock of the data folder, or say who holds it."""
    lock = (settings.DATA_DIR / "fringe.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise AlreadyRunningError(
            f"Fringe runs on {settings.DATA_DIR} already (process {holder}). "
            "Stop that one first, or set FRINGE_DATA to another folder."
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def prepare_database() -> None:
    """Bring the tables up to date, one process at a time."""
    with (settings.DATA_DIR / "migrate.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        call_command("migrate", interactive=False, verbosity=0)


def broker_client() -> redis.Redis:
    """Return a client of the broker."""
    if settings.REDIS_URL:
        return redis.Redis.from_url(settings.REDIS_URL)
    make_runtime_dir()
    return redis.Redis(unix_socket_path=str(settings.REDIS_SOCKET))


def worker_command(queue: str) -> list[str]:
    """Return the command line of a worker: one shard at a time, its science in a child process."""
    return [
        *(sys.executable, "-m", "celery", "--app", "workers.celery", "worker"),
        *("--queues", queue, "--pool", "solo", "--hostname", f"{queue}-{os.urandom(3).hex()}@%h"),
        *("--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def accelerators() -> list[dict[str, str]]:
    """Return the environment of each accelerator's worker: one a GPU, or one that computes on the CPU."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        visible = [name for name in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if name]
    else:
        visible = [str(number) for number in range(len(list(Path("/dev").glob("nvidia[0-9]*"))))]
    return [{"CUDA_VISIBLE_DEVICES": name} for name in visible] or [{}]


def frames_command() -> list[str]:
    """Return the command line of the server of full-resolution frames, on a socket for this user alone."""
    make_runtime_dir()
    return [
        *(sys.executable, "-m", "workers.frames"),
        *("--listen", settings.FRAME_SERVER, "--data", str(settings.DATA_DIR)),
    ]


def web_command(address: str) -> list[str]:
    """Return the command line of the web server."""
    return [
        *(sys.executable, "-m", "gunicorn", "webapp.wsgi:application", "--bind", address),
        *("--worker-class", "gthread", "--workers", "1", "--threads", str(WEB_THREADS)),
        *("--timeout", "120", "--graceful-timeout", "5", "--log-level", "warning"),
        *("--chdir", str(settings.BASE_DIR)),
    ]


def _require_free(address: str) -> None:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise PortTakenError(
                f"{address} cannot be used ({error.strerror}). Set FRINGE_ADDRESS to a free one."
            ) from error


def _stop(number: int, frame: object) -> None:
    raise Stopped
