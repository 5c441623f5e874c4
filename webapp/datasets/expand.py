"""A folder, a pattern or a list of files is one data set: which files a person means, by their names alone.

The readers do the same when they are given folders and patterns (`workers/science/io/expand.py`); one table
of cases holds both to the same answers.
"""

import fnmatch
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from webapp.datasets.browse import SUFFIXES, PathRefused, is_shown, natural_key, resolve_allowed

MAX_FILES = 20_000
MAX_LENGTH = 1000  # of a path, as the row of a source file holds it
_WILD = re.compile(r"[*?\[]")
_DATA_OF_MASTER = re.compile(r"(.*)_data_[0-9]+\.h5", re.DOTALL)

Roots = Sequence[Path] | None


def check_sources(texts: Sequence[str], roots: Roots = None) -> list[Path]:
    """Return the real paths of the files to register, or refuse the first text that stands for none.

    A folder stands for the readable files that lie directly in it, a pattern for those that fit it, both in
    natural order and without the data files of a master that is there, too; a file that is named twice is
    taken once. `roots` is as for `resolve_allowed`.
    """
    paths: dict[Path, None] = {}
    for text in texts:
        for path in _expand(text, roots):
            if len(str(path)) > MAX_LENGTH:
                raise PathRefused(f"{path} is longer than {MAX_LENGTH} characters. Shorten its names.")
            paths[path] = None
        if len(paths) > MAX_FILES:
            raise PathRefused(f"{text} makes more than {MAX_FILES} files. Name fewer at a time.")
    return list(paths)


def is_pattern(text: str) -> bool:
    """Whether a path has characters of a pattern."""
    return _WILD.search(text) is not None


def _expand(text: str, roots: Roots) -> list[Path]:
    try:
        path = resolve_allowed(text, roots)
    except PathRefused:
        if not is_pattern(text):
            raise
        return _in_order(_match(text, roots), f"{text} fits no file that can be read")
    if path.is_dir():
        return _in_order(_files_of(path, "*", roots), f"{path} holds no file that can be read")
    if path.is_file() and path.name.lower().endswith(SUFFIXES):
        return [path]
    raise PathRefused(
        f"{path} is no file that can be read, by its name: the endings are {', '.join(SUFFIXES)}."
    )


def _in_order(found: Iterable[Path], refusal: str) -> list[Path]:
    files = sorted(without_data_of_masters(found), key=lambda path: natural_key(str(path)))
    if not files:
        raise PathRefused(f"{refusal} (the endings are {', '.join(SUFFIXES)}). Choose another.")
    # A link inside of the allowed folders is registered as what it points at.
    return [path.resolve() for path in files]


def without_data_of_masters(found: Iterable[Path]) -> list[Path]:
    """Leave to a master (a_master.h5) its data files (a_data_000001.h5): only it knows mask and columns."""
    there = set(found)
    of_master = {path: _DATA_OF_MASTER.fullmatch(path.name) for path in there}
    return [
        path
        for path, match in of_master.items()
        if not (match and path.with_name(f"{match[1]}_master.h5") in there)
    ]


def _match(pattern: str, roots: Roots) -> list[Path]:
    if "**" in pattern:
        raise PathRefused(f"{pattern} looks through all folders below (**). Name the folders that you mean.")
    *folders, name = Path(pattern).parts
    plain = next(number for number, part in enumerate([*folders, name]) if is_pattern(part))
    found = [resolve_allowed(str(Path(*folders[:plain])), roots)]
    for part in folders[plain:]:
        found = [inner for folder in found for inner in _fitting(folder, part, roots, is_folder=True)]
        if len(found) > MAX_FILES:
            raise PathRefused(f"{pattern} fits more than {MAX_FILES} folders. Name fewer at a time.")
    return [file for folder in found for file in _files_of(folder, name, roots)]


def _files_of(folder: Path, pattern: str, roots: Roots) -> list[Path]:
    fitting = _fitting(folder, pattern, roots, is_folder=False)
    return [path for path in fitting if path.name.lower().endswith(SUFFIXES)]


def _fitting(folder: Path, pattern: str, roots: Roots, *, is_folder: bool) -> list[Path]:
    """Return what fits in a folder, without what is hidden, gone, or behind a link that leads outside."""
    found = []
    try:
        with os.scandir(folder) as items:
            for item in items:
                if not is_shown(item.name) or not fnmatch.fnmatchcase(item.name, pattern):
                    continue
                if _is_allowed(item, roots, is_folder):
                    found.append(folder / item.name)
    except OSError as error:
        raise PathRefused(
            f"{folder} cannot be read ({error.strerror}). Ask for the right to read it."
        ) from error
    return found


def _is_allowed(item: os.DirEntry, roots: Roots, is_folder: bool) -> bool:
    try:
        if is_folder or item.is_symlink():
            resolve_allowed(item.path, roots)
        return item.is_dir() if is_folder else item.is_file()
    except (OSError, PathRefused):
        return False
