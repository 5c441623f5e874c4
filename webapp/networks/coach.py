"""What the label coach found when a classifier was trained, as pages show it: which labels bring how much."""

from dataclasses import dataclass
from typing import Any

from webapp.jobs.models import Product

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 34, 10, 10, 30


@dataclass(frozen=True)
class Mark:
    """A number of labels at which the classifier was judged, in units of the view box."""

    x: float
    y: float
    low: float
    high: float
    sentence: str


@dataclass(frozen=True)
class Chart:
    """Macro-F1 over the labels: judged as far as there are labels, projected beyond."""

    marks: list[Mark]
    known: str
    projected: str
    band: str
    now: float
    n_now: int
    n_most: int
    ticks: list[tuple[float, str]]
    sentence: str


@dataclass(frozen=True)
class Advice:
    """What more labels of one class bring."""

    name: str
    n: int
    more: int
    before: float
    after: float
    low: float
    high: float
    gain: float
    others: float
    since: int = 0
    """Labels that the class got since the classifier learned."""

    @property
    def sentence(self) -> str:
        """The advice in words."""
        span = f"({self.low:.2f} to {self.high:.2f})"
        return f"{self.more} more of {self.name}: F1 {self.before:.2f} → about {self.after:.2f} {span}"


@dataclass(frozen=True)
class Coach:
    """What to label next; `why` says why there is nothing to say, and the rest is empty then."""

    why: str = ""
    advice: tuple[Advice, ...] = ()
    too_few: tuple[tuple[str, int, int], ...] = ()
    """Class, labels, and how many more it takes before anything can be told."""
    chart: Chart | None = None
    helps: bool = True
    confused: tuple[str, ...] = ()
    doubled: str = ""

    @property
    def line(self) -> str:
        """The one thing to do, in a line; empty where there is none."""
        wanted = [row for row in self.advice if row.since < row.more]
        if self.too_few:
            name, n, more = self.too_few[0]
            return f"{name} has {n} label{'' if n == 1 else 's'}, too few to tell: label {more} more first."
        if not self.helps and self.chart:
            return self.hardly
        if self.advice and not wanted:
            return "What the coach asked for is labelled. Train again to hear what is next."
        return f"{wanted[0].sentence}." if wanted else ""

    @property
    def hardly(self) -> str:
        """What to do where more labels do not help."""
        if not self.confused:
            return "More labels will hardly help."
        first, second = self.confused
        return (
            f"More labels will hardly help: {first} and {second} are confused; look at the doubtful labels."
        )


FEWEST = 5
"""Labels of a class, below which the coach says nothing of it."""


def coach_of(network: Product | None, counts: dict[str, int] | None = None) -> Coach | None:
    """Return what the card of a classifier says of more labels, None without a classifier.

    `counts` are the labels of each class as they are now: what was labelled since is not asked for again.
    """
    if network is None:
        return None
    curve = (network.facts.get("figures") or {}).get("learning_curve")
    if curve is None:
        return Coach(why="This classifier was trained before there was a coach. Train again to hear it.")
    if "why" in curve:
        return Coach(why=f"Nothing can be told of more labels: {curve['why']}.")
    rows, now = curve["classes"], counts or {}
    few = [(row["class"], max(row["n"], now.get(row["class"], 0))) for row in rows if "after" not in row]
    doubled = curve["doubled"]
    low, high = doubled["interval"]
    words = f"Twice the labels: macro-F1 {doubled['now']:.2f} → about {doubled['macro_f1']:.2f}"
    return Coach(
        advice=tuple(_advice(row, now.get(row["class"], 0)) for row in rows if "after" in row),
        too_few=tuple((name, n, FEWEST - n) for name, n in few if n < FEWEST),
        chart=_chart(curve),
        helps=curve["helps"],
        confused=tuple(curve["confused"] or ()),
        doubled=f"{words} ({low:.2f} to {high:.2f}).",
    )


def _advice(row: dict[str, Any], n_now: int) -> Advice:
    low, high = row["interval"]
    return Advice(
        name=row["class"],
        n=row["n"],
        more=row["more"],
        before=row["now"],
        after=row["after"],
        low=low,
        high=high,
        gain=row["gain"],
        others=row["others"],
        since=max(0, n_now - row["n"]),
    )


def _chart(curve: dict[str, Any]) -> Chart:
    projected, points, n_now = curve["projected"], curve["points"], curve["n_labels"]
    every = [bound for row in (*projected, *points) for bound in row["interval"]]
    bottom = min(0.9, int(min(every) * 10) / 10)
    most = projected[-1]["labels"]

    def x(labels: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * labels / most, 1)

    def y(f1: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (f1 - bottom) / (1 - bottom), 1)

    known = [row for row in projected if row["labels"] <= n_now]
    beyond = [*known[-1:], *(row for row in projected if row["labels"] > n_now)]
    marks = [
        Mark(
            x(row["labels"]),
            y(row["macro_f1"]),
            y(row["interval"][0]),
            y(row["interval"][1]),
            f"{row['labels']} labels: macro-F1 {row['macro_f1']:.2f}, "
            f"{row['interval'][0]:.2f} to {row['interval'][1]:.2f}",
        )
        for row in points
    ]
    upper = [f"{x(row['labels'])},{y(row['interval'][1])}" for row in projected]
    lower = [f"{x(row['labels'])},{y(row['interval'][0])}" for row in reversed(projected)]
    ticks = [(y(value), f"{value:.2g}") for value in (bottom, (bottom + 1) / 2, 1.0)]
    last = projected[-1]
    sentence = "Macro-F1 over the number of labels. Judged: " + "; ".join(mark.sentence for mark in marks)
    sentence += f". Projected: {last['labels']} labels, about {last['macro_f1']:.2f}."
    return Chart(
        marks=marks,
        known=" ".join(f"{x(row['labels'])},{y(row['macro_f1'])}" for row in known),
        projected=" ".join(f"{x(row['labels'])},{y(row['macro_f1'])}" for row in beyond),
        band=" ".join([*upper, *lower]),
        now=x(n_now),
        n_now=n_now,
        n_most=most,
        ticks=ticks,
        sentence=sentence,
    )
