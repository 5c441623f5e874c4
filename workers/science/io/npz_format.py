"""`.npz`: a zip archive of NumPy arrays, its frames read as a stream so that memory stays flat.

What an archive says of its sizes is checked before anything is unpacked: an array has to be as long as its
member, and a member no longer than deflate can make it.
"""

import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.guard import Guard
from workers.science.io.npy import NpyHeader, read_frames, read_header
from workers.science.io.stack_reader import StackFormat
from workers.science.io.stacks import Content, StackInfo, check_stack

MASK_NAMES = ("mask", "pixel_mask", "bad_pixels", "good")
MAX_MEMBERS = 1000
MAX_DIRECTORY_BYTES = 2**20
MAX_RATIO = 1100  # deflate reaches 1032 to one at most (zlib, technical details)
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x06"
_LOCAL_HEADER_BYTES = 30
_REMEDY = "Check the archive with python -m zipfile -t, or copy it again"
_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError, ValueError)


@contextmanager
def _zip_errors(subject: str) -> Iterator[None]:
    try:
        yield
    except _ERRORS as error:
        raise SourceError(subject, "the archive is damaged or truncated", _REMEDY) from error


class NpzFormat(StackFormat):
    """Arrays in an archive; the largest stack is proposed."""

    name, title = "npz", "NumPy archive (.npz)"
    words = "NumPy archive"

    def recognises(self, head: bytes, path: str, guard: Guard) -> bool:
        """Whether it is a zip archive, and not an empty one."""
        return head.startswith(b"PK\x03\x04")

    def survey(self, guard: Guard, path: str) -> Content:
        """List the arrays of an archive."""
        archive = NpzArchive(guard, path)
        try:
            return archive.survey()
        finally:
            archive.close()

    def open_stack(self, guard: Guard, part: dict[str, Any]) -> "NpzStack":
        """Open one array of an archive."""
        return NpzStack(NpzArchive(guard, part["file"]), part["path"], part["mask_path"])


class NpzArchive:
    """An open archive.

    Parameters
    ----------
    guard : Guard
        Opens the file.
    path : str
        The file.

    Raises
    ------
    SourceError
        If it is refused or damaged, or if its directory is out of bounds.
    """

    def __init__(self, guard: Guard, path: str) -> None:
        opened = guard.open_file(path)
        self.path, self.size = path, opened.size
        self.stream = os.fdopen(opened.descriptor, "rb")
        try:
            self._check_directory()
            with _zip_errors(path):
                self.zip = zipfile.ZipFile(self.stream)
        except BaseException:
            self.stream.close()
            raise

    def survey(self) -> Content:
        """Look at the header of each array; what is no stack of frames is left out."""
        stacks, masks, warnings = [], {}, []
        for member in self.zip.infolist():
            name = member.filename.removesuffix(".npy")
            if name == member.filename:
                continue
            try:
                header = self.header(name)
                if name.lower() in MASK_NAMES and len(header.shape) == 2 and header.dtype.kind in "iub":
                    masks[name] = header.shape
                    continue
                if len(header.shape) < 2:
                    continue
                check_stack(f"{self.path} {name}", header.shape, header.dtype)
            except SourceError as error:
                warnings.append(f"Left out: {error}")
                continue
            stacks.append(StackInfo(name, header.shape, header.dtype))
        if not stacks:
            cause = "holds no array that could be frames" if not warnings else warnings[0]
            raise SourceError(self.path, cause.removesuffix("."), "Write the frames as (n, y, x)")
        stacks.sort(key=lambda stack: -np.prod(stack.shape, dtype=float) * stack.dtype.itemsize)
        mask = next((name for name, shape in masks.items() if shape == stacks[0].frame), None)
        if mask and mask.lower() != "good":
            warnings.append(f"In the mask “{mask}”, what is not zero is taken as bad.")
        return Content(stacks, mask, warnings)

    def header(self, name: str) -> NpyHeader:
        """Read the header of an array, and check that the member is as long as it says."""
        subject = f"{self.path} {name}"
        member = self.member(name)
        with self.open(name) as stream, _zip_errors(subject):
            header = read_header(stream, subject)
        if header.offset + header.n_bytes != member.file_size:
            cause = f"says {header.n_bytes} bytes of values and has {member.file_size - header.offset}"
            raise SourceError(subject, cause, _REMEDY)
        return header

    def member(self, name: str) -> zipfile.ZipInfo:
        """Find an array in the directory, and check what the directory says of its size."""
        subject = f"{self.path} {name}"
        try:
            member = self.zip.getinfo(f"{name}.npy")
        except KeyError as error:
            raise SourceError(subject, "there is no such array", "Choose one of the listed") from error
        if member.flag_bits & 1:
            raise SourceError(subject, "is encrypted", "Write the archive without a password")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise SourceError(subject, "is compressed in a way that NumPy does not use", _REMEDY)
        packed = member.compress_size
        if packed > self.size or member.file_size > max(MAX_RATIO * packed, 2**16):
            cause = f"claims {member.file_size} bytes, packed into {packed}"
            raise SourceError(subject, cause, _REMEDY)
        return member

    def open(self, name: str) -> IO[bytes]:
        """Open an array as a stream."""
        with _zip_errors(f"{self.path} {name}"):
            return self.zip.open(f"{name}.npy")

    def offset(self, name: str) -> int | None:
        """Return where in the file an array's member begins, or None if it is compressed."""
        member = self.member(name)
        if member.compress_type != zipfile.ZIP_STORED:
            return None
        local = os.pread(self.stream.fileno(), _LOCAL_HEADER_BYTES, member.header_offset)
        self.open(name).close()  # compares the local header with the directory
        return member.header_offset + _LOCAL_HEADER_BYTES + sum(struct.unpack("<HH", local[26:30]))

    def close(self) -> None:
        """Close the file."""
        self.zip.close()
        self.stream.close()

    def _check_directory(self) -> None:
        """Bound the directory before `zipfile` makes an object of each of its entries."""
        tail_bytes = min(self.size, 2**16 + 22 + 76)  # a comment, the end record, the 64-bit end record
        tail = os.pread(self.stream.fileno(), tail_bytes, self.size - tail_bytes)
        place = tail.rfind(_END)
        if place < 0 or len(tail) < place + 22:
            raise SourceError(self.path, "the archive is truncated", _REMEDY)
        counts = [struct.unpack("<HI", tail[place + 10 : place + 16])]
        place = tail.rfind(_END_64)
        if place >= 0 and len(tail) >= place + 48:
            counts.append(struct.unpack("<QQ", tail[place + 32 : place + 48]))
        for n_members, n_bytes in counts:
            if n_members > MAX_MEMBERS or n_bytes > MAX_DIRECTORY_BYTES:
                cause = f"claims {n_members} members, with a directory of {n_bytes} bytes"
                raise SourceError(self.path, cause, f"Write at most {MAX_MEMBERS} arrays into one archive")


