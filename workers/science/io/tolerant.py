"""Read frames so that one that cannot be read does not cost the others."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.plane_frames import PlaneFrames
from workers.science.io.protocol import FrameIds, FrameReader

MAX_CAUSES = 5
FILE_NAME = "unreadable.json"
Piece = TypeVar("Piece")


@dataclass
class Unreadable:
    """How many frames could not be read, and why the first of them could not."""

    n_frames: int = 0
    causes: list[str] = field(default_factory=list)

    def add(self, n_frames: int, causes: list[str]) -> None:
        """Count frames; causes that are known already are not kept again."""
        self.n_frames += n_frames
        for cause in causes:
            if cause not in self.causes and len(self.causes) < MAX_CAUSES:
                self.causes.append(cause)

    def save(self, folder: str | Path) -> None:
        """Write what was counted beside the results of a part."""
        (Path(folder) / FILE_NAME).write_text(json.dumps({"n_frames": self.n_frames, "causes": self.causes}))

    def add_part(self, folder: str | Path) -> None:
        """Add what a part has written."""
        path = Path(folder) / FILE_NAME
        if path.exists():
            self.add(**json.loads(path.read_text()))


def read_blocks(
    reader: FrameReader,
    start: int,
    stop: int,
    failed: Unreadable,
    *,
    block_bytes: int,
    as_planes: bool = False,
) -> Iterator[tuple[int, int, NDArray | PlaneFrames | None]]:
    """Read a range block by block; a block that fails is tried again frame by frame.

    Parameters
    ----------
    reader : FrameReader
        Where the frames come from.
    start, stop : int
        Half-open range of frames.
    failed : Unreadable
        Gathers what cannot be read.
    block_bytes : int
        Rough size of a block in memory.
    as_planes : bool, default=False
        Whether blocks may come as `PlaneFrames` where the reader has them.

    Yields
    ------
    first, last : int
        Half-open range of the block.
    frames : ndarray of shape (m, height, width), PlaneFrames or None
        The block; None for one frame that cannot be read.
    """
    if hasattr(reader, "expect"):
        reader.expect(stop - start)
    read_planes = getattr(reader, "read_planes", _no_planes) if as_planes else _no_planes
    first = start
    while first < stop:
        try:
            last = min(stop, first + reader.block_length(first, block_bytes))
            frames = read_planes(first, last)
            if frames is None:
                frames = reader.read(first, last)
        except SourceError as error:
            frame_bytes = reader.height * reader.width * reader.dtype.itemsize
            last = min(stop, first + max(1, block_bytes // frame_bytes))
            if last == first + 1:
                failed.add(1, [str(error)])
                yield first, last, None
            else:
                yield from _read_singly(reader, first, last, failed)
        else:
            yield first, last, frames
        first = last


def _no_planes(first: int, last: int) -> None:
    return None


def _read_singly(
    reader: FrameReader, start: int, stop: int, failed: Unreadable
) -> Iterator[tuple[int, int, NDArray | None]]:
    for number in range(start, stop):
        try:
            frames = reader.read(number, number + 1)
        except SourceError as error:
            failed.add(1, [str(error)])
            frames = None
        yield number, number + 1, frames


def identify_frames(reader: FrameReader, start: int, stop: int) -> list[FrameIds]:
    """Identify a range; what cannot be identified has no source, no number and no identifiers.

    Parameters
    ----------
    reader : FrameReader
        Where the frames come from.
    start, stop : int
        Half-open range of frames.

    Returns
    -------
    pieces : list of FrameIds
        In order; ``source`` and ``path`` are "" and ``source_index`` is -1 where unknown.
    """
    return _ask(reader.identify, start, stop, _unknown_frame)


def read_source_columns(reader: FrameReader, start: int, stop: int) -> list[dict[str, NDArray]]:
    """Read the source columns of a range, in pieces; a piece without columns stands for one frame."""
    return _ask(reader.read_columns, start, stop, dict)


def _ask(
    question: Callable[[int, int], Piece], start: int, stop: int, unknown: Callable[[], Piece]
) -> list[Piece]:
    """Ask for a range; where that fails, for its halves, down to single frames."""
    try:
        return [question(start, stop)]
    except SourceError:
        if stop - start == 1:
            return [unknown()]
    middle = (start + stop) // 2
    return [*_ask(question, start, middle, unknown), *_ask(question, middle, stop, unknown)]


def _unknown_frame() -> FrameIds:
    masked = np.ma.masked_all(1, np.int64)
    return FrameIds([""], [""], np.array([-1]), masked, masked, masked)
