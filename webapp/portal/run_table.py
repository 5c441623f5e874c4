"""The table of runs: frames, hits, photons, and the shares of classes and clusters of each."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from webapp.datasets.columns import Columns, columns_of
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.datasets.runs import Runs, runs_of
from webapp.portal.cross_table import cross
from webapp.portal.groupings import LABELS, RUNS, Group, Grouping, grouping_of

N_A_PAGE = 100
MOST_PARTS = 24  # of a bar; what is smaller than the rest is put together
REST = "#8a929b"
N_IN_WORDS = 3
MOST_KEPT = 64
_kept_sums: dict[tuple, tuple[np.ndarray, np.ndarray] | None] = {}
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Part:
    """A piece of a bar, from `start` over `width` percent."""

    name: str
    colour: str
    n: int
    start: float
    width: float

    @property
    def words(self) -> str:
        """The piece in words."""
        return f"{self.name} {self.width:.1f} %"


@dataclass(frozen=True)
class RunRow:
    """A run; hits and photons are None where they are not known."""

    number: int
    name: str
    n: int
    n_hits: int | None
    photons: float | None
    shares: dict[str, list[int]]
    bars: dict[str, list[Part]]

    @property
    def words(self) -> dict[str, str]:
        """The largest pieces of each bar in words."""
        largest = {kind: sorted(parts, key=lambda part: -part.n) for kind, parts in self.bars.items()}
        return {
            kind: ", ".join(part.words for part in parts[:N_IN_WORDS])
            + ("…" if len(parts) > N_IN_WORDS else "")
            for kind, parts in largest.items()
        }

    @property
    def hit_percent(self) -> float | None:
        """The hit rate."""
        return None if self.n_hits is None or not self.n else 100 * self.n_hits / self.n


@dataclass(frozen=True)
class RunTable:
    """All runs of a data set, and what their frames are shared out among."""

    title: str
    words: str
    rows: list[RunRow]
    groupings: dict[str, Grouping]


def run_table(dataset: Dataset) -> RunTable | None:
    """Return the table of runs; None before the frames are indexed."""
    columns = columns_of(dataset)
    runs = runs_of(columns)
    if runs is None:
        return None
    wanted = {"classes": _key(dataset, "classify"), "labels": LABELS, "clusters": _key(dataset, "cluster")}
    groupings = {name: grouping_of(dataset, key) for name, key in wanted.items() if key}
    found = {name: grouping for name, grouping in groupings.items() if grouping is not None}
    return RunTable(runs.title, runs.words, _rows(columns, runs, found), found)


def _key(dataset: Dataset, kind: str) -> str:
    product = newest(dataset, kind)
    return str(product.pk) if product else ""


def _rows(columns: Columns, runs: Runs, groupings: dict[str, Grouping]) -> list[RunRow]:
    by_run = grouping_of(columns.dataset, RUNS)
    counts = {name: cross(columns.dataset.pk, by_run, each).counts[1:] for name, each in groupings.items()}
    frames = np.bincount(runs.codes + 1, minlength=len(runs.names) + 1)[1:]
    hits, photons = _sums(columns, "is_hit", runs), _sums(columns, "photons", runs)
    return [
        RunRow(
            number=number,
            name=name,
            n=int(frames[number]),
            n_hits=int(hits[0][number]) if hits and hits[1][number] else None,
            photons=photons[0][number] / photons[1][number] if photons and photons[1][number] else None,
            shares={key: rows[number].tolist() for key, rows in counts.items()},
            bars={key: bar_of(rows[number], groupings[key].groups) for key, rows in counts.items()},
        )
        for number, name in enumerate(runs.names)
    ]


def _sums(columns: Columns, name: str, runs: Runs) -> tuple[np.ndarray, np.ndarray] | None:
    """Add up a column by run: sums, and the numbers of frames of which it is known. Once for an index."""
    threshold = columns.hit_threshold if name == "is_hit" else None
    key = (columns.products["index"].folder, name, threshold)
    if key not in _kept_sums:
        _kept_sums[key] = _add_up(columns.physics(name), runs)
        while len(_kept_sums) > MOST_KEPT:
            _kept_sums.pop(next(iter(_kept_sums)), None)
    return _kept_sums[key]


def _add_up(values: np.ndarray | None, runs: Runs) -> tuple[np.ndarray, np.ndarray] | None:
    if values is None:
        return None
    values = values.astype(np.float64)
    known = np.isfinite(values)
    codes, n = runs.codes + 1, len(runs.names) + 1
    sums = np.bincount(codes, weights=np.where(known, values, 0), minlength=n)
    return sums[1:], np.bincount(codes, weights=known, minlength=n)[1:]


def bar_of(counts: np.ndarray, groups: list[Group]) -> list[Part]:
    """Return the pieces of a bar, of all that counts; of frames with two classes each counts."""
    total = int(counts.sum())
    if not total:
        return []
    order = [place for place in np.argsort(-counts, kind="stable") if counts[place]]
    shown = sorted(order[:MOST_PARTS], key=lambda place: (groups[place].is_rest, place))
    parts, start = [], 0.0
    for place in shown:
        width = 100 * int(counts[place]) / total
        parts.append(Part(groups[place].name, groups[place].colour, int(counts[place]), start, width))
        start += width
    n_others = sum(int(counts[place]) for place in order[MOST_PARTS:])
    if n_others:
        parts.append(Part("others", REST, n_others, start, 100 - start))
    return parts


SORTS: dict[str, Callable[[RunRow], Any]] = {
    "run": lambda row: row.number,
    "frames": lambda row: row.n,
    "hits": lambda row: -1 if row.n_hits is None else row.n_hits,
    "rate": lambda row: -1.0 if row.hit_percent is None else row.hit_percent,
    "photons": lambda row: -1.0 if row.photons is None else row.photons,
}


def sorted_rows(table: RunTable, sort: str, *, descending: bool) -> list[RunRow]:
    """Return the rows in order of a column, or by the share of a group: `classes.2`."""
    return sorted(table.rows, key=_sort_key(table, sort), reverse=descending)


def _sort_key(table: RunTable, sort: str) -> Callable[[RunRow], Any]:
    kind, _, place = sort.partition(".")
    grouping = table.groupings.get(kind)
    if grouping and place.isdigit() and int(place) < len(grouping.groups):
        return lambda row: row.shares[kind][int(place)] / max(row.n, 1)
    return SORTS.get(sort, SORTS["run"])


def sortable_groups(table: RunTable) -> list[tuple[str, str]]:
    """Return by which shares rows can be sorted: name in the address, and words."""
    titles = {"classes": "sorted as", "labels": "labelled", "clusters": "in"}
    return [
        (f"{kind}.{place}", f"share {titles[kind]} {group.name}")
        for kind, grouping in table.groupings.items()
        for place, group in enumerate(grouping.groups)
        if any(row.shares[kind][place] for row in table.rows)
    ]


def csv_lines(table: RunTable) -> Iterator[str]:
    """Yield the table as CSV; no cell begins as a formula does in spreadsheets."""
    kinds = [
        (kind, place, group)
        for kind, each in table.groupings.items()
        for place, group in enumerate(each.groups)
    ]
    titles = {"classes": "sorted as", "labels": "labelled", "clusters": "cluster"}
    head = ["run", "frames", "hits", "hit_rate", "mean_photons"]
    yield _line([*head, *(f"{titles[kind]}: {group.name}" for kind, _, group in kinds)])
    for row in table.rows:
        rate = None if row.hit_percent is None else round(row.hit_percent / 100, 6)
        photons = None if row.photons is None else round(row.photons, 4)
        yield _line(
            [
                row.name,
                row.n,
                row.n_hits,
                rate,
                photons,
                *(row.shares[kind][place] for kind, place, _ in kinds),
            ]
        )


def _line(values: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(
        ["" if value is None else _safe(value) for value in values]
    )
    return text.getvalue()


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
