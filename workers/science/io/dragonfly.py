"""Dragonfly's sparse photons, `.emc` and `.h5`: of each frame the pixels with one photon and those with more.

A pixel is a number into a detector file, which alone knows the shape of a frame (Dragonfly wiki, EMC file
format). Where none lies beside the photons, a square is assumed.
"""

import os
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.dragonfly_detector import Detector, find_detector, read_detector
from workers.science.io.guard import Guard
from workers.science.io.npy import read_exactly
from workers.science.io.sparse_hdf5 import SparseHdf5, is_sparse_hdf5
from workers.science.io.stack_reader import StackFormat
from workers.science.io.stacks import Content, StackInfo, check_stack

PHOTONS = "photons"  # stands for the one stack of a file where others have a path
_HEADER_BYTES = 1024
_WORD = 4
_REMEDY = "Check what wrote the file, or copy it again"


class DragonflyFormat(StackFormat):
    """Sparse photon counts."""

    name, title = "dragonfly", "Dragonfly photons (.emc, .h5)"
    words = "Dragonfly photon file"

    def recognises(self, head: bytes, path: str, guard: Guard) -> bool:
        """Whether it is an HDF5 file with the four datasets, or has the ending of the file without magic."""
        if head.startswith(b"\x89HDF\r\n\x1a\n"):
            return is_sparse_hdf5(guard, path)
        return path.lower().endswith(".emc")

    def survey(self, guard: Guard, path: str) -> Content:
        """Read the header, and look for a detector file."""
        file = _open_file(guard, path)
        try:
            found = find_detector(guard, path, file.n_pixels)
            shape, warnings = _shape(path, file.n_pixels, found and found[1])
        finally:
            file.close()
        check_stack(path, (file.n_frames, *shape), np.dtype(np.int32))
        info = StackInfo(PHOTONS, (file.n_frames, *shape), np.dtype(np.int32))
        name = found[0] if found else None
        mask_path = name if found and not found[1].good.all() else None
        return Content([info], mask_path, warnings, {"detector": name, "shape": list(shape)})

    def open_stack(self, guard: Guard, part: dict[str, Any]) -> "DragonflyStack":
        """Open the photons and the detector that was found."""
        file = _open_file(guard, part["file"])
        try:
            detector = read_detector(guard, part["detector"], file.n_pixels) if part["detector"] else None
            return DragonflyStack(part["file"], file, detector, tuple(part["shape"]))
        except BaseException:
            file.close()
            raise


class EmcFile:
    """An open `.emc` file: 32-bit little-endian words, 256 of header, then counts, then places.

    Parameters
    ----------
    guard : Guard
        Opens the file.
    path : str
        The file.

    Raises
    ------
    SourceError
        If it is refused, or if it is not as long as its counts say.
    """

    def __init__(self, guard: Guard, path: str) -> None:
        opened = guard.open_file(path)
        self.path, self.size, self.descriptor = path, opened.size, opened.descriptor
        try:
            self._read_counts()
        except BaseException:
            self.close()
            raise

    def _read_counts(self) -> None:
        if self.size < _HEADER_BYTES:
            raise SourceError(self.path, "the file is truncated", _REMEDY)
        header = self._read_words(0, 256)
        self.n_frames, self.n_pixels, kind = (int(word) for word in header[:3])
        if kind != 0:
            raise SourceError(
                self.path, f"holds dense frames (type {kind}), not sparse ones", "Write sparse frames"
            )
        if self.n_frames < 0 or self.n_pixels < 1 or header[3:].any():
            raise SourceError(self.path, "is no .emc file: its header makes no sense", _REMEDY)
        places = _HEADER_BYTES // _WORD + 2 * self.n_frames
        if places * _WORD > self.size:
            cause = f"the file is truncated: it claims {self.n_frames} frames in {self.size} bytes"
            raise SourceError(self.path, cause, _REMEDY)
        counts = self._read_words(_HEADER_BYTES // _WORD, 2 * self.n_frames).reshape(2, -1)
        if counts.size and (counts.min() < 0 or counts.max() > self.n_pixels):
            cause = f"claims frames with more lit pixels than the {self.n_pixels} there are"
            raise SourceError(self.path, cause, _REMEDY)
        ends = np.zeros((2, self.n_frames + 1), np.int64)
        np.cumsum(counts, axis=1, out=ends[:, 1:])
        self._ones, self._multi = ends
        needed = (places + int(self._ones[-1]) + 2 * int(self._multi[-1])) * _WORD
        if needed != self.size:
            cause = f"its counts ask for {needed} bytes and it has {self.size}"
            raise SourceError(self.path, cause, _REMEDY)
        self._place_ones = places
        self._place_multi = places + int(self._ones[-1])
        self._count_multi = self._place_multi + int(self._multi[-1])

    def read(self, frame: int) -> tuple[NDArray, NDArray, NDArray]:
        """Read one frame.

        Returns
        -------
        place_ones, place_multi, count_multi : ndarray of int32
            Pixels with one photon, pixels with more, and how many these have.
        """
        ones, multi = self._ones[frame : frame + 2], self._multi[frame : frame + 2]
        return (
            self._read_words(self._place_ones + int(ones[0]), int(ones[1] - ones[0])),
            self._read_words(self._place_multi + int(multi[0]), int(multi[1] - multi[0])),
            self._read_words(self._count_multi + int(multi[0]), int(multi[1] - multi[0])),
        )

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)

    def _read_words(self, first: int, n_words: int) -> NDArray:
        words = np.empty(n_words, "<i4")
        read_exactly(self.descriptor, words, first * _WORD, self.path)
        return words


