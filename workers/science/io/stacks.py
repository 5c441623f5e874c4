"""What formats of plain stacks have in common, so that each brings only how one of its files is read.

A data set of such a format is the stacks of its files, one after the other. A file that cannot be read is
left out and told of in ``states``; one whose frames are of another shape or type ends the description.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.audit import MAX_FRAME_BYTES, MAX_FRAMES, MAX_LOGICAL_BYTES, MAX_SIDE, MIN_SIDE
from workers.science.io.guard import Guard


@dataclass(frozen=True)
class StackInfo:
    """Frames that lie in a file under a name; `shape` is (h, w) or (n, h, w)."""

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.shape[0] if len(self.shape) == 3 else 1

    @property
    def frame(self) -> tuple[int, int]:
        """Height and width."""
        return self.shape[-2], self.shape[-1]

    def describe(self) -> dict[str, Any]:
        """Give it as plain JSON values."""
        return {
            "path": self.path,
            "shape": list(self.shape),
            "dtype": self.dtype.newbyteorder("=").name,
            "n_frames": self.n_frames,
        }


@dataclass
class Content:
    """What one file holds.

    Parameters
    ----------
    stacks : list of StackInfo
        What can be read as frames, the most likely first.
    mask_path : str, optional
        Name of a mask in the file.
    warnings : list of str
        Sentences for the user.
    kept : dict
        What the format needs again to open the file; plain JSON values.
    """

    stacks: list[StackInfo]
    mask_path: str | None = None
    warnings: list[str] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)


class Stack(Protocol):
    """The frames of one open file."""

    info: StackInfo

    def read(self, lo: int, hi: int) -> NDArray:
        """Read the frames ``[lo, hi)`` as an array of shape (m, height, width)."""

    def read_mask(self) -> NDArray | None:
        """Read the mask as bool (height, width), True = good, or None."""

    def close(self) -> None:
        """Close the file."""


class StackFile(Protocol):
    """How the files of one format are looked into and opened."""

    name: str

    def survey(self, guard: Guard, path: str) -> Content:
        """Say what is in a file; raises SourceError if nothing is that can be read."""

    def open_stack(self, guard: Guard, part: dict[str, Any]) -> Stack:
        """Open what `survey` found; `part` has ``file``, ``path``, ``mask_path`` and what was kept."""


def check_stack(subject: str, shape: Sequence[int], dtype: np.dtype) -> None:
    """Refuse what cannot be frames of a detector, before anything is allocated for it.

    Parameters
    ----------
    subject : str
        What the error names.
    shape : sequence of int
        As the file says.
    dtype : numpy.dtype
        As the file says.

    Raises
    ------
    SourceError
        If rank, type, shape or size are out of bounds, or if there is no frame.
    """
    if dtype.kind == "c":
        cause = f"holds complex numbers ({dtype}), and a detector counts"
        raise SourceError(subject, cause, "Write the intensity, the square of their magnitude")
    if dtype.kind not in "iuf" or dtype.itemsize > 8 or dtype.subdtype:
        raise SourceError(
            subject, f"holds values of type {dtype}, not plain numbers", "Write frames as numbers"
        )
    if len(shape) not in (2, 3):
        cause = f"is no stack of frames: {dtype} of shape {tuple(shape)}"
        raise SourceError(subject, cause, "Write one frame as (y, x), several as (n, y, x)")
    n_frames, height, width = shape if len(shape) == 3 else (1, *shape)
    if n_frames < 1:
        raise SourceError(subject, "holds no frame (0 frames)", "Choose another file")
    if not (MIN_SIDE <= height <= MAX_SIDE and MIN_SIDE <= width <= MAX_SIDE):
        raise SourceError(subject, f"has frames of {height} x {width} pixels", "Choose another file")
    frame_bytes = height * width * dtype.itemsize
    if n_frames > MAX_FRAMES or frame_bytes > MAX_FRAME_BYTES or n_frames * frame_bytes > MAX_LOGICAL_BYTES:
        cause = f"claims {n_frames} frames of {frame_bytes / 2**20:.1f} MiB, more than can be true"
        raise SourceError(subject, cause, "Check what wrote the file")


def header_number(path: str, fields: Mapping[str, str], name: str) -> int:
    """Read a number of a header that is text.

    Parameters
    ----------
    path : str
        The file, for the error.
    fields : mapping of str to str
        The header.
    name : str
        Of the number.

    Returns
    -------
    number : int
        Not negative, of at most 18 digits.

    Raises
    ------
    SourceError
        If the header does not say it.
    """
    text = fields.get(name, "")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        remedy = "Check what wrote the file, or copy it again"
        raise SourceError(path, f"its header does not say {name}", remedy)
    return int(text)


def describe_stacks(
    form: StackFile, guard: Guard, sources: Sequence[str], dataset_path: str | None
) -> dict[str, Any]:
    """Describe files as one stack, in their order.

    Parameters
    ----------
    form : StackFile
        How a file is looked into.
    guard : Guard
        Opens the files.
    sources : sequence of str
        The files.
    dataset_path : str, optional
        Name of the frames in each file; proposed if not given.

    Returns
    -------
    found : dict
        A source description, without the keys that `describe_source` adds.

    Raises
    ------
    SourceError
        If no file can be read, or if frames differ in shape or type.
    """
    parts, states, warnings = [], [], []
    first: tuple[Content, StackInfo] | None = None
    error: SourceError | None = None
    for source in sources:
        try:
            content = form.survey(guard, source)
            chosen = _choose(source, content, dataset_path)
        except SourceError as refused:
            error = error or refused
            states.append({"file": source, "state": "unreadable", "words": str(refused)})
            continue
        dataset_path = chosen.path
        first = first or (content, chosen)
        _check_same(source, chosen, first[1])
        warnings += [text for text in content.warnings if text not in warnings]
        mask = {"mask_path": content.mask_path}
        parts.append(
            {"file": source, "path": chosen.path, "n_frames": chosen.n_frames, **mask, **content.kept}
        )
    if first is None:
        raise error or SourceError("sources", "no file was named", "Choose at least one file")
    content, chosen = first
    return {
        "format": form.name,
        "candidates": [stack.describe() for stack in content.stacks],
        "dataset_path": chosen.path,
        "n_frames": sum(part["n_frames"] for part in parts),
        "height": chosen.frame[0],
        "width": chosen.frame[1],
        "dtype": chosen.dtype.newbyteorder("=").name,
        "mask_path": content.mask_path,
        "warnings": warnings,
        "states": states,
        "parts": parts,
    }


def _choose(source: str, content: Content, dataset_path: str | None) -> StackInfo:
    for stack in content.stacks:
        if dataset_path in (None, stack.path):
            return stack
    names = ", ".join(stack.path for stack in content.stacks[:5])
    raise SourceError(f"{source} {dataset_path}", "there is no such dataset", f"Choose one of: {names}")


def _check_same(source: str, stack: StackInfo, first: StackInfo) -> None:
    if (stack.frame, stack.dtype) == (first.frame, first.dtype):
        return
    here, there = (
        f"{item.frame[0]} x {item.frame[1]} {item.dtype.newbyteorder('=').name}" for item in (stack, first)
    )
    raise SourceError(
        source, f"has frames of {here}, the first file of {there}", "Register them as two data sets"
    )
