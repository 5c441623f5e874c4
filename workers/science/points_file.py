"""Read points that somebody brings as a file of numpy."""

from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from workers.science.errors import ScienceError


def load_points(path: Path) -> NDArray[np.float32]:
    """Read an array of points.

    Parameters
    ----------
    path : Path
        An ``.npy`` file. Nothing in it is run: an array of objects is refused by its header.

    Returns
    -------
    points : ndarray of shape (n, d), float32
        At least one, with at least one coordinate.

    Raises
    ------
    ScienceError
        If the file is not there, is no such array or is cut off, holds no numbers, or too large ones.
    """
    try:
        with path.open("rb") as file:
            is_array = file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX
        if not is_array:
            raise _refused(path, "this is no array of numpy", "Write one with numpy.save")
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise _refused(path, error.strerror or "it cannot be read", "Check the path") from error
    except (ValueError, EOFError) as error:
        cause = "it holds objects" if "bject" in str(error) else "the array is damaged or cut off"
        raise _refused(path, cause, "Write an array of float32 with numpy.save") from error
    if array.dtype.kind not in "fiu":
        raise _refused(path, f"its values are {array.dtype}, not numbers", "Give an array of float32")
    if array.ndim != 2 or 0 in array.shape:
        shape = " x ".join(map(str, array.shape)) or "a single number"
        raise _refused(path, f"its shape is {shape}", "Give an array of n rows and d columns, neither 0")
    with np.errstate(over="ignore"):
        points = np.array(array, dtype=np.float32)
    if not np.isfinite(points).all():
        row = int(np.argmin(np.isfinite(points).all(axis=1)))
        raise _refused(path, f"row {row} holds a value that is no finite float32", "Leave such rows out")
    return points


def _refused(path: Path, cause: str, remedy: str) -> ScienceError:
    return ScienceError(str(path), cause, remedy)
