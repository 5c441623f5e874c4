"""Step: the latents of all frames, a range at a time."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from workers.science.another_set import embedder_for
from workers.science.embed import embed_frames
from workers.science.errors import ScienceError
from workers.science.progress import Progress, silent


def embed_range(
    *,
    condensed_dir: str,
    network_dir: str,
    start: int,
    stop: int,
    threads: int,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Write ``latents.npy``, float32 (stop - start, d), of the frames ``[start, stop)``.

    Parameters
    ----------
    condensed_dir, network_dir : str
        Folders of the steps `condense` and `learn`.
    start, stop : int
        Range of frames in the data set.
    threads : int
        Chunks of frames worked on at a time.
    out : str
        Existing, empty folder.
    on_progress : Progress

    Returns
    -------
    result : dict
        Empty.

    Raises
    ------
    ScienceError
        If the network is of another kind or learned from frames of another size.
    """
    torch.set_num_threads(threads)
    condensed = np.load(Path(condensed_dir) / "condensed.npy", mmap_mode="r", allow_pickle=False)
    network = embedder_for(network_dir, condensed_dir)
    latents = embed_frames(condensed[start:stop], network, threads=threads, on_progress=on_progress)
    np.save(Path(out) / "latents.npy", latents)
    return {}


def merge_latents(*, parts: list[str], out: str, on_progress: Progress = silent) -> dict[str, Any]:
    """Join the latents of ranges into one ``latents.npy``.

    Parameters
    ----------
    parts : list of str
        Folders of `embed_range`, in the order of the data set.
    out : str
        Existing, empty folder.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_frames``.

    Raises
    ------
    ScienceError
        If there are no parts, or they come from networks with different numbers of latents.
    """
    arrays = [np.load(Path(p) / "latents.npy", mmap_mode="r", allow_pickle=False) for p in parts]
    if len({array.shape[1] for array in arrays}) != 1:
        raise ScienceError("Latents", "the parts do not come from one network", "Embed the data set again")
    n_frames = sum(len(array) for array in arrays)
    path = Path(out) / "latents.npy"
    shape = (n_frames, arrays[0].shape[1])
    joined = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    done = 0
    for array in arrays:
        on_progress(done, n_frames, note="joining")
        joined[done : done + len(array)] = array
        done += len(array)
    joined.flush()
    return {"n_frames": n_frames}
