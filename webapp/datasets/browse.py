"""Look through the allowed roots, and at nothing outside them.

Each path is resolved first, links included, and then compared with the resolved roots. The web process
reads names and sizes only; what a worker opens later is guarded once more there.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

# The endings of all formats; the content decides later, in a worker, which it is.
SUFFIXES = (
    ".h5",
    ".hdf5",
    ".hdf",
    ".cxi",
    ".nxs",
    ".nx5",
    ".npy",
    ".npz",
    ".tif",
    ".tiff",
    ".cbf",
    ".edf",
    ".img",
    ".emc",
)
N_SHOWN = 1000


class PathRefused(Exception):
    """The path is outside of the allowed folders, missing, or not what was asked for."""


@dataclass(frozen=True)
class Entry:
    """A folder or file of a listing."""

    name: str
    path: Path
    is_folder: bool
    size: int = 0


@dataclass(frozen=True)
class Listing:
    """What a folder holds, as far as it may be shown."""

    folder: Path
    parent: Path | None
    entries: list[Entry]
    n_left_out: int = 0

    @property
    def files(self) -> list[Entry]:
        """The entries that are files."""
        return [entry for entry in self.entries if not entry.is_folder]


def allowed_roots() -> list[tuple[Path, bool]]:
    """Return each allowed root, and whether it is there."""
    return [(root, root.is_dir()) for root in settings.ALLOWED_ROOTS]


def resolve_allowed(text: str, roots: Sequence[Path] | None = None) -> Path:
    """Return the real path behind `text`, or refuse it.

    `roots` takes the place of the allowed folders where an operator, who may read what the process may, names
    files on a command line.
    """
    path = Path(text)
    if not text or "\0" in text or not path.is_absolute():
        raise PathRefused(
            f"“{text[:200]}” is not a full path. It has to begin with one of the allowed folders."
        )
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        # The same words inside and outside, so that nobody can feel for files elsewhere.
        raise PathRefused(_refusal(path)) from error
    if not any(real.is_relative_to(root.resolve()) for root in roots or settings.ALLOWED_ROOTS):
        raise PathRefused(_refusal(path))
    if (
        not roots
        and real.is_relative_to(settings.DATA_DIR)
        and not real.is_relative_to(settings.DATA_DIR / "sources")
    ):
        raise PathRefused(_refusal(path))  # a root above the data folder must not open other groups' uploads
    return real


def is_shown(name: str) -> bool:
    """Whether a name is shown: not one that begins with a dot, and not one that is no UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return not name.startswith(".")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Return a key by which run_2 comes before run_10."""
    parts = re.split(r"([0-9]+)", name.lower())
    key = [(1, int(part), "") if place % 2 else (0, 0, part) for place, part in enumerate(parts)]
    return [*key, (0, 0, name)]


def _refusal(path: Path) -> str:
    roots = ", ".join(str(root) for root in settings.ALLOWED_ROOTS)
    return f"{path} is not there, or not inside of an allowed folder. Choose a file below one of: {roots}."


def list_folder(text: str) -> Listing:
    """Return folders and readable files in the folder `text`; links that lead outside are left out."""
    folder = resolve_allowed(text)
    if not folder.is_dir():
        raise PathRefused(f"{folder} is not a folder.")
    try:
        found = [entry for item in os.scandir(folder) if (entry := _entry(item, folder))]
    except OSError as error:
        raise PathRefused(
            f"{folder} cannot be read ({error.strerror}). Ask for the right to read it."
        ) from error
    found.sort(key=lambda entry: (not entry.is_folder, natural_key(entry.name)))
    is_root = any(folder == root.resolve() for root in settings.ALLOWED_ROOTS)
    parent = None if is_root else folder.parent
    return Listing(folder, parent, found[:N_SHOWN], max(0, len(found) - N_SHOWN))


def _entry(item: os.DirEntry, folder: Path) -> Entry | None:
    """Return what may be shown of one name; None for what may not, or what vanished meanwhile."""
    if not is_shown(item.name):
        return None
    try:
        if item.is_symlink():
            resolve_allowed(item.path)
        if item.is_dir():
            return Entry(item.name, folder / item.name, True)
        if item.is_file() and item.name.lower().endswith(SUFFIXES):
            return Entry(item.name, folder / item.name, False, item.stat().st_size)
    except (OSError, PathRefused):
        return None
    return None
