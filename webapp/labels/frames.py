"""Frame numbers as bytes in a row, and the state that a chain of label events leads to."""

import zlib
from dataclasses import dataclass

import numpy as np

UNSEEN = -1  # no event speaks of the frame


def pack_frames(frames: np.ndarray) -> bytes:
    """Return sorted frame numbers, shape (m,), as compressed bytes; neighbours cost next to nothing."""
    steps = np.diff(frames.astype("<i8"), prepend=np.int64(0))
    return zlib.compress(steps.astype("<i8").tobytes(), level=1)


def unpack_frames(packed: bytes) -> np.ndarray:
    """Return the frame numbers, int64 of shape (m,), that `pack_frames` packed."""
    return np.cumsum(np.frombuffer(zlib.decompress(bytes(packed)), dtype="<i8"))


@dataclass
class LabelState:
    """The labels of all frames after some event.

    Attributes
    ----------
    masks : ndarray of shape (n,), int64
        One bit a class; `UNSEEN` where nobody has spoken. 0 says that none of the classes applies.
    authors : ndarray of shape (n,), int32
        The user who spoke last of the frame; 0 where nobody did, or the command line.
    last_event : int
        The number of the last event that is contained.
    """

    masks: np.ndarray
    authors: np.ndarray
    last_event: int = 0

    @classmethod
    def empty(cls, n_frames: int) -> "LabelState":
        """Return the state before the first event."""
        return cls(np.full(n_frames, UNSEEN, dtype=np.int64), np.zeros(n_frames, dtype=np.int32))

    def apply(self, operation: str, mask: int, frames: np.ndarray, author: int, clears: int = 0) -> None:
        """Apply one event in place; `clears` are the bits that an "add" takes away."""
        old = self.masks[frames]
        seen = np.where(old == UNSEEN, 0, old)
        if operation == "set":
            new = np.full_like(old, mask)
        elif operation == "add":
            new = (seen & ~np.int64(clears)) | np.int64(mask)
        elif operation == "remove":
            new = np.where(old == UNSEEN, UNSEEN, seen & ~np.int64(mask))
        else:
            new = np.full_like(old, UNSEEN)
        self.masks[frames] = new
        self.authors[frames] = np.where(new == UNSEEN, 0, author)

    def indices(self) -> np.ndarray:
        """Return the numbers of the labelled frames, int64, ascending."""
        return np.flatnonzero(self.masks != UNSEEN)

    def matrix(self, n_classes: int) -> np.ndarray:
        """Return the labels of the labelled frames, bool of shape (m, n_classes)."""
        masks = self.masks[self.indices()]
        return (masks[:, None] >> np.arange(n_classes)) & 1 == 1
