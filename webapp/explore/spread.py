"""How the numbers of a column are spread over all frames, and over those that a person has chosen."""

from typing import Any

import numpy as np

from webapp.datasets.columns import Columns
from webapp.datasets.number_columns import number_column

N_BINS = 60
DECADES = 2.0
_SAMPLE = 50_000


def spread_of(columns: Columns, name: str, frames: np.ndarray | None) -> dict[str, Any] | None:
    """Return edges and counts of a histogram; None where there is no such column.

    Each bin holds what a range from its lower to its upper edge means. Counts of `frames` are in `chosen`.
    """
    column = number_column(columns, name)
    if column is None:
        return None
    values = np.asarray(column, dtype=np.float64)
    known = np.isfinite(values)
    n_known = int(np.count_nonzero(known))
    answer = {"column": name, "n": len(values), "nKnown": n_known, "nChosen": None, "chosen": None}
    if not n_known:
        return answer | {"edges": [], "all": [], "isLog": False}
    edges, is_log = _edges(values if n_known == len(values) else values[known])
    codes = np.searchsorted(edges[1:-1], values, side="right").astype(np.int32)
    codes[~known] = len(edges) - 1
    answer |= {"edges": edges.tolist(), "isLog": is_log, "all": _counts(codes, edges)}
    if frames is not None:
        answer |= {"chosen": _counts(codes[frames], edges), "nChosen": len(frames)}
    return answer


def _counts(codes: np.ndarray, edges: np.ndarray) -> list[int]:
    return np.bincount(codes, minlength=len(edges))[: len(edges) - 1].tolist()


def _edges(values: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return where bins begin and end, and whether they are as wide as one another by their logarithms."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.array([low - 0.5, high + 0.5]), False
    sample = values[:: max(1, len(values) // _SAMPLE)]
    if high - low < N_BINS and float(low).is_integer() and (sample == np.rint(sample)).all():
        return np.arange(low, np.floor(high) + 2), False
    positive = sample[sample > 0]
    if low >= 0 and len(positive) and high > 0:
        least = max(float(np.percentile(positive, 0.5)), high * 1e-9)
        if high / least > 10**DECADES:
            # What is smaller, or nothing at all, has no place on such an axis: it is in the first bin.
            edges = np.geomspace(least, high, N_BINS + 1)
            edges[[0, -1]] = min(low, least), high
            return edges, True
    edges = np.linspace(low, high, N_BINS + 1)
    edges[-1] = high
    return edges, False
