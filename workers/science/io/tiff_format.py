"""TIFF: classic and BigTIFF, pages of one shape, ImageJ's stacks, compressed or not.

Only what lies in the file itself is read: an OME-TIFF may name other files, and tifffile would open them.
"""

import logging
import os
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.guard import Guard
from workers.science.io.lzw import is_sound
from workers.science.io.npy import NpyHeader, read_frames
from workers.science.io.stack_reader import StackFormat
from workers.science.io.stacks import Content, StackInfo, check_stack

# classic and BigTIFF, little and big endian
_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Layouts of vendors are read page by page like any other file, without what tifffile knows of them.
_VENDORS = ("lsm", "mmstack", "ome", "ndtiff", "fluoview", "stk", "sis", "svs", "scn", "qpi", "ndpi", "bif")
_VENDORS += ("avs", "eer", "philips", "scanimage", "nih", "mdgel")
# None, LZW, deflate (two numbers), PackBits, zstd: without loss, and damage does not crash their decoders.
_LZW = 5
_COMPRESSIONS = frozenset({1, _LZW, 8, 32946, 32773, 50000})
_REMEDY = "Check the file with tiffinfo, or copy it again"

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what is wrong with a file is said in an error


class TiffFormat(StackFormat):
    """Pages of one shape."""

    name, title = "tiff", "TIFF (.tif, .tiff)"
    words = "TIFF images"

    def recognises(self, head: bytes, path: str, guard: Guard) -> bool:
        """Whether the file begins as a TIFF does."""
        return head.startswith(_MAGIC)

    def survey(self, guard: Guard, path: str) -> Content:
        """List the series of pages; the largest is proposed."""
        file = TiffStack(guard, path, None)
        try:
            return _survey(file)
        finally:
            file.close()

    def open_stack(self, guard: Guard, part: dict[str, Any]) -> "TiffStack":
        """Open one series of pages."""
        return TiffStack(guard, part["file"], part["path"])


class TiffStack:
    """A series of pages of an open file.

    Parameters
    ----------
    guard : Guard
        Opens the file.
    path : str
        The file.
    name : str or None
        ``series_<number>``; None to look at all of them.

    Raises
    ------
    SourceError
        If the file is refused or damaged, or if the series is no stack of frames.
    """

    def __init__(self, guard: Guard, path: str, name: str | None) -> None:
        opened = guard.open_file(path)
        self.path, self.size, self._stream = path, opened.size, os.fdopen(opened.descriptor, "rb")
        try:
            with tiff_errors(path):
                flags = {f"is_{vendor}": False for vendor in _VENDORS}
                self._tiff = tifffile.TiffFile(self._stream, name="frames.tif", _multifile=False, **flags)
                self.series = list(self._tiff.series)
                n_pages, is_whole = len(self._tiff.pages), self._ends_here()
            if not is_whole:
                cause = f"the file is truncated or damaged: its list of pages breaks off after {n_pages}"
                raise SourceError(path, cause, _REMEDY)
            if name is not None:
                self._select(name)
        except BaseException:
            self._stream.close()
            raise

    def _ends_here(self) -> bool:
        """Whether the file's list of pages ends, with a zero, where tifffile took it to end."""
        place, n_bytes = self._tiff.pages.next_page_offset or self.size, self._tiff.tiff.offsetsize
        return os.pread(self._stream.fileno(), n_bytes, place) == bytes(n_bytes)

    def _select(self, name: str) -> None:
        numbers = {f"series_{number}": number for number in range(len(self.series))}
        if name not in numbers:
            raise SourceError(f"{self.path} {name}", "there is no such series of pages", "Choose another")
        self.chosen = self.series[numbers[name]]
        self.info = judge(f"{self.path} {name}", name, self.chosen)
        self.offset = contiguous_offset(self.path, self.chosen, self.info, self.size)

    def read(self, lo: int, hi: int) -> NDArray:
        """Read frames: at once where they lie in a row as they are, else page by page."""
        if self.offset is not None:
            dtype = self.info.dtype.newbyteorder(self._tiff.byteorder)
            header = NpyHeader(self.info.shape, dtype, False, self.offset)
            return read_frames(self._stream.fileno(), header, lo, hi, self.path)
        frames = np.empty((hi - lo, *self.info.frame), self.info.dtype)
        for number in range(lo, hi):
            with tiff_errors(f"{self.path} page {number}"):
                page = self.chosen.pages[number]
                if page is None or page.shape[-2:] != self.info.frame:
                    raise ValueError("the page is missing or has another shape")
                self._check_page(page)
                frames[number - lo] = page.asarray().reshape(self.info.frame)
        return frames

    def _check_page(self, page: Any) -> None:
        """Refuse a page that would be taken from elsewhere, or that a decoder may not be given."""
        places = list(zip(page.dataoffsets, page.databytecounts, strict=True))
        if not places or max(offset + count for offset, count in places) > self.size:
            raise ValueError("it names bytes behind the end of the file")
        key = page.keyframe  # it says for all pages of the series how they are decoded
        if key.compression not in _COMPRESSIONS:
            raise ValueError(f"its compression {int(key.compression)} is not on the list")
        if key.compression == _LZW:
            if key.fillorder != 1:
                raise ValueError("its bits run backwards")
            for offset, count in places:
                if not is_sound(os.pread(self._stream.fileno(), count, offset)):
                    raise ValueError("a code of its compression stands for nothing")

    def read_mask(self) -> None:
        """Return None: a TIFF has no mask."""

    def close(self) -> None:
        """Close the file."""
        self._tiff.close()
        self._stream.close()


