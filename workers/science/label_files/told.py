"""What a file of labels says, whatever its format: rows with classes, and by what their frames are known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.labels_file import SEPARATOR, LabelsError

MOST_CLASSES = 63  # as many bits as a label has
MOST_ROWS = 20_000_000


@dataclass(frozen=True)
class Told:
    """Rows of a file of labels.

    Parameters
    ----------
    what : str
        What the file is, in words.
    classes : list of str of length k
        Names in the file.
    matrix : ndarray of shape (m, k), bool
        Classes of each row; a row of False says that none applies.
    number : ndarray of shape (m,), int64, optional
        Numbers of the frames in the data set that the file was written from; -1 where unknown.
    source, path : list of str, optional
        File of each row, and dataset in it; empty where unknown.
    source_index, train_id, pulse_id : ndarray of shape (m,), int64, optional
        Number of the frame in its dataset, train and pulse; -1 where unknown.
    adds : bool
        Whether the file speaks of one class alone, so that others of a frame stay.
    """

    what: str
    classes: list[str]
    matrix: NDArray[np.bool_]
    number: NDArray[np.int64] | None = None
    source: list[str] | None = None
    path: list[str] | None = None
    source_index: NDArray[np.int64] | None = None
    train_id: NDArray[np.int64] | None = None
    pulse_id: NDArray[np.int64] | None = None
    adds: bool = False


class ClassSets:
    """Collects the classes of rows, written with semicolons between, each combination once."""

    def __init__(self, name: str) -> None:
        self.name, self.classes = name, {}
        self._sets: dict[str, tuple[int, ...]] = {}
        self._rows: list[tuple[int, ...]] = []

    def add(self, text: str) -> None:
        """Take the classes of the next row."""
        if text not in self._sets:
            names = dict.fromkeys(part.strip() for part in text.split(SEPARATOR))
            self._sets[text] = tuple(self._place(name) for name in names if name)
        self._rows.append(self._sets[text])
        if len(self._rows) > MOST_ROWS:
            raise LabelsError(self.name, f"has more than {MOST_ROWS} rows", "Split it")

    def _place(self, name: str) -> int:
        place = self.classes.setdefault(name, len(self.classes))
        if place >= MOST_CLASSES:
            cause = f"names more than {MOST_CLASSES} classes, such as “{name[:60]}”"
            raise LabelsError(self.name, cause, "Check that the right column holds the classes")
        return place

    def matrix(self) -> NDArray[np.bool_]:
        """Return the classes of all rows."""
        found = np.zeros((len(self._rows), len(self.classes)), bool)
        for row, places in enumerate(self._rows):
            found[row, list(places)] = True
        return found
