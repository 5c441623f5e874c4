"""Read the environment in one place, and refuse values that make no sense."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def env_str(name: str, default: str = "") -> str:
    """Return `name`, or the content of the file that `name`_FILE points at (for secrets)."""
    file = os.environ.get(f"{name}_FILE", "")
    if file:
        try:
            return Path(file).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE={file} cannot be read: {error.strerror}.") from error
    return os.environ.get(name, "") or default


def env_bool(name: str, default: bool) -> bool:
    """Return `name` as a truth value; only 1, 0, true and false are understood."""
    value = env_str(name).lower()
    if value in ("1", "true"):
        return True
    if value in ("0", "false"):
        return False
    if value:
        raise ImproperlyConfigured(f"{name}={value} is not understood. Write 1 or 0.")
    return default


def env_int(name: str, default: int, *, minimum: int = 0) -> int:
    """Return `name` as a whole number not below `minimum`."""
    value = env_str(name)
    if not value:
        return default
    if not value.isdigit() or int(value) < minimum:
        raise ImproperlyConfigured(f"{name}={value} must be a whole number, at least {minimum}.")
    return int(value)


def env_choice(name: str, choices: tuple[str, ...]) -> str:
    """Return `name` as one of `choices`, by default the first."""
    value = env_str(name, choices[0]).lower()
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value} is not understood. Write one of {', '.join(choices)}.")
    return value


def env_list(name: str, default: list[str] | None = None) -> list[str]:
    """Return `name` split at commas."""
    return [part.strip() for part in env_str(name).split(",") if part.strip()] or (default or [])


def env_paths(name: str) -> list[Path]:
    """Return `name` split at colons, as absolute paths."""
    paths = [Path(part) for part in env_str(name).split(":") if part]
    for path in paths:
        if not path.is_absolute():
            raise ImproperlyConfigured(f"{name}: {path} is not an absolute path.")
    return paths


def env_roots(name: str, data: Path) -> list[Path]:
    """Return the folders of `name` for registering data; by default `sources` in the data folder.

    None of them may open the rest of the data folder: by a link in a file, or by its path, a member of one
    group would read what another group uploaded.
    """
    own = data / "sources"
    roots = env_paths(name) or [own]
    for root in roots:
        real = root.resolve()
        is_above = data.is_relative_to(real)
        if is_above or (real.is_relative_to(data) and not real.is_relative_to(own)):
            raise ImproperlyConfigured(
                f"{name}: {root} {'holds' if is_above else 'lies inside'} the data folder {data}, so "
                "that a link in a file would lead to what other groups uploaded. Name folders outside of it, "
                f"or {own}, or move FRINGE_DATA."
            )
    return roots


KEPT_OPEN_S = 600  # a thread keeps its connection: opening one takes longer than storing a label


def env_database(name: str, sqlite_path: Path) -> dict:
    """Return Django's settings for the database URL in `name`, or for SQLite at `sqlite_path`."""
    url = env_str(name)
    if not url:
        return _sqlite(sqlite_path)
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
        raise ImproperlyConfigured(
            f"{name} must look like postgresql://user:password@host:5432/name, or be empty for SQLite."
        )
    host = parts.hostname or ""
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.strip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(query.get("host", host)),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": KEPT_OPEN_S,
        "CONN_HEALTH_CHECKS": True,
    }


def _sqlite(path: Path) -> dict:
    # WAL without IMMEDIATE fails most read-then-write transactions with "database is locked";
    # FULL because a label that was acknowledged must survive a power cut.
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": KEPT_OPEN_S,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