class tiff_errors:
    """Turn what tifffile and its decoders raise on a damaged file into one error for the user."""

    def __init__(self, subject: str) -> None:
        self.subject = subject

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, SourceError):
            # decoders of every compression raise errors of their own
            text = " ".join(str(error).split())[:200]
            raise SourceError(self.subject, f"cannot be read, it may be damaged ({text})", _REMEDY) from error


def judge(subject: str, name: str, series: tifffile.TiffPageSeries) -> StackInfo:
    """Read a series as frames.

    Parameters
    ----------
    subject : str
        What the error names.
    name : str
        Of the series.
    series : tifffile.TiffPageSeries
        Pages of one shape.

    Returns
    -------
    info : StackInfo
        All dimensions before y and x are those of the frames.

    Raises
    ------
    SourceError
        If it holds colours, or no frames.
    """
    if not series.axes.endswith("YX"):
        cause = f"holds no plain frames but the dimensions {series.axes} of shape {series.shape}"
        raise SourceError(subject, cause, "Write frames of one number a pixel, without colours")
    *leading, height, width = (int(side) for side in series.shape)
    n_frames = int(np.prod(leading, dtype=object)) if leading else 1
    dtype = np.dtype(series.dtype)
    check_stack(subject, (n_frames, height, width), dtype)
    return StackInfo(name, (n_frames, height, width), dtype)


def contiguous_offset(path: str, series: tifffile.TiffPageSeries, info: StackInfo, size: int) -> int | None:
    """Return where the frames begin if they lie in a row and uncompressed, after a check of the size.

    ImageJ writes one page and behind it all other frames, which no page names.
    """
    with tiff_errors(path):
        offset = series.dataoffset
    if offset is None:
        with tiff_errors(path):
            n_pages = len(series.pages)
        if n_pages != info.n_frames:
            cause = f"has {n_pages} pages for {info.n_frames} frames"
            raise SourceError(path, cause, "Write one frame a page")
        return None
    needed = int(offset) + int(np.prod(info.shape, dtype=object)) * info.dtype.itemsize
    if needed > size:
        cause = f"the file is truncated: it has {size} of {needed} bytes"
        raise SourceError(path, cause, "Copy it again, or wait until it is written")
    return int(offset)


def _survey(file: TiffStack) -> Content:
    stacks, refused = [], []
    for number, series in enumerate(file.series):
        name = f"series_{number}"
        try:
            info = judge(f"{file.path} {name}", name, series)
            contiguous_offset(file.path, series, info, file.size)
            stacks.append(info)
        except SourceError as error:
            refused.append(error)
    if not stacks:
        raise refused[0] if refused else SourceError(file.path, "holds no page", _REMEDY)
    stacks.sort(key=lambda stack: -np.prod(stack.shape, dtype=float))
    warnings = [f"Left out: {error}" for error in refused]
    if len(stacks) > 1:
        n_other = sum(stack.n_frames for stack in stacks[1:])
        warnings.append(f"{n_other} more pages of another shape or type are left out.")
    return Content(stacks, warnings=warnings)


FORMAT = TiffFormat()
