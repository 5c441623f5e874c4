"""Labels that came with the file, and slots of a stack that were never filled."""

import h5py
import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.audit import ALLOWED_FILTERS, MAX_CHUNK_BYTES, check_stored, hdf5_errors
from workers.science.io.conventions import Convention, match_paths
from workers.science.io.links import GuardedFile
from workers.science.io.source_columns import MAX_INDEX, Rows, read_texts

MAX_LABELS = 256
_LONGEST_TEXT = 1024
_MAX_TEXT_BYTES = 256 * 2**20


def find_labels(
    file: GuardedFile, convention: Convention, dataset_path: str, rows: Rows
) -> tuple[str, list[str]] | None:
    """Find the labels that a file holds.

    Parameters
    ----------
    file : GuardedFile
        An open file.
    convention : Convention
        Its layout.
    dataset_path : str
        Path of the frames.
    rows : Rows
        All frames of the file.

    Returns
    -------
    found : tuple of (str, list of str), or None
        Path, with ``{entry}`` where each frame has a vector of its own, and the names of the labels:
        the attribute ``headings``, else "label 1", "label 2", and so on.
    """
    beside = f"{dataset_path.rsplit('/', 1)[0]}/tags"
    for pattern in convention.labels:
        if "{entry}" in pattern:
            paths = [pattern] if rows.entries else []
        else:
            paths = [*([] if "{entry}" in beside else [beside]), *match_paths(file, pattern)]
        for path in paths:
            try:
                node = _numbers(file, path.replace("{entry}", str((rows.entries or [0])[0])))
                n_labels = _count(node, path, rows)
                if n_labels:
                    return path, label_headings(node, n_labels)
            except SourceError:
                continue
    return None


def read_file_labels(file: GuardedFile, path: str, n_labels: int, rows: Rows) -> NDArray[np.bool_]:
    """Read the labels of some frames.

    Parameters
    ----------
    file : GuardedFile
        An open file.
    path : str
        As `find_labels` found it, perhaps in another file of the data set.
    n_labels : int
        Number of labels.
    rows : Rows
        Which frames.

    Returns
    -------
    labels : ndarray of shape (rows.n_frames, n_labels), bool
        True where the value is positive; all False where the file has none.
    """
    labels = np.zeros((rows.n_frames, n_labels), bool)
    places = (
        [path] if "{entry}" not in path else [path.replace("{entry}", str(e)) for e in rows.entries or []]
    )
    for number, place in enumerate(places):
        try:
            node = _numbers(file, place)
            with hdf5_errors(file.subject(place)):
                if "{entry}" in path and node.size == n_labels:
                    labels[number] = np.ravel(node[()]) > 0
                elif "{entry}" not in path and node.shape == (n_labels, rows.n_file):
                    labels[:] = node[:, rows.lo : rows.hi].T > 0
        except SourceError:  # the frames count, and are there
            continue
    return labels


def find_unused_slots(file: GuardedFile, convention: Convention, n_frames: int) -> NDArray[np.int64]:
    """Find the slots of a stack that hold no event: it was made longer than what came.

    Parameters
    ----------
    file : GuardedFile
        An open file.
    convention : Convention
        Its layout, which says what is 0 or empty there.
    n_frames : int
        Length of the stack.

    Returns
    -------
    slots : ndarray of int64
        Numbers of the frames.
    """
    for pattern in convention.slots:
        for path in match_paths(file, pattern):
            values = _read_any(file, path, n_frames)
            if values is not None:
                is_unused = values == values.dtype.type()
                # where all are empty nobody filled the column, which says nothing about the frames
                return np.flatnonzero(is_unused) if not is_unused.all() else np.zeros(0, np.int64)
    return np.zeros(0, np.int64)


def _count(node: h5py.Dataset, path: str, rows: Rows) -> int:
    if "{entry}" in path:
        n_labels = node.size if node.ndim <= 2 else 0
    else:
        n_labels = node.shape[0] if node.ndim == 2 and node.shape[1] == rows.n_file else 0
    return n_labels if n_labels <= MAX_LABELS else 0


def label_headings(node: h5py.Dataset, n_labels: int) -> list[str]:
    """Return the names of labels: the attribute ``headings``, else "label 1", "label 2", and so on."""
    texts = read_texts(node, "headings")
    if len(texts) == 1 and n_labels > 1:
        texts = _split_text(texts[0])
    # a class scheme tells classes apart by these names, and writes them with semicolons between
    names = [" ".join(text.replace(";", ",").split()) for text in texts]
    is_usable = len(names) == n_labels and all(names) and len(set(names)) == n_labels
    return names if is_usable else [f"label {number}" for number in range(1, n_labels + 1)]


def _split_text(text: str) -> list[str]:
    return [part.strip() for part in text.replace(";", ",").split(",")]


def _read_any(file: GuardedFile, path: str, n_frames: int) -> NDArray | None:
    try:
        node = file.locate(path).node
        is_column = isinstance(node, h5py.Dataset) and node.shape == (n_frames,) and n_frames <= MAX_INDEX
        if not is_column or node.is_virtual:
            return None
        with hdf5_errors(file.subject(path)):
            if node.dtype.kind == "S":
                return node[()] if _is_plain_text(node) else None
            check_stored(node, file.subject(path))
            return node[()]
    except SourceError:
        return None


def read_plain_texts(file: GuardedFile, path: str) -> list[str]:
    """Read texts of a fixed length; raises SourceError where there are none."""
    node = file.locate(path).node
    subject = file.subject(path)
    if not isinstance(node, h5py.Dataset) or node.dtype.kind != "S" or node.ndim != 1 or node.is_virtual:
        raise SourceError(subject, "holds no texts", "Choose another file")
    with hdf5_errors(subject):
        if not _is_plain_text(node):
            raise SourceError(subject, "holds texts that are too large", "Choose another file")
        return [text.decode("utf-8", "replace") for text in node[()].tolist()]


def _is_plain_text(node: h5py.Dataset) -> bool:
    # what `check_stored` asks of numbers, for texts of a fixed length
    plist = node.id.get_create_plist()
    filters = {plist.get_filter(number)[0] for number in range(plist.get_nfilters())}
    n_bytes = node.size * node.dtype.itemsize
    chunk_bytes = int(np.prod(node.chunks)) * node.dtype.itemsize if node.chunks else 0
    return (
        not plist.get_external_count()
        and filters <= ALLOWED_FILTERS
        and node.dtype.itemsize <= _LONGEST_TEXT
        and n_bytes <= _MAX_TEXT_BYTES
        and chunk_bytes <= MAX_CHUNK_BYTES
    )


def _numbers(file: GuardedFile, path: str) -> h5py.Dataset:
    node = file.locate(path).node
    if not isinstance(node, h5py.Dataset):
        raise SourceError(file.subject(path), "is not a dataset", "Choose one of the listed datasets")
    with hdf5_errors(file.subject(path)):
        check_stored(node, file.subject(path))
        if node.is_virtual or not node.ndim:
            raise SourceError(file.subject(path), "holds no labels", "Choose another dataset")
    return node
