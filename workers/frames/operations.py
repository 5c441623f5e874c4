"""What can be asked of an open source: a frame, the mask of its files, a pattern over several frames."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.frames.protocol import RequestError
from workers.science.errors import SourceError
from workers.science.io import FrameReader
from workers.science.resample import find_invalid

CACHE_BYTES = 192 * 2**20
BLOCK_BYTES = 2**20
LARGEST_ANSWER = 256 * 2**20
PATTERN_BYTES = 16 * 2**30  # as much is read for one pattern, and evenly spread frames beyond it
N_AHEAD = 2
N_NEAR = 4


class OpenSource:
    """Frames of one source, those that were read last kept in memory.

    Parameters
    ----------
    reader : FrameReader
        An open source.
    """

    def __init__(self, reader: FrameReader) -> None:
        self.reader = reader
        self.frame_bytes = reader.height * reader.width * reader.dtype.itemsize
        self._kept: OrderedDict[int, NDArray] = OrderedDict()
        self._last: int | None = None
        self._direction = 0

    def frame(self, index: int, *, bin: int = 1, plain: bool = False) -> tuple[NDArray, dict[str, Any]]:
        """Read one frame.

        Parameters
        ----------
        index : int
            Number of the frame.
        bin : int, default=1
            Side of the squares of pixels that are averaged.
        plain : bool, default=False
            Whether to give numbers of a type that browsers have: 8 to 32 bits if whole, else floats.

        Returns
        -------
        frame : ndarray of shape (height, width), (ceil(height / bin), ceil(width / bin)) if binned
            In the type of the file; float32 if binned, NaN where no pixel has a value.
        facts : dict
            ``n_frames``, ``dtype_of_file``, and the full ``height`` and ``width``.
        """
        if index >= self.reader.n_frames:
            raise RequestError(f"there is no frame {index}, there are {self.reader.n_frames}")
        if self.frame_bytes // bin**2 > LARGEST_ANSWER:
            raise SourceError(
                f"frame {index}",
                f"has {self.frame_bytes >> 20} MiB",
                "Ask for it binned, it cannot be sent whole",
            )
        self._follow(index)
        frame = self._read(index)
        facts = {
            "n_frames": self.reader.n_frames,
            "dtype_of_file": frame.dtype.name,
            "height": self.reader.height,
            "width": self.reader.width,
        }
        if bin > 1:
            return bin_frame(frame, bin), facts
        return (as_plain(frame) if plain else frame), facts

    def mask(self, *, bin: int = 1) -> tuple[NDArray, dict[str, Any]]:
        """Read the mask of the files: uint8 (height, width), 1 = masked; empty where they have none."""
        good = self.reader.read_mask()
        if good is None:
            return np.zeros((0, 0), np.uint8), {"has_mask": False}
        masked = (~good).astype(np.uint8)
        if bin > 1:
            masked = (bin_frame(masked, bin) > 0.5).astype(np.uint8)
        return masked, {"has_mask": True}

    def pattern(self, frames: list[int], what: str) -> tuple[NDArray, dict[str, Any]]:
        """Sum, average or take the maximum over frames.

        Parameters
        ----------
        frames : list of int
            Numbers of frames, ascending.
        what : str
            ``sum``, ``mean`` or ``maximum``.

        Returns
        -------
        pattern : ndarray of shape (height, width), float64
            NaN where no frame has a value.
        facts : dict
            ``n_used``: over how many frames; fewer than asked for where they are too large.
        """
        if frames[-1] >= self.reader.n_frames:
            raise RequestError(f"there is no frame {frames[-1]}, there are {self.reader.n_frames}")
        most = max(1, PATTERN_BYTES // self.frame_bytes)
        if len(frames) > most:
            frames = [frames[place] for place in np.linspace(0, len(frames) - 1, most).astype(int)]
        shape = self.reader.height, self.reader.width
        total, peak, n_valid = np.zeros(shape), np.full(shape, -np.inf), np.zeros(shape, np.int32)
        for start, stop in runs(frames, max(1, (16 * BLOCK_BYTES) // self.frame_bytes)):
            for frame in self.reader.read(start, stop):
                invalid = find_invalid(frame)
                good = True if invalid is None else ~invalid
                np.add(total, frame, out=total, where=good)
                np.maximum(peak, frame, out=peak, where=good)
                n_valid += good
        pattern = {"sum": total, "mean": total / np.maximum(n_valid, 1), "maximum": peak}[what]
        return np.where(n_valid > 0, pattern, np.nan), {"n_used": len(frames)}

    def read_ahead(self) -> Iterator[None]:
        """Read, one at each step, the frames that come next, where somebody turns them one by one."""
        last, direction = self._last, self._direction
        for step in range(1, N_AHEAD + 1) if last is not None and direction else ():
            index = last + step * direction
            if not 0 <= index < self.reader.n_frames or index in self._kept:
                continue
            try:
                self._read(index)
            except SourceError:
                return  # who asks for that frame will hear of it
            yield

    def _follow(self, index: int) -> None:
        step = 0 if self._last is None else index - self._last
        if step:
            # Browsers ask for a few frames around the one that is shown; a jump is no direction.
            self._direction = 0 if abs(step) > N_NEAR else (1 if step > 0 else -1)
        self._last = index

    def _read(self, index: int) -> NDArray:
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        # Small frames lie many in a chunk, which is decompressed as a whole.
        length = max(1, self.reader.block_length(index, max(self.frame_bytes, BLOCK_BYTES)))
        length = min(length, max(1, 16 * BLOCK_BYTES // self.frame_bytes), self.reader.n_frames - index)
        frames = self.reader.read(index, index + length)
        for place in reversed(range(length)):
            self._kept[index + place] = frames[place]
            self._kept.move_to_end(index + place)
        while len(self._kept) > max(1, CACHE_BYTES // self.frame_bytes):
            self._kept.popitem(last=False)
        return self._kept[index]


def runs(frames: list[int], longest: int) -> Iterator[tuple[int, int]]:
    """Join ascending numbers into half-open ranges of at most `longest`."""
    start = stop = frames[0]
    for frame in frames:
        if frame != stop or stop - start >= longest:
            yield start, stop
            start = frame
        stop = frame + 1
    yield start, stop


def bin_frame(frame: NDArray, side: int) -> NDArray:
    """Average squares of `side` x `side` pixels, leaving out those without a value.

    Parameters
    ----------
    frame : ndarray of shape (height, width)
        Counts.
    side : int
        Side of a square, in pixels.

    Returns
    -------
    binned : ndarray of shape (ceil(height / side), ceil(width / side)), float32
        Mean counts per pixel; NaN where no pixel of a square has a value.
    """
    invalid = find_invalid(frame)
    good = np.ones(frame.shape, np.float32) if invalid is None else (~invalid).astype(np.float32)
    values = frame.astype(np.float32) if invalid is None else np.where(invalid, 0, frame).astype(np.float32)
    rows, columns = (np.arange(0, length, side) for length in frame.shape)
    total, n_good = (
        np.add.reduceat(np.add.reduceat(each, rows, axis=0), columns, axis=1) for each in (values, good)
    )
    return np.where(n_good > 0, total / np.maximum(n_good, 1), np.nan).astype(np.float32)


def as_plain(frame: NDArray) -> NDArray:
    """Give numbers a type that browsers have."""
    if frame.dtype.kind == "b":
        return frame.astype(np.uint8)
    if frame.dtype.kind in "iu" and frame.dtype.itemsize > 4:
        return frame.astype(np.float64)
    return frame.astype(np.float32) if frame.dtype.kind == "f" and frame.dtype.itemsize == 2 else frame
