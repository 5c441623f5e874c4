"""Files with one group per frame: CXI with an entry per shot, SACLA with a tag per shot.

Such a file can hold ten thousand groups, and looking into each takes milliseconds. So the names are listed,
a few groups are looked into, and the rest is checked when it is read.
"""

import re
from dataclasses import dataclass

import numpy as np

from workers.science.errors import SourceError
from workers.science.io.audit import split_shape
from workers.science.io.conventions import Convention, match_paths, numbered_children
from workers.science.io.layout import Candidate, inspect_dataset
from workers.science.io.links import GuardedFile

_LOOKED_INTO = 8


@dataclass(frozen=True)
class Shots:
    """Frames that lie in groups of their own.

    Parameters
    ----------
    candidate : Candidate
        Presents them as one stack; its path holds ``{entry}``.
    entries : list of int
        Numbers of the groups, in order.
    masked_by : str
        Path of the first frame, beside which a mask may lie.
    states : list of dict
        Groups that hold no such frame, among those that were looked into.
    """

    candidate: Candidate
    entries: list[int]
    masked_by: str
    states: list[dict[str, str]]


def find_shots(file: GuardedFile, convention: Convention) -> list[Shots]:
    """Find frames that lie in groups of their own.

    Parameters
    ----------
    file : GuardedFile
        An open file.
    convention : Convention
        Its layout; patterns with ``{entry}`` count.

    Returns
    -------
    found : list of Shots
        One for each detector.
    """
    found: dict[str, Shots] = {}
    for pattern in convention.frames:
        if "{entry}" not in pattern:
            continue
        head, below = pattern.split("{entry}", 1)
        parents, prefix = head.rsplit("/", 1)
        for parent in match_paths(file, parents) if parents else [""]:
            if parent not in found and (shots := _look(file, f"{parent}/{prefix}", below)):
                found[parent] = shots
    return list(found.values())


def is_frame_group(name: str, path: str, shots: list[Shots]) -> bool:
    """Whether a group is one of those that hold a frame of `shots`.

    Parameters
    ----------
    name, path : str
        Name of the group, and path of the group that it lies in.
    shots : list of Shots
        What was found.

    Returns
    -------
    is_frame_group : bool
        By its name alone.
    """
    heads = (item.candidate.path.split("{entry}", 1)[0] for item in shots)
    return any(re.fullmatch(re.escape(head) + r"\d+", f"{path}/{name}") for head in heads)


def _look(file: GuardedFile, head: str, below: str) -> Shots | None:
    path, prefix = head.rsplit("/", 1)
    entries = numbered_children(file, path, prefix)
    sample = (
        [entries[i] for i in np.unique(np.linspace(0, len(entries) - 1, _LOOKED_INTO).astype(int))]
        if entries
        else []
    )
    first, states = None, []
    for entry in sample:
        group = f"{head}{entry}"
        try:
            seen = inspect_dataset(file, group + below)
        except SourceError as error:
            states.append(
                {"file": file.path, "state": "incomplete", "words": f"{error.subject}: {error.cause}"}
            )
            continue
        if first is None:
            first, of_first, masked_by = seen, group, seen.path
        elif (seen.shape, seen.dtype) != (first.shape, first.dtype):
            words = f"{group} holds {seen.dtype} {seen.shape}, others {first.dtype} {first.shape}"
            states.append({"file": file.path, "state": "incomplete", "words": words})
    if first is None or split_shape(first.shape)[0] != 1 or len(first.shape) > 3:
        return None
    # a soft link is followed once for all, where it leads to a place in the same group
    inner = first.path.removeprefix(of_first) if first.path.startswith(f"{of_first}/") else below
    height, width = split_shape(first.shape)[1:]
    candidate = Candidate(f"{head}{{entry}}{inner}", (len(entries), height, width), first.dtype)
    return Shots(candidate, entries, masked_by, states)
