"""What a hostile file is: where it lies, how it is made, and what has to become of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

# A byte that reads the same in every order of bytes; so many in a row stand nowhere but in the secret.
SECRET_BYTE = b"S"
SECRET = SECRET_BYTE * 16
SECRET_FILE, SECRET_HDF5 = "secret.bin", "secret.h5"
REFUSED, READ, EITHER = "refused", "read", "either"


@dataclass(frozen=True)
class Case:
    """A file and what has to become of it.

    Parameters
    ----------
    name : str
        File name; each case has a folder of its own below the root.
    make : callable
        Gets the path of the file and the folder outside of the root in which the secrets lie.
    wanted : str
        ``refused`` with a line, ``read`` without fault, or ``either``.
    frames : ndarray, optional
        What has to be there where it is read.
    """

    name: str
    make: Callable[[Path, Path], object]
    wanted: str = REFUSED
    frames: NDArray | None = None


def write_secrets(outside: Path) -> None:
    """Write what must never be seen, as bytes and as a good HDF5 file."""
    outside.mkdir()
    (outside / SECRET_FILE).write_bytes(SECRET_BYTE * 65_536)
    with h5py.File(outside / SECRET_HDF5, "w") as file:
        file["data"] = np.full((4, 16, 16), 0x5353, "u2")


def numbered_frames(n: int = 4, side: int = 16, dtype: str = "u2") -> NDArray:
    """Make frames in which no pixel is like the next."""
    return (np.arange(n * side * side) % 101).reshape(n, side, side).astype(dtype)


def from_bytes(content: bytes) -> Callable[[Path, Path], object]:
    """Make a file of these bytes."""
    return lambda path, outside: path.write_bytes(content)


def from_hdf5(write: Callable[[h5py.File, Path], object]) -> Callable[[Path, Path], object]:
    """Make an HDF5 file by what `write` does to it."""

    def make(path: Path, outside: Path) -> None:
        with h5py.File(path, "w") as file:
            write(file, outside)

    return make


Cases = Iterator[Case]
