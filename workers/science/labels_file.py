"""Labels as files: the ``.npz`` that the steps read, and the CSV ``index,classes`` that people write."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import TrainingError

SEPARATOR = ";"  # between the classes of one frame, in every CSV that Fringe reads or writes
HEADER = ["index", "classes"]


class LabelsError(TrainingError):
    """A file of labels cannot be used as it is."""


@dataclass(frozen=True)
class Labels:
    """What people said about some frames.

    Attributes
    ----------
    indices : ndarray of shape (m,), int64
        Numbers of the labelled frames in the data set.
    matrix : ndarray of shape (m, k), bool
        True where the class applies; a row of False means "seen, none applies".
    labelled_by : ndarray of shape (m,), str
        Who labelled the frame; empty where unknown.
    """

    indices: NDArray[np.int64]
    matrix: NDArray[np.bool_]
    labelled_by: NDArray[np.str_]


def check_classes(classes: list[str], *, subject: str = "Classes") -> None:
    """Refuse a list of class names that could not be told apart again in a CSV.

    Raises
    ------
    LabelsError
        If the list is empty, or a name is empty, doubled, or holds a semicolon or a line break.
    """
    if not classes:
        raise LabelsError(subject, "there is no class", "Add at least one class to the scheme")
    for name in classes:
        if not name.strip():
            raise LabelsError(subject, "a class has no name", "Give every class a name")
        if SEPARATOR in name or len(name.splitlines()) > 1:
            raise LabelsError(subject, f"the class {name!r} holds a semicolon or a line break", "Rename it")
    doubled = sorted({name for name in classes if classes.count(name) > 1})
    if doubled:
        raise LabelsError(subject, f"the class {doubled[0]!r} occurs twice", "Give every class its own name")


def write_labels_npz(
    path: str | Path,
    indices: NDArray[np.int64],
    matrix: NDArray[np.bool_],
    labelled_by: NDArray[np.str_] | None = None,
) -> None:
    """Write labels for the steps `classify.train_classifier` and `manifest.write_manifest`.

    Parameters
    ----------
    path : str or Path
        The ``.npz`` file to write.
    indices : ndarray of shape (m,), int64
        Numbers of the labelled frames.
    matrix : ndarray of shape (m, k), bool
        Their classes.
    labelled_by : ndarray of shape (m,), str, optional
        Who labelled each frame.
    """
    columns = {"indices": np.asarray(indices, np.int64), "matrix": np.asarray(matrix, np.bool_)}
    if labelled_by is not None:
        columns["labelled_by"] = np.asarray(labelled_by, np.str_)
    with Path(path).open("wb") as file:  # np.savez would append .npz to another suffix
        np.savez(file, **columns)


def read_labels_npz(path: str | Path, n_frames: int, n_classes: int) -> Labels:
    """Read and check the labels of one data set.

    Parameters
    ----------
    path : str or Path
        File as `write_labels_npz` writes it.
    n_frames : int
        Number of frames of the data set.
    n_classes : int
        Number of classes of the scheme.

    Returns
    -------
    labels : Labels
        In the order of the file; `labelled_by` is empty where the file does not tell.

    Raises
    ------
    LabelsError
        If the arrays do not fit each other or the data set, or a frame occurs twice.
    """
    subject = Path(path).name
    try:
        with np.load(path, allow_pickle=False) as stored:
            indices, matrix = stored["indices"], stored["matrix"]
            people = stored["labelled_by"] if "labelled_by" in stored else np.array("")
    except (OSError, KeyError, ValueError) as error:
        raise LabelsError(
            subject, f"not a file of labels ({error})", "Write it with indices and matrix"
        ) from error
    if matrix.ndim != 2 or matrix.shape[1] != n_classes or indices.shape != matrix.shape[:1]:
        cause = f"indices {indices.shape} and matrix {matrix.shape} do not fit {n_classes} classes"
        raise LabelsError(subject, cause, "Write the labels again with the scheme's present classes")
    check_indices(indices, n_frames, subject=subject)
    if people.shape not in ((), indices.shape):
        raise LabelsError(subject, "labelled_by does not fit indices", "Give one name a labelled frame")
    labelled_by = np.broadcast_to(people.astype(np.str_), indices.shape)
    return Labels(indices.astype(np.int64), matrix.astype(np.bool_), labelled_by)


def check_indices(indices: NDArray, n_frames: int, *, subject: str) -> None:
    """Refuse numbers that are not whole, outside ``[0, n_frames)``, or doubled.

    Raises
    ------
    LabelsError
        Naming the first offending frame.
    """
    if indices.dtype.kind not in "iu":
        raise LabelsError(subject, f"indices are {indices.dtype}, not integers", "Write them as int64")
    outside = indices[(indices < 0) | (indices >= n_frames)]
    if outside.size:
        cause = f"frame {outside[0]} is outside the data set, which has frames 0 to {n_frames - 1}"
        raise LabelsError(subject, cause, "Label frames of this data set only")
    values, counts = np.unique(indices, return_counts=True)
    if (counts > 1).any():
        raise LabelsError(subject, f"frame {values[counts > 1][0]} occurs twice", "Keep one row a frame")


def read_labels_csv(
    path: str | Path, n_frames: int, known_classes: list[str] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.bool_], list[str]]:
    """Read a CSV with the columns ``index,classes``, classes joined by semicolons.

    An empty second field means that the frame was seen and no class applies. UTF-8, with or without
    a byte-order mark.

    Parameters
    ----------
    path : str or Path
        The file.
    n_frames : int
        Number of frames of the data set.
    known_classes : list of str, optional
        If given, these are the classes in their order, and any other name is an error.

    Returns
    -------
    indices : ndarray of shape (m,), int64
        Frame numbers in the order of the file.
    matrix : ndarray of shape (m, k), bool
        Classes of each frame.
    classes : list of str
        `known_classes`, or the names in the order in which they first occur.

    Raises
    ------
    LabelsError
        One line that names the file, the line, the cause and what to do.
    """
    classes = list(known_classes or [])
    columns = {name: column for column, name in enumerate(classes)}
    seen: dict[int, int] = {}
    rows: list[list[int]] = []
    for line, fields in _csv_rows(Path(path)):
        subject = f"{Path(path).name}, line {line}"
        index = _frame_number(fields[0], n_frames, subject)
        if index in seen:
            cause = f"frame {index} was already labelled in line {seen[index]}"
            raise LabelsError(subject, cause, "Keep one row a frame")
        seen[index] = line
        names = [name.strip() for name in fields[1].split(SEPARATOR) if name.strip()]
        for name in names:
            if name not in columns and known_classes is not None:
                cause = f"the class {name!r} is not in the scheme"
                raise LabelsError(subject, cause, f"Use one of: {', '.join(known_classes)}")
            columns.setdefault(name, len(columns))
        rows.append([columns[name] for name in names])
    if not rows:
        raise LabelsError(Path(path).name, "holds no labels", "Write one line a frame below the header")
    matrix = np.zeros((len(rows), len(columns)), np.bool_)
    for row, applying in enumerate(rows):
        matrix[row, applying] = True
    return np.fromiter(seen, np.int64, len(seen)), matrix, list(columns)


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the two fields of each row, header checked and left out."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            if header != HEADER:
                cause = f"the header is {','.join(header)!r}"
                raise LabelsError(f"{path.name}, line 1", cause, "Begin the file with the line index,classes")
            for fields in reader:
                if fields and any(field.strip() for field in fields):
                    if len(fields) != len(HEADER):
                        cause = f"{len(fields)} fields instead of 2"
                        remedy = "Write index,classes and join the classes with semicolons"
                        raise LabelsError(f"{path.name}, line {reader.line_num}", cause, remedy)
                    yield reader.line_num, fields
    except UnicodeDecodeError as error:
        raise LabelsError(path.name, "is not text in UTF-8", "Save it as CSV UTF-8") from error
    except csv.Error as error:
        subject = f"{path.name}, line {reader.line_num}"
        raise LabelsError(subject, f"is not valid CSV ({error})", "Check the quotes in this line") from error
    except OSError as error:
        raise LabelsError(
            path.name, f"cannot be read ({error.strerror})", "Check that the file is there"
        ) from error


def _frame_number(text: str, n_frames: int, subject: str) -> int:
    """Return the number in `text`, or say what is wrong with it."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        raise LabelsError(subject, f"{text!r} is not a frame number", "Write a whole number from 0")
    if int(digits[:19]) >= n_frames:
        cause = f"frame {digits[:19]} is outside the data set, which has frames 0 to {n_frames - 1}"
        raise LabelsError(subject, cause, "Label frames of this data set only")
    return int(digits)
