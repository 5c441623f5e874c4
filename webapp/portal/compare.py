"""The page that sets two results of a data set against each other: its table, its figures, its links."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np
from django.urls import reverse

from webapp.datasets.models import Dataset
from webapp.portal.cross_table import (
    Crossed,
    adjusted_rand,
    class_kappas,
    cross,
    disagreements,
    without_rest,
)
from webapp.portal.groupings import LABELS, RUNS, Choice, Group, Grouping, choices_of, grouping_of

MOST_ROWS = MOST_COLUMNS = 30
SHADES = 9


@dataclass(frozen=True)
class Cell:
    """A number of the table, its share, its shade from 0 to 9, and the address of its frames."""

    n: int
    percent: float
    shade: int
    url: str


@dataclass(frozen=True)
class Row:
    """A group of the first result."""

    group: Group
    n: int
    url: str
    cells: list[Cell]


def chosen_pair(dataset: Dataset, choices: list[Choice], first: str, second: str) -> tuple[str, str]:
    """Return what is compared; where the address does not say, clusters and labels or classes."""
    keys = [choice.key for choice in choices]
    products = [key for key in keys if key not in (LABELS, RUNS)]
    order = [*products[:1], *([LABELS] if LABELS in keys else []), *products[1:], RUNS]
    first = first if first in keys else next((key for key in order if key != second), "")
    second = second if second in keys else next((key for key in order if key != first), "")
    return first, second


def comparison(dataset: Dataset, first: str, second: str, *, by_column: bool) -> dict[str, Any] | None:
    """Return what the page shows of two results; None where one of them is not there."""
    a, b = grouping_of(dataset, first), grouping_of(dataset, second)
    if a is None or b is None:
        return None
    crossed = cross(dataset.pk, a, b)
    counts = crossed.counts
    rows, columns = _shown(counts, a, b)
    both = without_rest(counts, a, b)
    is_one_each = a.is_partition and b.is_partition
    links = Links(dataset, a, b)
    return {
        "a": a,
        "b": b,
        "rows": _rows(crossed, rows, columns, links, by_column),
        "heads": [(b.groups[j], int(crossed.n_columns[j]), links.of_column(j)) for j in columns],
        "n_rows_left_out": int(np.count_nonzero(counts.sum(axis=1))) - len(rows),
        "n_columns_left_out": int(np.count_nonzero(counts.sum(axis=0))) - len(columns),
        "rand": adjusted_rand(both) if is_one_each else None,
        "is_one_each": is_one_each,
        "n_both": int(both.sum()),
        "n_frames": len(a.codes),
        "kappas": class_kappas(dataset.pk, a, b),
        "disagreements": [
            (a.groups[each.i], b.groups[each.j], b.groups[each.match], each.n, links.of_cell(each.i, each.j))
            for each in disagreements(dataset.pk, a, b)
        ],
    }


def _shown(counts: np.ndarray, a: Grouping, b: Grouping) -> tuple[list[int], list[int]]:
    """Return the largest rows and columns, in such an order that what belongs together is near."""
    rows = [i for i in np.argsort(-counts.sum(axis=1), kind="stable") if counts[i].any()][:MOST_ROWS]
    columns = [j for j in np.argsort(-counts.sum(axis=0), kind="stable") if counts[:, j].any()][:MOST_COLUMNS]
    rows.sort(key=lambda i: (a.groups[i].is_rest, i))
    place = {j: (b.groups[j].is_rest, int(np.argmax(counts[rows, j])), j) for j in columns}
    return [int(i) for i in rows], [int(j) for j in sorted(columns, key=place.__getitem__)]


def _rows(
    crossed: Crossed, rows: list[int], columns: list[int], links: "Links", by_column: bool
) -> list[Row]:
    counts, shares = crossed.counts, _shares(crossed, links.a, links.b, by_column)
    found = []
    for i in rows:
        cells = [_cell(int(counts[i, j]), float(shares[i, j]), links.of_cell(i, j)) for j in columns]
        found.append(Row(links.a.groups[i], int(crossed.n_rows[i]), links.of_row(i), cells))
    return found


def _shares(crossed: Crossed, a: Grouping, b: Grouping, by_column: bool) -> np.ndarray:
    """Return the share of each cell of its row or column; what is in no group would outshine the others."""
    rest_a, rest_b = (np.array([group.is_rest for group in each.groups]) for each in (a, b))
    counts = np.where(rest_a[:, None] | rest_b, 0, crossed.counts)
    if by_column:
        whole = crossed.n_columns - crossed.counts[rest_a].sum(axis=0)
        return counts / np.maximum(whole, 1)
    whole = crossed.n_rows - crossed.counts[:, rest_b].sum(axis=1)
    return counts / np.maximum(whole, 1)[:, None]


def _cell(n: int, share: float, url: str) -> Cell:
    return Cell(n, 100 * share, min(SHADES, int(np.ceil(share * SHADES))), url if n else "")


class Links:
    """Addresses of the clusters page that show the frames of a cell, a row or a column."""

    def __init__(self, dataset: Dataset, a: Grouping, b: Grouping) -> None:
        self.page = reverse("explore:dataset-clusters", args=[dataset.pk])
        self.a, self.b = a, b
        self.clustering = a.clustering or b.clustering

    def of_cell(self, i: int, j: int) -> str:
        """Return the address of the frames of a cell; empty where no scope names them."""
        scopes = [self._scope(self.a, i), self._scope(self.b, j)]
        return self._address({"both": scopes}) if all(scopes) else ""

    def of_row(self, i: int) -> str:
        """Return the address of a group of the first result."""
        return self._address(self._scope(self.a, i))

    def of_column(self, j: int) -> str:
        """Return the address of a group of the second result."""
        return self._address(self._scope(self.b, j))

    def _scope(self, grouping: Grouping, place: int) -> dict[str, Any] | None:
        scope = grouping.groups[place].scope
        if scope and "cluster" in scope and grouping.clustering != self.clustering:
            return {"member": [grouping.clustering, scope["cluster"]]}  # the page shows the other clustering
        return scope

    def _address(self, scope: dict[str, Any] | None) -> str:
        return address_of_scope(self.page, scope, self.clustering)


def address_of_scope(page: str, scope: dict[str, Any] | None, clustering: str = "") -> str:
    """Return the address at which the clusters page opens its sheet on a scope."""
    if scope is None:
        return ""
    shown = {"clustering": clustering} if clustering else {}
    return f"{page}?{urlencode(shown | {'scope': json.dumps(scope | shown, separators=(',', ':'))})}"


def comparison_page(dataset: Dataset, first: str, second: str, *, by_column: bool) -> dict[str, Any]:
    """Return the context of the page, whatever there is to compare."""
    choices = choices_of(dataset)
    first, second = chosen_pair(dataset, choices, first, second)
    found = comparison(dataset, first, second, by_column=by_column) if first and second else None
    return {"choices": choices, "first": first, "second": second, "by_column": by_column, **(found or {})}