class DragonflyStack:
    """Frames put together from sparse photons.

    Parameters
    ----------
    path : str
        The file, for errors.
    file : EmcFile or SparseHdf5
        Where the photons come from.
    detector : Detector or None
        Where each pixel lies; row by row if None.
    shape : tuple of int
        Height and width of a frame.
    """

    def __init__(
        self, path: str, file: EmcFile | SparseHdf5, detector: Detector | None, shape: tuple[int, int]
    ) -> None:
        self.path, self.file, self.detector = path, file, detector
        expected = _shape(path, file.n_pixels, detector)[0]
        if expected != shape:
            raise SourceError(path, f"has frames of {expected}, not of {shape}", "Register it again")
        self.info = StackInfo(PHOTONS, (file.n_frames, *shape), np.dtype(np.int32))

    def read(self, lo: int, hi: int) -> NDArray:
        """Read frames; a pixel that the file does not name has no photon."""
        height, width = self.info.frame
        frames = np.zeros((hi - lo, height * width), np.int32)
        for number in range(lo, hi):
            ones, multi, counts = self.file.read(number)
            for places in (ones, multi):
                if places.size and (places.min() < 0 or places.max() >= self.file.n_pixels):
                    cause = f"frame {number} names a pixel outside of the {self.file.n_pixels}"
                    raise SourceError(self.path, cause, _REMEDY)
            if len(counts) != len(multi) or (counts.size and counts.min() < 0):
                raise SourceError(self.path, f"frame {number} has counts that make no sense", _REMEDY)
            frames[number - lo, self._places(ones)] = 1
            frames[number - lo, self._places(multi)] = counts
        return frames.reshape(hi - lo, height, width)

    def read_mask(self) -> NDArray | None:
        """Read the mask of the detector; what lies between its pixels is bad, too."""
        return None if self.detector is None else self.detector.good

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _places(self, pixels: NDArray) -> NDArray:
        return pixels if self.detector is None else self.detector.places[pixels]


def _open_file(guard: Guard, path: str) -> EmcFile | SparseHdf5:
    if guard.read_head(path, 8) == b"\x89HDF\r\n\x1a\n":
        return SparseHdf5(guard, path)
    return EmcFile(guard, path)


def _shape(path: str, n_pixels: int, detector: Detector | None) -> tuple[tuple[int, int], list[str]]:
    if detector is not None:
        return detector.shape, []
    side = isqrt(n_pixels)
    if side * side != n_pixels:
        cause = f"has frames of {n_pixels} pixels, which is no square, and no detector file lies beside it"
        raise SourceError(path, cause, "Put its detector file (det_*.h5 or det_*.dat) into the same folder")
    words = f"No detector file lies beside the photons, so frames of {side} x {side} pixels are assumed."
    return (side, side), [words]


FORMAT = DragonflyFormat()
