"""EDF of the ESRF, one frame or several a file, and SMV of ADSC detectors: text in braces, then pixels.

Pixels are read from where the header says, after a check that they are there. An EDF that keeps its pixels in
another file is refused: that file was not named by the person.
"""

import os
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.audit import MAX_FRAMES
from workers.science.io.guard import Guard
from workers.science.io.npy import NpyHeader, read_frames
from workers.science.io.stack_reader import StackFormat
from workers.science.io.stacks import Content, StackInfo, check_stack, header_number

IMAGE = "image"
_HEADER_BYTES = 2**16
_BEGIN = re.compile(rb"\s{0,4}\{")
_END = re.compile(rb"\}\r?\n")
_REMEDY = "Check what wrote the file, or copy it again"
# Names of the ESRF (long is 32 bits there), of fit2d and of ADSC, in lower case without blanks
_TYPES = {
    "i1": "signedbyte signed8",
    "u1": "unsignedbyte unsigned8 unsigned_char unsigned_byte",
    "i2": "signedshort signed16 signed_short short_int",
    "u2": "unsignedshort unsigned16 unsignedshortinteger unsigned_short unsigned_short_int",
    "i4": "signedinteger signed32 signedlong signed_long long_int",
    "u4": "unsignedinteger unsigned32 unsignedlong unsigned_long",
    "i8": "signed64",
    "u8": "unsigned64",
    "f4": "floatvalue float floatieee32 float32",
    "f8": "double doublevalue floatieee64 doubleieee64",
}
_DTYPES = {name: np.dtype(code) for code, names in _TYPES.items() for name in names.split()}
_BIG = ("highbytefirst", "big_endian")


class EdfFormat(StackFormat):
    """Blocks of a header and a frame."""

    name, title = "edf", "EDF and SMV (.edf, .img)"
    words = "EDF or SMV images"

    def recognises(self, head: bytes, path: str, guard: Guard) -> bool:
        """Whether the file begins with a header in braces that says how long a line of pixels is."""
        start = _BEGIN.match(head)
        return bool(start) and re.search(rb"(?i)\b(dim_1|size1)\s*=", head) is not None

    def survey(self, guard: Guard, path: str) -> Content:
        """Read all headers."""
        stack = EdfStack(guard, path)
        stack.close()
        return Content([stack.info])

    def open_stack(self, guard: Guard, part: dict[str, Any]) -> "EdfStack":
        """Open the file."""
        return EdfStack(guard, part["file"])


@dataclass(frozen=True)
class _Block:
    """Frames behind one header, and the byte at which the next header may begin."""

    shape: tuple[int, int, int]
    dtype: np.dtype
    offset: int
    end: int


class EdfStack:
    """The frames of an open file.

    Parameters
    ----------
    guard : Guard
        Opens the file.
    path : str
        The file.

    Raises
    ------
    SourceError
        If it is refused, damaged or cut short, or if its frames differ.
    """

    def __init__(self, guard: Guard, path: str) -> None:
        opened = guard.open_file(path)
        self.path, self.size, self.descriptor = path, opened.size, opened.descriptor
        try:
            self.blocks = self._read_blocks()
        except BaseException:
            self.close()
            raise
        first = self.blocks[0]
        n_frames = first.shape[0] * len(self.blocks)
        self.info = StackInfo(IMAGE, (n_frames, *first.shape[1:]), first.dtype)

    def read(self, lo: int, hi: int) -> NDArray:
        """Read frames, from each block those that are wanted."""
        n_each = self.blocks[0].shape[0]
        frames = np.empty((hi - lo, *self.info.frame), self.info.dtype)
        for number in range(lo // n_each, (hi - 1) // n_each + 1):
            block, start = self.blocks[number], number * n_each
            first, last = max(lo, start), min(hi, start + n_each)
            header = NpyHeader(block.shape, block.dtype, False, block.offset)
            frames[first - lo : last - lo] = read_frames(
                self.descriptor, header, first - start, last - start, self.path
            )
        return frames

    def read_mask(self) -> None:
        """Return None: an EDF has no mask."""

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)

    def _read_blocks(self) -> list[_Block]:
        blocks, place = [], 0
        while place < self.size and len(blocks) < MAX_FRAMES:
            head = os.pread(self.descriptor, _HEADER_BYTES, place)
            if not _BEGIN.match(head):
                if blocks:
                    break  # padding, or what a program left behind the last frame
                raise SourceError(self.path, "has no header", _REMEDY)
            block = self._read_block(head, place)
            if blocks and (block.shape, block.dtype) != (blocks[0].shape, blocks[0].dtype):
                cause = f"frame {len(blocks)} has another shape or type than the first"
                raise SourceError(self.path, cause, "Write frames of one shape into a file")
            blocks.append(block)
            place = block.end
        return blocks

    def _read_block(self, head: bytes, place: int) -> _Block:
        fields = _read_fields(head[: _end_of(head, self.path)])
        if "edf_binaryfilename" in fields:
            cause = "keeps its pixels in another file"
            raise SourceError(self.path, cause, "Write header and pixels into one file")
        packing = fields.get("compression", "none").lower()
        if packing not in ("none", "no", "nocompression"):
            raise SourceError(self.path, f"is compressed ({packing[:40]})", "Write it without compression")
        shape, dtype = self._shape(fields), self._dtype(fields)
        check_stack(self.path, shape, dtype)
        start = _end_of(head, self.path)
        if "header_bytes" in fields:  # SMV pads its header to there
            start = header_number(self.path, fields, "header_bytes")
        offset, needed = place + start, shape[0] * shape[1] * shape[2] * dtype.itemsize
        if offset + needed > self.size:
            cause = f"the file is truncated: it has {self.size} of {offset + needed} bytes"
            raise SourceError(self.path, cause, "Copy it again, or wait until it is written")
        names = [name for name in ("size", "edf_binarysize") if name in fields]
        stored = max([needed, *(header_number(self.path, fields, name) for name in names)])
        return _Block(shape, dtype, offset, offset + stored)

    def _shape(self, fields: dict[str, str]) -> tuple[int, int, int]:
        names = ("dim_1", "dim_2", "dim_3") if "dim_1" in fields else ("size1", "size2", "size3")
        width, height = (header_number(self.path, fields, name) for name in names[:2])
        n_frames = header_number(self.path, fields, names[2]) if names[2] in fields else 1
        return n_frames, height, width

    def _dtype(self, fields: dict[str, str]) -> np.dtype:
        kind = fields.get("datatype") or fields.get("type") or "unsigned_short"  # as fabio and ADSC take it
        dtype = _DTYPES.get("_".join(kind.lower().split()))
        if dtype is None:
            raise SourceError(self.path, f"holds values of the type “{kind[:60]}”", _REMEDY)
        order = fields.get("byteorder") or fields.get("byte_order") or "lowbytefirst"
        return dtype.newbyteorder(">" if order.lower() in _BIG else "<")


def _read_fields(header: bytes) -> dict[str, str]:
    """Read ``{ key = value ; ... }``; keys in lower case, the last of two alike."""
    entries = header.decode("latin-1").strip(" \r\n{}").split(";")
    pairs = [entry.partition("=") for entry in entries]
    return {key.strip().lower(): value.strip() for key, sign, value in pairs if sign}


def _end_of(head: bytes, path: str) -> int:
    end = _END.search(head) or re.search(rb"\}", head)
    if end is None:
        raise SourceError(path, f"its header has no end within {_HEADER_BYTES // 1024} KiB", _REMEDY)
    return end.end()


FORMAT = EdfFormat()
