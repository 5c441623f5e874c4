"""One file of one module of a European XFEL run, read train by train through the guard."""

from dataclasses import dataclass

import h5py
import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.audit import hdf5_errors
from workers.science.io.euxfel_audit import audit_dataset
from workers.science.io.guard import Guard
from workers.science.io.links import GuardedFile


@dataclass(frozen=True)
class TrainRows:
    """Where the frames of one train lie in a file.

    Parameters
    ----------
    first : int
        Row of the first frame.
    pulse_ids, cell_ids : ndarray of shape (count,), int64
        Of each row; -1 where the file does not tell.
    """

    first: int
    pulse_ids: NDArray[np.int64]
    cell_ids: NDArray[np.int64]


class ModuleFile:
    """An open file of one module.

    Parameters
    ----------
    guard : Guard
        Opens it.
    path, source, key : str
        The file, and EXtra-data's names of the source and of the images in it.

    Raises
    ------
    SourceError
        If it is refused, or not as it was described.
    """

    def __init__(self, guard: Guard, path: str, source: str, key: str) -> None:
        self.path = path
        self.group = key.partition(".")[0]
        self.data_path = f"/INSTRUMENT/{source}/{key.replace('.', '/')}"
        self._file = GuardedFile(guard, path)
        try:
            self.images = audit_dataset(self._file, self.data_path)
            self._rows = self._read_index(source)
            beside = f"/INSTRUMENT/{source}/{self.group}"
            self._pulses = self._optional(f"{beside}/pulseId")
            self._cells = self._optional(f"{beside}/cellId")
            mask = self._optional(f"{beside}/mask")
            is_fit = mask is not None and mask.shape == self.images.shape and self.images.dtype.kind == "f"
            self.mask = mask if is_fit else None
        except BaseException:
            self.close()
            raise

    @property
    def real_path(self) -> str:
        """Where the file lies, links followed."""
        return self._file.opened.real_path

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def rows_of(self, train: int) -> TrainRows | None:
        """Say where the frames of a train lie; None if this file has none of it."""
        first, count = self._rows.get(train, (0, 0))
        if not count:
            return None
        pulses = self._read_ids(self._pulses, first, count)
        if pulses is None:
            pulses = np.arange(count)
        cells = self._read_ids(self._cells, first, count)
        return TrainRows(first, pulses, np.full(count, -1) if cells is None else cells)

    def read(self, rows: NDArray[np.int64]) -> NDArray:
        """Read rows of the images, in increasing order; the first gain channel of raw data.

        Parameters
        ----------
        rows : ndarray of int64
            Row numbers in the file.

        Returns
        -------
        images : ndarray of shape (len(rows), slow scan, fast scan)
            float32 with NaN where a corrected file says that a pixel is bad, else in the type of the file.
        """
        chosen = slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] + 1 == len(rows) else rows
        with hdf5_errors(f"{self.path} {self.data_path}"):
            images = self.images[chosen, 0] if self.images.ndim == 4 else self.images[chosen]
            if self.mask is not None:
                images = np.where(self.mask[chosen] != 0, np.float32(np.nan), images.astype(np.float32))
        return images

    def _read_index(self, source: str) -> dict[int, tuple[int, int]]:
        with hdf5_errors(self.path):
            trains = self._numbers("/INDEX/trainId")
            trains = trains[trains != 0]  # the end of the list is padded
            index = f"/INDEX/{source}/{self.group}"
            if not self._has(f"{index}/first"):
                index = f"/INDEX/{source}"
            first = self._numbers(f"{index}/first")[: len(trains)]
            if self._has(f"{index}/count"):
                count = self._numbers(f"{index}/count")[: len(trains)]
            else:  # files before format 1.0 say what the last row is, and whether there is one
                status = self._numbers(f"{index}/status")[: len(trains)] != 0
                count = (self._numbers(f"{index}/last")[: len(trains)] - first + 1) * status
        rows: dict[int, tuple[int, int]] = {}
        if not len(trains) == len(first) == len(count):
            cause = "has an index of another length than its list of trains"
            raise SourceError(self.path, cause, "Copy the file again, or leave it out")
        for train, start, n_rows in zip(trains.tolist(), first.tolist(), count.tolist(), strict=True):
            if start >= 0 and 0 < n_rows <= len(self.images) - start:
                rows.setdefault(train, (start, n_rows))
        return rows

    def _numbers(self, place: str) -> NDArray[np.int64]:
        return audit_dataset(self._file, place)[()].ravel().astype(np.int64)

    def _has(self, place: str) -> bool:
        return self._optional(place) is not None

    def _optional(self, place: str) -> h5py.Dataset | None:
        try:
            return audit_dataset(self._file, place)
        except SourceError:
            return None

    def _read_ids(self, dataset: h5py.Dataset | None, first: int, count: int) -> NDArray[np.int64] | None:
        if dataset is None or dataset.shape[0] < first + count:
            return None
        with hdf5_errors(self.path):
            return dataset[first : first + count].reshape(count).astype(np.int64)
