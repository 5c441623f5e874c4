"""Step: find the frames of a data set again in another one of the same shots."""

from pathlib import Path
from typing import Any

import numpy as np

from workers.science.identity import match_frames
from workers.science.progress import Progress, silent


def match(
    *, old_index_dir: str, new_index_dir: str, out: str, on_progress: Progress = silent
) -> dict[str, Any]:
    """Match the frames of two indices.

    Parameters
    ----------
    old_index_dir, new_index_dir : str
        Folders written by `merge_index`.
    out : str
        Folder for ``matches.npz``: `old` and `new`, int64 (m,), the numbers of the same frames.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_matched``, and ``by``: what the frames were recognised by, in words, empty if nothing tells.
    """
    on_progress(0, 1, "indices", note="comparing frames")
    matches = match_frames(Path(old_index_dir) / "frames.parquet", Path(new_index_dir) / "frames.parquet")
    np.savez(Path(out) / "matches.npz", old=matches.old, new=matches.new)
    on_progress(1, 1, "indices")
    return {"n_matched": len(matches.old), "by": matches.by}
