"""Two groupings of the same frames against each other: counts, agreement, and where they disagree most."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

import numpy as np

from webapp.portal.groupings import Grouping

N_DISAGREEMENTS = 8
MOST_KEPT = 64
_kept: "OrderedDict[tuple, np.ndarray]" = OrderedDict()
_lock = Lock()


def code_counts(dataset: UUID, a: Grouping, b: Grouping) -> np.ndarray:
    """Return how many frames have code i of `a` and code j of `b`, int64; once for what never changes."""
    key = (dataset, a.key, a.version, b.key, b.version)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    width = len(b.members)
    pairs = a.codes.astype(np.int64) * width + b.codes
    found = np.bincount(pairs, minlength=len(a.members) * width).reshape(len(a.members), width)
    found.setflags(write=False)
    with _lock:
        _kept[key] = found
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return found


@dataclass(frozen=True)
class Crossed:
    """Two groupings against each other.

    `counts` int64 (groups, groups) holds the frames that are in group i of the one and in group j of the
    other: a frame that is in two groups counts in both. `n_rows` and `n_columns` hold those of each group.
    """

    counts: np.ndarray
    n_rows: np.ndarray
    n_columns: np.ndarray


def cross(dataset: UUID, a: Grouping, b: Grouping) -> Crossed:
    """Count two groupings against each other."""
    codes = code_counts(dataset, a, b)
    rows, columns = a.members.T.astype(np.int64), b.members.T.astype(np.int64)
    return Crossed(rows @ codes @ columns.T, rows @ codes.sum(axis=1), columns @ codes.sum(axis=0))


def without_rest(counts: np.ndarray, a: Grouping, b: Grouping) -> np.ndarray:
    """Return the counts of the frames that both put into a group."""
    rows = [place for place, group in enumerate(a.groups) if not group.is_rest]
    columns = [place for place, group in enumerate(b.groups) if not group.is_rest]
    return counts[np.ix_(rows, columns)]


def adjusted_rand(counts: np.ndarray) -> float | None:
    """Return the adjusted Rand index (L. Hubert and P. Arabie, J. Classif. 2, 193, 1985).

    1 where both say the same, about 0 where one says nothing about the other, None where there are no frames.
    """
    n = float(counts.sum())
    if n < 2:
        return None
    together = _pairs(counts).sum()
    rows, columns = _pairs(counts.sum(axis=1)).sum(), _pairs(counts.sum(axis=0)).sum()
    expected, most = rows * columns / (n * (n - 1) / 2), (rows + columns) / 2
    return 1.0 if most == expected else float((together - expected) / (most - expected))


def _pairs(counts: np.ndarray) -> np.ndarray:
    counts = counts.astype(np.float64)
    return counts * (counts - 1) / 2


def kappa(both: float, only_a: float, only_b: float, neither: float) -> float | None:
    """Return Cohen's kappa of two answers to one question (J. Cohen, Educ. Psychol. Meas. 20, 37, 1960)."""
    n = both + only_a + only_b + neither
    if n == 0:
        return None
    agreed = (both + neither) / n
    chance = ((both + only_a) * (both + only_b) + (only_b + neither) * (only_a + neither)) / n**2
    return None if chance == 1 else (agreed - chance) / (1 - chance)


@dataclass(frozen=True)
class ClassKappa:
    """How far two groupings agree about one class."""

    name: str
    n_a: int
    n_b: int
    n_both: int
    kappa: float | None


def class_kappas(dataset: UUID, a: Grouping, b: Grouping) -> list[ClassKappa]:
    """Return Cohen's kappa for each class of the same name, of the frames that both have spoken of."""
    names = _places(b)
    shared = [(i, names[group.means]) for i, group in enumerate(a.groups) if group.means in names]
    if not shared or a.key == b.key:
        return []
    spoken = [_spoken(grouping) for grouping in (a, b)]
    counts = code_counts(dataset, a, b) * spoken[0][:, None] * spoken[1]
    found = []
    for i, j in shared:
        has = np.ix_(a.members[:, i], b.members[:, j])
        both, n_a, n_b = counts[has].sum(), counts[a.members[:, i]].sum(), counts[:, b.members[:, j]].sum()
        figure = kappa(both, n_a - both, n_b - both, counts.sum() - n_a - n_b + both)
        found.append(ClassKappa(a.groups[i].means, int(n_a), int(n_b), int(both), figure))
    return found


def _places(grouping: Grouping) -> dict[str, int]:
    return {group.means: place for place, group in enumerate(grouping.groups) if group.means}


def _spoken(grouping: Grouping) -> np.ndarray:
    """Return which codes say anything: no class of a classifier does, no label of a person does not."""
    silent = [place for place, group in enumerate(grouping.groups) if group.scope == {"label": None}]
    return ~grouping.members[:, silent].any(axis=1)


@dataclass(frozen=True)
class Disagreement:
    """Frames that are in group `i` of the one, in `j` of the other, and not in the one that goes with `i`."""

    i: int
    j: int
    n: int
    match: int


def disagreements(dataset: UUID, a: Grouping, b: Grouping) -> list[Disagreement]:
    """Return the cells off what goes together that hold the most frames.

    Groups to which people gave the same name go together; else a group and the one that holds most of it. A
    frame that is in two groups disagrees only if it is in none that goes with its own.
    """
    names, codes = _places(b), code_counts(dataset, a, b)
    real = np.array([not group.is_rest for group in b.groups])
    found = []
    for i, group in enumerate(a.groups):
        of_code = codes[a.members[:, i]].sum(axis=0)
        row = np.where(real, of_code @ b.members, 0)
        if group.is_rest or not row.any():
            continue
        match = names.get(group.means, int(row.argmax()))
        elsewhere = np.where(real, np.where(b.members[:, match], 0, of_code) @ b.members, 0)
        for j in np.argsort(-elsewhere, kind="stable")[:N_DISAGREEMENTS].tolist():
            if elsewhere[j]:
                found.append(Disagreement(i, j, int(elsewhere[j]), match))
    return sorted(found, key=lambda each: -each.n)[:N_DISAGREEMENTS]
