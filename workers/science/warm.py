"""Load the compiled loops for one type of number before a process gives up writing beside the package."""

import numpy as np

from workers.science.frame_columns import FrameColumns
from workers.science.io.bitshuffle import load_bitshuffle
from workers.science.io.plane_frames import PlaneFrames
from workers.science.resample import Resampler

_SIDE = 8


def load_kernels(dtype: str) -> None:
    """Load what indexing and condensing frames of this type runs; what is missing is compiled and kept.

    Parameters
    ----------
    dtype : str
        As a source description names it.
    """
    frames = np.zeros((1, _SIDE, _SIDE), np.dtype(dtype).newbyteorder("="))
    columns = FrameColumns((_SIDE, _SIDE), None, 0.0)
    columns.add(0, frames)
    if frames.dtype.kind == "u" and frames.dtype.itemsize <= 2:
        planes = frames.view(np.uint8).reshape(1, -1)
        columns.add_planes(1, PlaneFrames(planes, frames[0].size, frames.dtype))
        columns.patterns()
    mask, middle = np.ones((_SIDE, _SIDE), bool), (_SIDE - 1) / 2
    resampler = Resampler(mask=mask, centre=(middle, middle), side=_SIDE, size=_SIDE)
    resampler.resample_levels(frames, np.arange(255, dtype=np.float32))
    load_bitshuffle(frames.dtype.itemsize)
