"""CBF, the crystallographic binary file of Pilatus and Eiger detectors: one frame a file, as byte offsets.

The header is read here and not by fabio, which takes its numbers on trust and looks for the start of the
pixels without an end; fabio's compiled decoder does the rest.
"""

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from fabio.ext import byte_offset
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.guard import Guard, OpenedFile
from workers.science.io.stack_reader import StackFormat
from workers.science.io.stacks import Content, StackInfo, check_stack, header_number

IMAGE = "image"  # stands for the one image of a file where others have a path
_HEADER_BYTES = 2**18
_SECTION = b"--CIF-BINARY-FORMAT-SECTION--"
_STARTER = b"\x0c\x1a\x04\xd5"
_CONVERSION = re.compile(rb'conversions[ \t]*=[ \t]*"?([\w-]+)')
_TYPES = {
    f"{sign} {bits}-bit integer": f"{'u' if sign == 'unsigned' else ''}int{bits}"
    for sign in ("signed", "unsigned")
    for bits in (8, 16, 32)
}
# The decoder reads a difference of up to 15 bytes without looking where its input ends.
_PADDING = 16
_REMEDY = "Check what wrote the file, or copy it again"


class CbfFormat(StackFormat):
    """One frame a file."""

    name, title = "cbf", "CBF (.cbf)"
    words = "CBF images"

    def recognises(self, head: bytes, path: str, guard: Guard) -> bool:
        """Whether the file begins as a CBF does."""
        return head.startswith(b"###CBF:")

    def survey(self, guard: Guard, path: str) -> Content:
        """Read the header."""
        stack = CbfStack(guard, path)
        stack.close()
        return Content([stack.info])

    def open_stack(self, guard: Guard, part: dict[str, Any]) -> "CbfStack":
        """Open the file."""
        return CbfStack(guard, part["file"])


@dataclass(frozen=True)
class _Header:
    """What is needed to decode the pixels, which begin at `offset`."""

    shape: tuple[int, int]
    dtype: np.dtype
    offset: int
    n_bytes: int
    md5: str


class CbfStack:
    """The frame of an open file.

    Parameters
    ----------
    guard : Guard
        Opens the file.
    path : str
        The file.

    Raises
    ------
    SourceError
        If it is refused, damaged or cut short, or compressed in another way than as byte offsets.
    """

    def __init__(self, guard: Guard, path: str) -> None:
        opened = guard.open_file(path)
        self.path, self.descriptor = path, opened.descriptor
        try:
            self.header = _read_header(opened)
        except BaseException:
            self.close()
            raise
        self.info = StackInfo(IMAGE, self.header.shape, self.header.dtype)

    def read(self, lo: int, hi: int) -> NDArray:
        """Decode the frame."""
        header = self.header
        packed = os.pread(self.descriptor, header.n_bytes, header.offset)
        if len(packed) < header.n_bytes:
            raise SourceError(
                self.path, "the file is truncated", "Copy it again, or wait until it is written"
            )
        if header.md5 and base64.b64encode(hashlib.md5(packed).digest()).decode() != header.md5:
            raise SourceError(self.path, "its pixels do not match their checksum", _REMEDY)
        n_pixels = header.shape[0] * header.shape[1]
        # Each byte of the padding is a pixel more, unless the last difference was cut short and ate some.
        values = byte_offset.dec_cbf32(packed + bytes(_PADDING), n_pixels + _PADDING)
        if len(values) != n_pixels + _PADDING:
            raise SourceError(self.path, "has fewer pixels than its header says", _REMEDY)
        frame = np.asarray(values)[:n_pixels].astype(header.dtype, copy=False)
        return frame.reshape(1, *header.shape)[: hi - lo]

    def read_mask(self) -> None:
        """Return None: a CBF marks bad pixels by negative counts, which are left out as they are."""

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)


def _read_header(opened: OpenedFile) -> _Header:
    head = os.pread(opened.descriptor, _HEADER_BYTES, 0)
    section = head.find(_SECTION)
    start = head.find(_STARTER, section)
    if section < 0 or start < 0:
        raise SourceError(opened.path, "holds no binary section", _REMEDY)
    text = head[section:start]
    pairs = [line.partition(":") for line in text.decode("latin-1").splitlines()]
    fields = {key.strip().lower(): value.strip(' \t"') for key, sign, value in pairs if sign}
    conversion = _CONVERSION.search(text)
    if conversion is None or conversion[1].lower() != b"x-cbf_byte_offset":
        kind = conversion[1].decode() if conversion else "nothing known"
        cause = f"is compressed as {kind}, not as byte offsets"
        raise SourceError(opened.path, cause, "Convert it, for instance with cif2cbf")
    if fields.get("x-binary-element-byte-order", "LITTLE_ENDIAN") != "LITTLE_ENDIAN":
        raise SourceError(opened.path, "is big endian, which byte offsets are not", _REMEDY)
    kind = fields.get("x-binary-element-type", "signed 32-bit integer")
    if kind not in _TYPES:
        raise SourceError(opened.path, f"holds values of the type “{kind[:60]}”", _REMEDY)
    width, height, n_bytes = (
        header_number(opened.path, fields, f"x-binary-size{name}")
        for name in ("-fastest-dimension", "-second-dimension", "")
    )
    dtype = np.dtype(_TYPES[kind])
    check_stack(opened.path, (height, width), dtype)
    offset = start + len(_STARTER)
    if height * width > n_bytes:  # a pixel takes a byte at least
        raise SourceError(opened.path, f"claims {height} x {width} pixels in {n_bytes} bytes", _REMEDY)
    if offset + n_bytes > opened.size:
        cause = f"the file is truncated: it has {opened.size} of {offset + n_bytes} bytes"
        raise SourceError(opened.path, cause, "Copy it again, or wait until it is written")
    return _Header((height, width), dtype, offset, n_bytes, fields.get("content-md5", ""))


FORMAT = CbfFormat()
