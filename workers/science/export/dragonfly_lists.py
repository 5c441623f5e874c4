"""Class and blacklist files for Dragonfly: one line for every frame of the photon files, in their order."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.science.export.frame_list import FrameList
from workers.science.manifest import join_names


def write_lists(out: Path, frames: FrameList, n_indexed: int) -> dict[str, str]:
    """Write the classes of all frames, and a blacklist for the choice and for each class.

    Dragonfly counts frames through all photon files, so the lists have a line for each frame of the data
    set, also for those that are not in the manifest: these have no class and are blacklisted.

    Parameters
    ----------
    out : Path
        An existing folder.
    frames : FrameList
        The rows of the manifest.
    n_indexed : int
        Number of frames of the data set.

    Returns
    -------
    words : dict of str to str
        What is in each file, by its name.
    """
    lines = np.full(n_indexed, "", object)
    lines[frames.index] = join_names(frames.decided, frames.classes)
    with (out / "dragonfly-classes.dat").open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)
    words = {
        "dragonfly-classes.dat": f"Dragonfly's class list: the classes of {n_indexed} frames, a line each."
    }
    words["dragonfly-blacklist.dat"] = _blacklist(out / "dragonfly-blacklist.dat", frames.index, n_indexed)
    for name, stem, rows in frames.by_class():
        file = f"dragonfly-blacklist-{stem}.dat"
        words[file] = f"{_blacklist(out / file, frames.index[rows], n_indexed)} Kept is {name}."
    return words


def _blacklist(path: Path, kept: NDArray[np.int64], n_indexed: int) -> str:
    flags = np.full((n_indexed, 2), [ord("1"), ord("\n")], np.uint8)
    flags[kept, 0] = ord("0")
    path.write_bytes(flags.tobytes())
    return f"Dragonfly's blacklist: 0 for {len(kept)} frames that are used, 1 for all others."
