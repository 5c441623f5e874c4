"""Read the frames of a description whose ``parts`` are stacks, one file after the other."""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.guard import Guard
from workers.science.io.protocol import FrameIds, FrameReader
from workers.science.io.stacks import Content, Stack, StackFile, describe_stacks


class StackReader:
    """Read the frames of a source description; a file is opened when it is needed, one at a time.

    Parameters
    ----------
    form : StackFile
        How a file is opened.
    description : dict
        A source description with ``parts``.

    Raises
    ------
    SourceError
        By each method: if a file is missing, refused, damaged, or has changed since it was described.
    """

    def __init__(self, form: StackFile, description: dict[str, Any]) -> None:
        fingerprints = {item["path"]: item["fingerprint"] for item in description["files"]}
        self.guard, self._form = Guard(description["roots"], fingerprints), form
        self.parts: list[dict[str, Any]] = description["parts"]
        self.n_frames, self.dtype = description["n_frames"], np.dtype(description["dtype"])
        self.height, self.width = description["height"], description["width"]
        self._starts = [0, *accumulate(part["n_frames"] for part in self.parts)]
        self._open: tuple[int, Stack] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the open file, if there is one."""
        if self._open is not None:
            self._open[1].close()
        self._open = None

    def read(self, start: int, stop: int) -> NDArray:
        """Read the frames ``[start, stop)``, shape (m, height, width), in the byte order of this machine."""
        frames: NDArray | None = None
        for number, lo, hi in self._pieces(start, stop):
            piece = self._stack(number).read(lo, hi).astype(self.dtype, copy=False)
            if len(piece) == stop - start:
                return piece
            if frames is None:
                frames = np.empty((stop - start, self.height, self.width), self.dtype)
            place = self._starts[number] + lo - start
            frames[place : place + len(piece)] = piece
        return frames

    def read_mask(self) -> NDArray | None:
        """Read the mask of the first file, bool (height, width), True = good, or None."""
        if self.parts[0]["mask_path"] is None:
            return None
        return self._stack(0).read_mask()

    def identify(self, start: int, stop: int) -> FrameIds:
        """Say where the frames ``[start, stop)`` come from; these files know no trains and pulses."""
        source, path, index = [], [], []
        for number, lo, hi in self._pieces(start, stop):
            source += [self.parts[number]["file"]] * (hi - lo)
            path += [self.parts[number]["path"]] * (hi - lo)
            index.append(np.arange(lo, hi))
        unknown = [np.ma.masked_all(stop - start, np.int64) for _ in range(3)]
        return FrameIds(source, path, np.concatenate(index), *unknown)

    def read_columns(self, start: int, stop: int) -> dict[str, NDArray]:
        """Read the source columns; these files have none."""
        return {}

    def read_labels(self, start: int, stop: int) -> NDArray | None:
        """Read the labels; these files have none."""
        return None

    def block_length(self, start: int, block_bytes: int) -> int:
        """Say how many frames are best read at once: about `block_bytes` of them."""
        return max(1, block_bytes // (self.height * self.width * self.dtype.itemsize))

    def _pieces(self, start: int, stop: int) -> list[tuple[int, int, int]]:
        if not 0 <= start < stop <= self.n_frames:
            raise ValueError(f"frames [{start}, {stop}) of {self.n_frames}")
        pieces = []
        for number in range(bisect_right(self._starts, start) - 1, len(self.parts)):
            first = self._starts[number]
            if first >= stop:
                break
            pieces.append((number, max(start - first, 0), min(stop - first, self.parts[number]["n_frames"])))
        return pieces

    def _stack(self, number: int) -> Stack:
        if self._open is None or self._open[0] != number:
            self.close()
            part = self.parts[number]
            stack = self._form.open_stack(self.guard, part)
            self._open = number, stack
            if (stack.info.n_frames, *stack.info.frame) != (part["n_frames"], self.height, self.width):
                raise SourceError(
                    part["file"], f"has the shape {stack.info.shape} now", "Register the data set again"
                )
        return self._open[1]


class StackFormat(ABC):
    """A format of plain stacks; each brings how a file is recognised, looked into and opened."""

    name: str
    title: str

    @abstractmethod
    def recognises(self, head: bytes, path: str, guard: Guard) -> bool:
        """Whether a file is of this format."""

    @abstractmethod
    def survey(self, guard: Guard, path: str) -> Content:
        """Say what is in a file; raises SourceError if nothing is that can be read."""

    @abstractmethod
    def open_stack(self, guard: Guard, part: dict[str, Any]) -> Stack:
        """Open what `survey` found."""

    def describe(self, guard: Guard, sources: Sequence[str], dataset_path: str | None) -> dict[str, Any]:
        """Describe files as one stack, in their order."""
        return describe_stacks(self, guard, sources, dataset_path)

    def open(self, description: dict[str, Any]) -> FrameReader:
        """Open what was described."""
        return StackReader(self, description)
