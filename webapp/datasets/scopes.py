"""Which frames a person means: some by number, a cluster, an area of the map, a range of a column, and so on.

A scope is an object with exactly one of the names that are registered here; other apps register theirs.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import numpy as np

from webapp.datasets.areas import frames_in_area
from webapp.datasets.cluster_names import name_of, names_of
from webapp.datasets.cluster_orders import members_of_cluster
from webapp.datasets.columns import Columns, columns_of
from webapp.datasets.decisions import predicted_frames
from webapp.datasets.models import Dataset
from webapp.datasets.number_columns import number_column, number_columns
from webapp.datasets.runs import runs_of

MOST_CORNERS = 2000
MOST_FRAMES = 20_000
MOST_DEPTH = 4
_OPEN = (-np.inf, np.inf)

Resolver = Callable[[Columns, Any], np.ndarray]
Words = Callable[[Columns, Any], str]


class ScopeError(ValueError):
    """A choice of frames that cannot be read; the text is for the user."""


_RESOLVERS: dict[str, Resolver] = {}
_WORDS: dict[str, Words] = {}


def register_scope(name: str, resolver: Resolver, words: Words | None = None) -> None:
    """Let scopes be named by `name`.

    `resolver(columns, value)` returns the numbers of the frames, integers ascending, or raises `ScopeError`;
    `words(columns, value)` says which they are after the word “frames”, such as “labelled Round”.
    """
    _RESOLVERS[name] = resolver
    if words is not None:
        _WORDS[name] = words


def columns_of_scope(dataset: Dataset, scope: Any) -> Columns:
    """Return the columns that the page showed on which the choice was made."""
    if not isinstance(scope, dict):
        raise ScopeError(_which())
    columns = columns_of(dataset, clustering=_uuid(scope, "clustering"), drawn=_uuid(scope, "map"))
    if columns is None:
        raise ScopeError("These clusters are not there any more. Load the page again.")
    return columns


def frames_of_scope(columns: Columns, scope: Any) -> np.ndarray:
    """Return the numbers, int64 ascending, of the frames that `scope` names."""
    name = name_of_scope(scope)
    return np.asarray(_RESOLVERS[name](columns, scope[name]), dtype=np.int64)


def name_of_scope(scope: Any) -> str:
    """Return by which of the registered names a scope says what it means."""
    names = _RESOLVERS.keys() & scope.keys() if isinstance(scope, dict) else set()
    if len(names) != 1:
        raise ScopeError(_which())
    return names.pop()


def words_of_scope(columns: Columns, scope: Any) -> str:
    """Return what follows the word “frames”, such as “of run 12 in cluster 3”; empty for all of them."""
    name = name_of_scope(scope)
    return _WORDS[name](columns, scope[name]) if name in _WORDS else f"by {name}"


def title_of_scope(columns: Columns, scope: Any) -> str:
    """Return the heading under which the frames of a scope are shown."""
    if name_of_scope(scope) == "cluster":
        name = name_of_cluster(columns, scope["cluster"])
        return name[:1].upper() + name[1:]
    words = words_of_scope(columns, scope)
    return f"Frames {words}" if words else "All frames"


def depth_of_scope(scope: Any) -> int:
    """Return how many scopes lie within one another, counted no further than `MOST_DEPTH` + 1."""
    within, depth = [scope], 0
    while within and depth <= MOST_DEPTH:
        depth += 1
        parts = (each.get("both") for each in within if isinstance(each, dict))
        within = [part for both in parts if isinstance(both, list) for part in both[:2]]
    return depth


def _which() -> str:
    return f"Say which frames are meant, by one of: {', '.join(sorted(_RESOLVERS))}."


def _all(columns: Columns, value: Any) -> np.ndarray:
    if value is not True:
        raise ScopeError("Write true where all frames are meant.")
    return np.arange(columns.n_frames)


def _numbers(columns: Columns, frames: Any) -> np.ndarray:
    if not isinstance(frames, list) or not all(type(frame) is int for frame in frames):
        raise ScopeError("Frames are named by their numbers.")
    if len(frames) > MOST_FRAMES:
        raise ScopeError(f"At most {MOST_FRAMES} frames can be named one by one; name a cluster or an area.")
    outside = [frame for frame in frames if not 0 <= frame < columns.n_frames]
    if outside:
        raise ScopeError(f"There is no frame {outside[0]} in this data set.")
    return np.unique(np.array(frames, dtype=np.int64))


def _cluster(columns: Columns, cluster: Any) -> np.ndarray:
    if type(cluster) is not int:
        raise ScopeError("A cluster is named by its number.")
    if columns.clusters is None:
        raise ScopeError("There are no clusters yet.")
    return members_of_cluster(columns.products["cluster"].folder, cluster)


def _polygon(columns: Columns, polygon: Any) -> np.ndarray:
    if columns.positions is None:
        raise ScopeError("There is no map yet.")
    return frames_in_area(columns.products["project"].folder, _corners(polygon).tobytes())


def _range(columns: Columns, value: Any) -> np.ndarray:
    name, low, high = range_of(value)
    column = number_column(columns, name)
    if column is None:
        raise ScopeError(f"There are no numbers called “{name[:80]}” in this data set.")
    if column.dtype == bool:
        column = column.view(np.uint8)
    low, high = (
        np.float64(low),
        np.float64(high),
    )  # so that float32 is not compared with what is rounded to it
    meant = column >= low
    # The last bin of a histogram holds its upper end, the others do not.
    meant &= column <= high if high >= _largest(column) else column < high
    return np.flatnonzero(meant)


def range_of(value: Any) -> tuple[str, float, float]:
    """Return column, lower and upper end of a range; an end that is not given is infinite."""
    if not isinstance(value, dict) or not isinstance(value.get("column"), str):
        raise ScopeError("A range has a column, and a low and a high end.")
    ends = [value.get("low"), value.get("high")]
    if not all(end is None or type(end) in (int, float) for end in ends):
        raise ScopeError("The ends of a range are numbers.")
    try:
        low, high = (float(end) if end is not None else fill for end, fill in zip(ends, _OPEN, strict=True))
    except OverflowError as error:
        raise ScopeError("The ends of a range are numbers.") from error
    if not low <= high:
        raise ScopeError("The low end of a range lies above its high end.")
    return value["column"], low, high


def _largest(column: np.ndarray) -> float:
    return float(np.fmax.reduce(column)) if len(column) else -np.inf


def _run(columns: Columns, number: Any) -> np.ndarray:
    runs = runs_of(columns)
    if runs is None:
        raise ScopeError("The runs of the frames are not known yet.")
    if type(number) is not int or not 0 <= number < len(runs.names):
        raise ScopeError("A run is named by its place in the list of runs.")
    return np.flatnonzero(runs.codes == number)


def _predicted(columns: Columns, name: Any) -> np.ndarray:
    if name is not None and not isinstance(name, str):
        raise ScopeError("A class is named by its name.")
    frames = predicted_frames(columns, name)
    if frames is None:
        raise ScopeError(
            f"The classifier knows no class “{name[:80]}”." if name else "No frames are sorted yet."
        )
    return frames


def _both(columns: Columns, parts: Any) -> np.ndarray:
    if not isinstance(parts, list) or len(parts) != 2:
        raise ScopeError("Two choices of frames belong into “both”.")
    if depth_of_scope({"both": parts}) > MOST_DEPTH:
        raise ScopeError("These choices of frames lie too deep within one another.")
    first, second = (frames_of_scope(columns, part) for part in parts)
    there = np.zeros(columns.n_frames, dtype=bool)
    there[first] = True
    return second[there[second]]


def _corners(polygon: Any) -> np.ndarray:
    try:
        corners = np.array(polygon, dtype=np.float64)
    except (TypeError, ValueError):
        corners = np.zeros(0)
    if corners.ndim != 2 or corners.shape[1] != 2 or not 3 <= len(corners) <= MOST_CORNERS:
        raise ScopeError(f"An area on the map has 3 to {MOST_CORNERS} corners of two numbers each.")
    if not np.isfinite(corners).all():
        raise ScopeError("The corners of an area are finite numbers.")
    return corners


def _uuid(scope: dict[str, Any], name: str) -> UUID | None:
    value = scope.get(name)
    try:
        return UUID(value) if value else None
    except (TypeError, ValueError, AttributeError) as error:
        raise ScopeError(f"“{name}” does not name a product.") from error


def _words_of_cluster(columns: Columns, cluster: Any) -> str:
    return f"in {name_of_cluster(columns, cluster)}"


def name_of_cluster(columns: Columns, cluster: int) -> str:
    """Return what a cluster is called within a sentence."""
    known = name_of(names_of(columns), cluster)
    return known.name if known.is_given else known.name[:1].lower() + known.name[1:]


def _words_of_range(columns: Columns, value: Any) -> str:
    name, low, high = range_of(value)
    known = {column.name: column for column in number_columns(columns)}
    title, unit = (known[name].title, known[name].unit) if name in known else (name, "")
    ends = (f"from {low:.4g} " if np.isfinite(low) else "") + (f"to {high:.4g}" if np.isfinite(high) else "")
    return f"with {title[:1].lower()}{title[1:]} {ends.strip() or 'known'}{unit and f' {unit}'}"


def _words_of_run(columns: Columns, number: Any) -> str:
    runs = runs_of(columns)
    return f"of {runs.names[number]}" if runs else "of a run"


def _words_of_both(columns: Columns, parts: Any) -> str:
    words = [(name_of_scope(part), words_of_scope(columns, part)) for part in parts]
    ordered = sorted(words, key=lambda each: _FIRST.get(each[0], len(_FIRST)))
    return " ".join(each for _, each in ordered if each)


_FIRST = {"run": 0, "label": 1, "predicted": 2}

register_scope("all", _all, lambda columns, value: "")
register_scope("frames", _numbers, lambda columns, frames: "chosen one by one")
register_scope("cluster", _cluster, _words_of_cluster)
register_scope("polygon", _polygon, lambda columns, polygon: "in an area of the map")
register_scope("range", _range, _words_of_range)
register_scope("run", _run, _words_of_run)
register_scope(
    "predicted",
    _predicted,
    lambda columns, name: "sorted into no class" if name is None else f"sorted as {name}",
)
register_scope("both", _both, _words_of_both)
