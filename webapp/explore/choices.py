"""Which frames a pattern is taken over: a cluster, a class, or frames by number; many are sampled evenly."""

import re
from collections.abc import Mapping

import numpy as np

from webapp.datasets.columns import Columns
from webapp.datasets.scopes import ScopeError, frames_of_scope

MOST_FRAMES = 2000
MOST_RANGES = 500
_RANGE = re.compile(r"\s*(\d{1,12})(?:\s*-\s*(\d{1,12}))?\s*")


def choose_frames(columns: Columns, asked: Mapping[str, str]) -> tuple[list[int], int]:
    """Return the numbers of the frames, at most `MOST_FRAMES`, and how many were meant."""
    if asked.get("class"):
        frames = frames_of_class(columns, asked["class"])
    elif asked.get("cluster"):
        frames = frames_of_scope(columns, {"cluster": _cluster(asked["cluster"])})
    else:
        frames = frames_of_text(asked.get("frames", ""), columns.n_frames)
    if not len(frames):
        raise ScopeError("No frames are chosen. Name some, such as 0-99, 250.")
    return _spread(frames), len(frames)


def frames_of_text(text: str, n_frames: int) -> np.ndarray:
    """Return the frames, int64 ascending, that a person wrote as “0-99, 250”."""
    parts = [part for part in text.split(",") if part.strip()]
    if len(parts) > MOST_RANGES:
        raise ScopeError(f"At most {MOST_RANGES} ranges of frames can be named.")
    chosen = np.zeros(n_frames, dtype=bool)  # not a list of the ranges: five hundred of them may be the same
    for part in parts:
        match = _RANGE.fullmatch(part)
        if match is None:
            raise ScopeError(
                f"“{part.strip()[:40]}” names no frames. Write numbers and ranges, such as 0-99, 250."
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < n_frames:
            raise ScopeError(f"There are no frames {part.strip()}; they go from 0 to {n_frames - 1}.")
        chosen[first : last + 1] = True
    return np.flatnonzero(chosen)


def frames_of_class(columns: Columns, name: str) -> np.ndarray:
    """Return the frames, int64 ascending, whose probability of a class reaches the classifier's threshold."""
    classes = columns.classifier.facts["classes"] if columns.classifier else []
    if name not in classes or columns.class_probabilities is None:
        raise ScopeError(f"The classifier knows no class “{name[:80]}”.")
    place = classes.index(name)
    thresholds = columns.classifier.facts.get("thresholds") or [0.5] * len(classes)
    return np.flatnonzero(columns.class_probabilities[:, place] >= thresholds[place])


def _cluster(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ScopeError("A cluster is named by its number.") from error


def _spread(frames: np.ndarray) -> list[int]:
    if len(frames) > MOST_FRAMES:
        frames = frames[np.linspace(0, len(frames) - 1, MOST_FRAMES).astype(np.int64)]
    return [int(frame) for frame in frames]
