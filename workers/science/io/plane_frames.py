"""Frames as bitshuffle leaves them: each bit of the pixels in a plane of its own."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.io.bitshuffle import put_together

WORD = 64  # pixels


@dataclass(frozen=True)
class PlaneFrames:
    """Frames of unsigned integers of 8 or 16 bits that nobody has put together yet.

    Parameters
    ----------
    planes : ndarray of shape (m, itemsize * p), uint8
        Of each frame, block by block, the plane of the lowest bits, of the next, and so on.
    block : int
        Pixels of a block, a multiple of 64 as p is; the last block of a frame may be shorter.
    dtype : dtype
        Of the pixels, in the byte order of this machine.
    """

    planes: NDArray
    block: int
    dtype: np.dtype

    def __len__(self) -> int:
        return len(self.planes)

    def put_together(self, start: int, stop: int) -> NDArray:
        """Return the frames ``[start, stop)`` of these, flattened, of shape (stop - start, p)."""
        return put_together(self.planes[start:stop], self.block, self.dtype)
