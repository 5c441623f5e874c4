"""The header of NumPy's array format, and frames read from behind it.

Frames are read from the descriptor and not mapped: a file that is cut short meanwhile gives an error then,
where a map would end the process, and a map as long as the file would not fit into the reader's memory.
"""

import os
import tokenize
from dataclasses import dataclass
from math import prod
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from workers.science.errors import SourceError

MAGIC = b"\x93NUMPY"
_MAX_HEADER = 10_000
_PLANE_BYTES = 32 * 2**20
_REMEDY = "Check what wrote the file, or copy it again"


@dataclass(frozen=True)
class NpyHeader:
    """Shape and type of an array, whether its first index runs fastest, and the byte at which it begins."""

    shape: tuple[int, ...]
    dtype: np.dtype
    is_fortran: bool
    offset: int

    @property
    def n_bytes(self) -> int:
        """Size of the array."""
        return prod(self.shape) * self.dtype.itemsize


def read_header(stream: BinaryIO, subject: str) -> NpyHeader:
    """Read the header of an array; nothing in it is ever unpickled.

    Parameters
    ----------
    stream : binary file
        At the beginning of the array.
    subject : str
        What the error names.

    Returns
    -------
    header : NpyHeader
        Its offset is counted from where the stream was.

    Raises
    ------
    SourceError
        If it is damaged, or if it announces objects or records.
    """
    try:
        version = npy_format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):  # 3.0 exists for the names of records
            raise SourceError(subject, f"is written in version {version} of the format", _REMEDY)
        read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
        shape, is_fortran, dtype = read(stream, max_header_size=_MAX_HEADER)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, tokenize.TokenError) as error:
        raise SourceError(subject, "its header is damaged", _REMEDY) from error
    if dtype.hasobject:
        cause = "holds Python objects, which are never read because reading them would run their code"
        raise SourceError(subject, cause, "Write the frames as plain numbers")
    if any(side < 0 for side in shape):
        raise SourceError(subject, f"has the shape {shape}", _REMEDY)
    return NpyHeader(shape, dtype, is_fortran, stream.tell())


def read_frames(descriptor: int, header: NpyHeader, lo: int, hi: int, subject: str) -> NDArray:
    """Read frames of an array that lies in a file as it is.

    Parameters
    ----------
    descriptor : int
        The file.
    header : NpyHeader
        An array of shape (n, h, w) or (h, w).
    lo, hi : int
        Half-open range of frames.
    subject : str
        What the error names.

    Returns
    -------
    frames : ndarray of shape (hi - lo, h, w)
        In the byte order of the file.

    Raises
    ------
    SourceError
        If the file ends before.
    """
    n_frames, height, width = header.shape if len(header.shape) == 3 else (1, *header.shape)
    frames = np.empty((hi - lo, height, width), header.dtype)
    if not header.is_fortran:
        read_exactly(descriptor, frames, header.offset + lo * frames[:1].nbytes, subject)
        return frames
    # The first index runs fastest: for each column there is a plane (row, frame).
    item = header.dtype.itemsize
    is_small = n_frames * height * item <= _PLANE_BYTES
    plane = np.empty((height, n_frames if is_small else hi - lo), header.dtype)
    for column in range(width):
        start = header.offset + column * n_frames * height * item
        if is_small:
            read_exactly(descriptor, plane, start, subject)
            frames[:, :, column] = plane[:, lo:hi].T
            continue
        for row in range(height):
            read_exactly(descriptor, plane[row], start + (row * n_frames + lo) * item, subject)
        frames[:, :, column] = plane.T
    return frames


def read_exactly(descriptor: int, array: NDArray, offset: int, subject: str) -> None:
    """Fill a contiguous array with the bytes at `offset`; raises SourceError if the file ends before."""
    view = memoryview(array.reshape(-1).view(np.uint8))
    while view:
        try:
            n_read = os.preadv(descriptor, [view], offset)
        except OSError as error:
            raise SourceError(subject, f"cannot be read ({error.strerror})", _REMEDY) from error
        if n_read == 0:
            raise SourceError(subject, "the file is truncated", "Copy it again, or wait until it is written")
        view, offset = view[n_read:], offset + n_read
