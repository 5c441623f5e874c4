"""Histograms of per-frame columns, as bars that a template draws."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_BINS = 48
WIDTH, HEIGHT, FOOT = 480, 120, 16


@dataclass(frozen=True)
class Bar:
    """A bar: place and height in units of the view box, and what it says."""

    x: float
    y: float
    width: float
    height: float
    sentence: str


@dataclass(frozen=True)
class Histogram:
    """How a column's values are spread, on a logarithmic axis where they span more than two decades."""

    title: str
    bars: list[Bar]
    low: str
    middle: str
    high: str
    is_log: bool
    n: int
    median: str


def histogram_of(title: str, values: NDArray) -> Histogram | None:
    """Count the values that are known; None where none is."""
    values = values[np.isfinite(values)].astype(float)
    if not len(values):
        return None
    positive = values[values > 0]
    is_log = len(positive) > 0 and values.min() >= 0 and positive.max() / np.percentile(positive, 1) > 100
    # A frame without a single count has no place on a logarithmic axis: it goes into the first bin.
    scaled = np.log10(np.maximum(values, np.percentile(positive, 0.5))) if is_log else values
    counts, edges = np.histogram(scaled, bins=N_BINS, range=_range(scaled, begins_at_0=not is_log))
    names = [word(10**edge if is_log else edge) for edge in edges]
    return Histogram(
        title=title,
        bars=_bars(counts, names),
        low=names[0],
        middle=names[N_BINS // 2],
        high=names[-1],
        is_log=bool(is_log),
        n=len(values),
        median=word(float(np.median(values))),
    )


def _range(values: NDArray, *, begins_at_0: bool) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if begins_at_0 and 0 < low < 0.5 * high:
        low = 0.0
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _bars(counts: NDArray, names: list[str]) -> list[Bar]:
    width, tallest = WIDTH / N_BINS, max(int(counts.max()), 1)
    bars = []
    for place, n in enumerate(counts.tolist()):
        if n:
            height = max(1.0, n / tallest * (HEIGHT - FOOT))
            sentence = f"{names[place]} to {names[place + 1]}: {n} frames"
            bars.append(
                Bar(
                    round(place * width, 2),
                    round(HEIGHT - FOOT - height, 1),
                    width - 1,
                    round(height, 1),
                    sentence,
                )
            )
    return bars


def word(value: float) -> str:
    """Write a number in few characters."""
    if (abs(value) < 10_000 and float(value).is_integer()) or 1000 <= abs(value) < 10_000:
        return f"{value:.0f}"
    if 0.01 <= abs(value) < 1000:
        return f"{value:.3g}"
    exponent = math.floor(math.log10(abs(value)))
    superscript = str(exponent).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))
    return f"{value / 10**exponent:.1f}·10{superscript}"
