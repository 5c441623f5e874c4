"""NumPy arrays: `.npy`, one array a file."""

import os
from typing import Any

from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.guard import Guard
from workers.science.io.npy import MAGIC, read_frames, read_header
from workers.science.io.stack_reader import StackFormat
from workers.science.io.stacks import Content, StackInfo, check_stack

ARRAY = "array"  # stands for the one array of a file where others have a path
_FORTRAN = (
    "The array is stored with its first index running fastest (Fortran order), so each frame is spread over "
    "the whole file and reading is slow; numpy.ascontiguousarray puts that right."
)


class NpyFormat(StackFormat):
    """One array a file."""

    name, title = "npy", "NumPy (.npy)"
    words = "NumPy array"

    def recognises(self, head: bytes, path: str, guard: Guard) -> bool:
        """Whether the magic bytes are there."""
        return head.startswith(MAGIC)

    def survey(self, guard: Guard, path: str) -> Content:
        """Read the header, and compare it with the size of the file."""
        stack = NpyStack(guard, path)
        stack.close()
        is_slow = stack.header.is_fortran and stack.info.n_frames > 1
        return Content([stack.info], warnings=[_FORTRAN] if is_slow else [])

    def open_stack(self, guard: Guard, part: dict[str, Any]) -> "NpyStack":
        """Open the array."""
        return NpyStack(guard, part["file"])


class NpyStack:
    """The array of an open file.

    Parameters
    ----------
    guard : Guard
        Opens the file.
    path : str
        The file.

    Raises
    ------
    SourceError
        If it is refused, damaged, cut short, or no stack of frames.
    """

    def __init__(self, guard: Guard, path: str) -> None:
        opened = guard.open_file(path)
        self.subject, self.descriptor = path, opened.descriptor
        try:
            with os.fdopen(os.dup(self.descriptor), "rb") as stream:
                self.header = read_header(stream, path)
            check_stack(path, self.header.shape, self.header.dtype)
            needed = self.header.offset + self.header.n_bytes
            if needed > opened.size:
                cause = f"the file is truncated: it has {opened.size} of {needed} bytes"
                raise SourceError(path, cause, "Copy it again, or wait until it is written")
        except BaseException:
            self.close()
            raise
        self.info = StackInfo(ARRAY, self.header.shape, self.header.dtype)

    def read(self, lo: int, hi: int) -> NDArray:
        """Read frames."""
        return read_frames(self.descriptor, self.header, lo, hi, self.subject)

    def read_mask(self) -> None:
        """Return None: an array has no mask."""

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)


FORMAT = NpyFormat()
