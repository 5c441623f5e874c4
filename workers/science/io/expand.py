"""A folder, a pattern or a list of files is one data set: say which files it stands for, in which order.

The portal does the same with names alone, when a person registers files (`webapp/datasets/browse.py`); one
table of cases holds both to the same answers.
"""

import fnmatch
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from workers.science.errors import SourceError

# Names decide only what stands in a folder or fits a pattern; what a file is, its content says.
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
MAX_FILES = 20_000
_WILD = re.compile(r"[*?\[]")
_DATA_OF_MASTER = re.compile(r"(.*)_data_[0-9]+\.h5", re.DOTALL)


def expand_sources(sources: Sequence[str], roots: Sequence[str]) -> list[str]:
    """Put the files in the place of folders and patterns.

    Parameters
    ----------
    sources : sequence of str
        Files, folders (the readable files that lie directly in them) and patterns with ``*``, ``?`` and
        ``[...]``, in the order of the data set. Of a folder or a pattern, data files whose master is there,
        too, are left out.
    roots : sequence of str
        Folders below which names may be looked up.

    Returns
    -------
    files : list of str
        Files as they were named; those of a folder or a pattern in natural order, each file once.

    Raises
    ------
    SourceError
        If a folder or pattern lies outside of the roots or holds no readable file, or if there are too many.
    """
    if not sources:
        raise SourceError("sources", "no file was named", "Choose at least one file")
    files: dict[str, str] = {}
    for source in sources:
        for file in _expand(source, roots):
            files.setdefault(os.path.realpath(file), file)
            if len(files) > MAX_FILES:
                raise SourceError(source, f"makes more than {MAX_FILES} files", "Name fewer at a time")
    return list(files.values())


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Return a key by which run_2 comes before run_10.

    Parameters
    ----------
    name : str
        Name or path of a file.

    Returns
    -------
    key : list of tuple
        Numbers compare by value, the rest without regard to case; the name itself decides what is left.
    """
    parts = re.split(r"([0-9]+)", name.lower())
    key = [(1, int(part), "") if place % 2 else (0, 0, part) for place, part in enumerate(parts)]
    return [*key, (0, 0, name)]


def _expand(source: str, roots: Sequence[str]) -> list[str]:
    if "\0" in source:
        raise SourceError(repr(source), "is no path", "Choose a file")
    if Path(source).is_dir():
        _check_inside(source, source, roots)
        found = _files_of(source, "*")
        cause = "holds no file whose name says that it can be read"
    elif _WILD.search(source) and not os.path.lexists(source):
        found = _match(source, roots)
        cause = "fits no file whose name says that it can be read"
    else:
        return [source]
    inside = _without_data_of_masters([file for file in found if _is_inside(file, roots)])
    if not inside:
        raise SourceError(source, cause, f"The endings are {', '.join(SUFFIXES)}")
    return sorted(inside, key=natural_key)


def _without_data_of_masters(files: list[str]) -> list[str]:
    """Leave to a master (a_master.h5) its data files (a_data_000001.h5), which it links to one by one."""
    there = set(files)
    of_master = {file: _DATA_OF_MASTER.fullmatch(file) for file in files}
    return [file for file, match in of_master.items() if not (match and f"{match[1]}_master.h5" in there)]


def _match(pattern: str, roots: Sequence[str]) -> list[str]:
    *folders, name = Path(pattern).absolute().parts
    if "**" in pattern:
        raise SourceError(pattern, "looks through all folders below (**)", "Name the folders that you mean")
    plain = next(number for number, part in enumerate([*folders, name]) if _WILD.search(part))
    start = str(Path(*folders[:plain]))
    _check_inside(pattern, start, roots)
    found = [start]
    for part in folders[plain:]:
        found = [inner for folder in found for inner in _folders_of(folder, part, roots)]
        if len(found) > MAX_FILES:
            raise SourceError(pattern, f"fits more than {MAX_FILES} folders", "Name fewer at a time")
    return [file for folder in found for file in _files_of(folder, name)]


def _folders_of(folder: str, pattern: str, roots: Sequence[str]) -> list[str]:
    fitting = [entry.path for entry in _entries(folder, pattern) if _is_a(entry.is_dir)]
    return [path for path in fitting if _is_inside(path, roots)]


def _files_of(folder: str, pattern: str) -> list[str]:
    entries = _entries(folder, pattern)
    return [entry.path for entry in entries if entry.name.lower().endswith(SUFFIXES) and _is_a(entry.is_file)]


def _is_a(kind: Callable[[], bool]) -> bool:
    try:
        return kind()
    except OSError:  # a link that leads to itself
        return False


def _entries(folder: str, pattern: str) -> Iterator[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and fnmatch.fnmatchcase(entry.name, pattern):
                    yield entry
    except OSError as error:
        cause = f"the folder cannot be read ({error.strerror})"
        raise SourceError(folder, cause, "Ask its owner for the right to read it") from error


def _check_inside(named: str, folder: str, roots: Sequence[str]) -> None:
    if not _is_inside(folder, roots):
        cause = "lies outside the folders that may be read"
        raise SourceError(named, cause, "Choose a folder below an allowed one")


def _is_inside(path: str, roots: Sequence[str]) -> bool:
    real = os.path.realpath(path)
    insides = (os.path.realpath(root).rstrip(os.sep) + os.sep for root in roots)
    return any((real + os.sep).startswith(inside) for inside in insides)
