"""Source columns of HDF5 files: what a file knows of each frame besides its counts."""

import re
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.audit import check_stored, hdf5_errors
from workers.science.io.conventions import Column, Convention, match_paths
from workers.science.io.links import GuardedFile

MAX_COLUMNS = 64
MAX_INDEX = 10_000_000
_MAX_ATTRIBUTE_BYTES = 64 * 1024
_CONSTANT_SIZE = 4  # such as the pixel size in x and y
_LONGEST_UNIT = 24


@dataclass(frozen=True)
class Rows:
    """Which frames of a file are meant.

    Parameters
    ----------
    lo, hi : int
        Half-open range in the file's own count of frames.
    n_file : int
        Number of frames of the file.
    entries : list of int or None
        Numbers of the groups of these frames, where each lies in a group of its own.
    """

    lo: int
    hi: int
    n_file: int
    entries: list[int] | None = None

    @property
    def n_frames(self) -> int:
        """Number of frames meant."""
        return self.hi - self.lo


def find_columns(
    file: GuardedFile, convention: Convention, dataset_path: str, rows: Rows
) -> dict[str, dict[str, Any]]:
    """Find the source columns that a file has.

    Parameters
    ----------
    file : GuardedFile
        An open file.
    convention : Convention
        Its layout.
    dataset_path : str
        Path of the frames, with ``{entry}`` where each lies in a group of its own.
    rows : Rows
        All frames of the file.

    Returns
    -------
    columns : dict
        By name: ``unit``, ``title``, and what `read_column` needs.
    """
    columns: dict[str, dict[str, Any]] = {}
    used: set[str] = set()
    for column in convention.columns:
        for pattern in column.paths:
            pattern = _fill(pattern, dataset_path)
            for path in _matches(file, pattern, rows):
                name = column.name if column.name != "*" else re.sub(r"\W+", "_", path.rsplit("/", 1)[1])
                if name in columns or path in used or len(columns) >= MAX_COLUMNS:
                    continue
                if not _is_column(file, path, rows, column):
                    continue
                used.add(path)
                columns[name] = _place(file, column, name, pattern, path)
    return columns


def read_column(file: GuardedFile, place: dict[str, Any], rows: Rows) -> NDArray[np.float64]:
    """Read one source column.

    Parameters
    ----------
    file : GuardedFile
        An open file.
    place : dict
        What `find_columns` found, perhaps in another file of the data set.
    rows : Rows
        Which frames.

    Returns
    -------
    values : ndarray of shape (rows.n_frames,), float64
        NaN where the file does not tell.
    """
    try:
        values = _read_values(file, place, rows) * place["scale"]
        if place["period"]:
            period = _read_number(file, place["period"])
            values = np.mod(values, period) == 0 if period > 0 else np.full(rows.n_frames, np.nan)
    except SourceError:  # the frames count, and are there
        return np.full(rows.n_frames, np.nan)
    return values.astype(np.float64)


def read_texts(node: h5py.Dataset, name: str) -> list[str]:
    """Read an attribute as texts; none if it is not there or too long to be one.

    Parameters
    ----------
    node : h5py.Dataset
        What has the attribute.
    name : str
        Of the attribute.

    Returns
    -------
    texts : list of str
        One for each item of the attribute.
    """
    with hdf5_errors(node.name or name):
        if name not in node.attrs or node.attrs.get_id(name).get_storage_size() > _MAX_ATTRIBUTE_BYTES:
            return []
        values = np.ravel(node.attrs[name]).tolist()
    return [item.decode(errors="replace") if isinstance(item, bytes) else str(item) for item in values]


def _fill(pattern: str, dataset_path: str) -> str:
    group = dataset_path.rsplit("/", 1)[0]
    detector = group.split("/tag_{entry}")[0]
    filled = pattern.replace("{group}", group).replace("{detector}", detector)
    return re.sub(r"/run_\d+/", "/run_*/", filled)  # the next file is another run


def _matches(file: GuardedFile, pattern: str, rows: Rows) -> list[str]:
    if "{entry}" in pattern:
        return (
            [pattern]
            if rows.entries and match_paths(file, pattern.replace("{entry}", str(rows.entries[0])))
            else []
        )
    return match_paths(file, pattern)