class NpzStack:
    """One array of an open archive.

    Parameters
    ----------
    archive : NpzArchive
        Closed together with this.
    name, mask_path : str
        The array, and that of the mask if there is one.
    """

    def __init__(self, archive: NpzArchive, name: str, mask_path: str | None) -> None:
        self.archive, self.name, self.mask_path = archive, name, mask_path
        self.subject = f"{archive.path} {name}"
        self._stream: IO[bytes] | None = None
        self._next = 0
        try:
            self.header = archive.header(name)
            check_stack(self.subject, self.header.shape, self.header.dtype)
            self.offset = archive.offset(name)
        except BaseException:
            archive.close()
            raise
        self.info = StackInfo(name, self.header.shape, self.header.dtype)
        if self.offset is None and self.header.is_fortran and self.info.n_frames > 1:
            self.close()
            cause = "is compressed and in Fortran order, so that no frame can be read without all others"
            raise SourceError(self.subject, cause, "Write numpy.ascontiguousarray of it")

    def read(self, lo: int, hi: int) -> NDArray:
        """Read frames: where they lie if they are stored as they are, else unpacked up to there."""
        if self.offset is not None:
            header = self.header
            placed = NpyHeader(header.shape, header.dtype, header.is_fortran, self.offset + header.offset)
            return read_frames(self.archive.stream.fileno(), placed, lo, hi, self.subject)
        frames = np.empty((hi - lo, *self.info.frame), self.header.dtype)
        self._go_to(lo, frames[:1].nbytes)
        self._fill(memoryview(frames.reshape(-1).view(np.uint8)))
        self._next = hi
        if self.header.is_fortran:  # a single frame
            return frames.reshape(frames.shape[::-1]).T
        return frames

    def read_mask(self) -> NDArray | None:
        """Read the mask: not zero is bad, but not zero is good where it is called "good"."""
        if self.mask_path is None:
            return None
        subject = f"{self.archive.path} {self.mask_path}"
        header = self.archive.header(self.mask_path)
        if header.shape != self.info.frame or header.dtype.kind not in "iub":
            raise SourceError(subject, "does not fit the frames", "Write a mask of the frames' shape")
        with self.archive.open(self.mask_path) as stream, _zip_errors(subject):
            read_header(stream, subject)
            content = stream.read(header.n_bytes)
        order = "F" if header.is_fortran else "C"
        is_set = np.frombuffer(content, header.dtype).reshape(header.shape, order=order) != 0
        return is_set if self.mask_path.lower() == "good" else ~is_set

    def close(self) -> None:
        """Close the archive."""
        if self._stream is not None:
            self._stream.close()
        self.archive.close()

    def _go_to(self, frame: int, frame_bytes: int) -> None:
        if self._stream is None or frame < self._next:
            if self._stream is not None:
                self._stream.close()
            self._stream, self._next = self.archive.open(self.name), 0
            with _zip_errors(self.subject):
                read_header(self._stream, self.subject)
        skipped = bytearray(min(frame_bytes, 2**20))
        left = (frame - self._next) * frame_bytes
        self._next = sys.maxsize  # an error on the way leaves the stream at no known frame
        while left:
            part = memoryview(skipped)[: min(left, len(skipped))]
            self._fill(part)
            left -= len(part)

    def _fill(self, view: memoryview) -> None:
        while view:
            with _zip_errors(self.subject):
                n_read = self._stream.readinto(view)
            if not n_read:
                raise SourceError(self.subject, "the archive is truncated", _REMEDY)
            view = view[n_read:]


FORMAT = NpzFormat()
