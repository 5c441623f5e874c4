"""Some rows of an array that is too large for memory, read when they are asked for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class RowSubset:
    """Behaves as ``array[rows]`` where that is sliced or indexed along the rows, without being in memory.

    Parameters
    ----------
    array : ndarray of shape (n, ...)
        Usually a memory map.
    rows : ndarray of shape (m,), int64
        Which of its rows, in order.
    """

    def __init__(self, array: NDArray[Any], rows: NDArray[np.int64]) -> None:
        self.array, self.rows = array, rows
        self.shape, self.dtype = (len(rows), *array.shape[1:]), array.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Return the rows of a slice or of an array of numbers, in memory."""
        return self.array[self.rows[key]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all of it, where somebody asks for an array."""
        return np.asarray(self.array[self.rows], dtype=dtype)