def _is_column(file: GuardedFile, path: str, rows: Rows, column: Column) -> bool:
    try:
        node = _numbers(file, path.replace("{entry}", str(rows.entries[0]) if rows.entries else ""))
        if "{entry}" in path or node.size == 1:
            return node.size == 1 and column.name != "*"
        if node.size <= _CONSTANT_SIZE and column.name != "*":
            return True
        n_values = node.shape[0]
        if column.index and rows.entries:
            return node.size == n_values == read_numbers(file, column.index).size
        return node.size == n_values == rows.n_file
    except SourceError:
        return False


def _place(file: GuardedFile, column: Column, name: str, pattern: str, path: str) -> dict[str, Any]:
    if column.name == "*":
        pattern = f"{pattern.rsplit('/', 1)[0]}/{path.rsplit('/', 1)[1]}"
    title = column.title or name.replace("_", " ")
    unit = column.unit if column.scale != 1 else _unit_in_file(file, path) or column.unit
    return {
        "title": title,
        "unit": unit,
        "path": path,
        "pattern": pattern,
        "scale": column.scale,
        "period": column.period,
        "index": column.index,
    }


def _unit_in_file(file: GuardedFile, path: str) -> str:
    if "{entry}" in path:
        return ""
    node = file.locate(path).node
    texts = read_texts(node, "units") or read_texts(node, "unit")
    return texts[0] if texts and len(texts[0]) <= _LONGEST_UNIT and texts[0].isprintable() else ""


def _read_values(file: GuardedFile, place: dict[str, Any], rows: Rows) -> NDArray:
    if "{entry}" in place["path"]:
        paths = [place["path"].replace("{entry}", str(entry)) for entry in rows.entries or []]
        return np.array([_read_number(file, path) for path in paths])
    path = place["path"]
    try:
        node = _numbers(file, path)
    except SourceError:  # the file is of another run, whose number stands in the path
        path = next(iter(match_paths(file, place["pattern"])), path)
        node = _numbers(file, path)
    with hdf5_errors(file.subject(path)):
        if node.size == 1 or (node.size <= _CONSTANT_SIZE and node.size != rows.n_file):
            values = np.unique(node[()])
            return np.full(rows.n_frames, values[0] if len(values) == 1 else np.nan, np.float64)
        if place["index"] and rows.entries is not None:
            return _pick(node[()], read_numbers(file, place["index"]), rows.entries)
        if node.size == node.shape[0] == rows.n_file:
            return node[rows.lo : rows.hi].reshape(rows.n_frames).astype(np.float64)
    return np.full(rows.n_frames, np.nan)


def _read_number(file: GuardedFile, path: str) -> float:
    try:
        node = _numbers(file, path)
        with hdf5_errors(file.subject(path)):
            return float(np.ravel(node[()])[0]) if node.size == 1 else np.nan
    except SourceError:
        return np.nan


def read_numbers(file: GuardedFile, pattern: str) -> NDArray:
    """Read a list of numbers, of bounded length, or raise SourceError."""
    path = next(iter(match_paths(file, pattern)), pattern)
    node = _numbers(file, path)
    if node.size > MAX_INDEX:
        raise SourceError(file.subject(path), f"lists {node.size} numbers", "Choose another dataset")
    with hdf5_errors(file.subject(path)):
        return np.ravel(node[()])


def _pick(values: NDArray, numbers: NDArray, wanted: list[int]) -> NDArray:
    row_of = {int(number): row for row, number in enumerate(numbers)}
    rows = [row_of.get(number, -1) for number in wanted]
    flat = np.append(np.ravel(values).astype(np.float64), np.nan)
    return flat[rows]


def _numbers(file: GuardedFile, path: str) -> h5py.Dataset:
    """Find a dataset of plain numbers of one value or one a frame, audited."""
    node = file.locate(path).node
    if not isinstance(node, h5py.Dataset):
        raise SourceError(file.subject(path), "is not a dataset", "Choose one of the listed datasets")
    with hdf5_errors(file.subject(path)):
        check_stored(node, file.subject(path))
        if node.is_virtual or not node.size:
            raise SourceError(file.subject(path), "is no column of numbers", "Choose another dataset")
    return node
