"""Curves of a training as small multiples: one panel for each quantity, drawn by the server as SVG."""

import math
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 260, 96
LEFT, RIGHT, TOP, BOTTOM = 44, 6, 8, 18
MAX_POINTS = 600
SPARK_WIDTH, SPARK_HEIGHT, SPARK_POINTS = 96, 22, 120
WORDS = {
    "kl": "KL",
    "kl_per_latent": "KL of each latent",
    "held_back": "loss of held-back frames",
    "macro_f1": "macro-F1",
}


@dataclass(frozen=True)
class Panel:
    """One quantity over the steps; positions in units of the view box."""

    name: str
    line: str
    steps: str
    values: str
    low: str
    high: str
    last: str
    last_x: float
    last_y: float
    first_step: int
    last_step: int
    n_points: int
    others: tuple[str, ...] = ()
    """Lines of the same quantity beside the main one."""

    @property
    def sentence(self) -> str:
        """The panel in words, for those who do not see it."""
        return (
            f"{self.name}: {self.n_points} points from step {self.first_step} to {self.last_step}, "
            f"between {self.low} and {self.high}, now {self.last}"
            + (f"; {len(self.others)} more lines" if self.others else "")
        )


def panels(points: list[dict[str, Any]]) -> list[Panel]:
    """Return a panel for each quantity of the points, a number or a list of numbers, as they appear."""
    names: dict[str, None] = {}
    for point in points:
        names |= dict.fromkeys(name for name in point if name != "step")
    drawn = (_panel(name, points) for name in names)
    return [panel for panel in drawn if panel is not None]


@dataclass(frozen=True)
class Spark:
    """A line as small as a word, in a view box of `SPARK_WIDTH` by `SPARK_HEIGHT`."""

    line: str
    last: str
    sentence: str


def spark_of(points: list[dict[str, Any]]) -> Spark | None:
    """Return the loss, or else the first quantity, once there are two points to join."""
    names = list(dict.fromkeys(name for point in points for name in point if name != "step"))
    name = "loss" if "loss" in names else next(iter(names), "")
    panel = _panel(name, points)
    if panel is None or panel.n_points < 2:
        return None
    pairs = [tuple(map(float, pair.split(","))) for pair in panel.line.split()]
    pairs = pairs[:: -(-len(pairs) // SPARK_POINTS)] + pairs[-1:]
    x = _scale(LEFT, WIDTH - RIGHT, 1, SPARK_WIDTH - 1)
    y = _scale(HEIGHT - BOTTOM, TOP, SPARK_HEIGHT - 1, 1)
    line = " ".join(f"{x(across):.1f},{y(down):.1f}" for across, down in pairs)
    return Spark(line, panel.last, panel.sentence)


def _panel(name: str, points: list[dict[str, Any]]) -> Panel | None:
    points = [point for point in points if _is_number(point.get("step"))]
    lines = sorted(_lines(name, points), key=lambda pairs: pairs[-1][1])
    if not lines:
        return None
    n_points = len(lines[-1])
    lines = [[*pairs[:: math.ceil(n_points / MAX_POINTS)], pairs[-1]] for pairs in lines]
    steps, values = zip(*lines[-1], strict=True)
    every = [value for pairs in lines for _, value in pairs]
    x = _scale(min(steps), max(steps), LEFT, WIDTH - RIGHT)
    y = _scale(min(every), max(every), HEIGHT - BOTTOM, TOP)
    drawn = [" ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in pairs) for pairs in lines]
    return Panel(
        name=WORDS.get(name, name.replace("_", " ")),
        line=drawn[-1],
        others=tuple(drawn[:-1]),
        steps=" ".join(str(step) for step in steps),
        values=" ".join(f"{value:.4g}" for value in values),
        low=f"{min(every):.3g}",
        high=f"{max(every):.3g}",
        last=f"{values[-1]:.4g}",
        last_x=round(x(steps[-1]), 1),
        last_y=round(y(values[-1]), 1),
        first_step=min(steps),
        last_step=max(steps),
        n_points=n_points,
    )


def _lines(name: str, points: list[dict[str, Any]]) -> list[list[tuple[int, float]]]:
    """Return the (step, value) pairs of a quantity, or of each place of one that is a list."""
    lines: dict[int, list[tuple[int, float]]] = {}
    for point in points:
        value = point.get(name)
        for place, number in enumerate(value if isinstance(value, list) else [value]):
            if _is_number(number):
                lines.setdefault(place, []).append((point["step"], number))
    return list(lines.values())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _scale(low: float, high: float, start: float, stop: float) -> Any:
    """Return the linear map of [low, high] to [start, stop]; a single value goes to the middle."""
    if high == low:
        return lambda value: (start + stop) / 2
    return lambda value: start + (value - low) / (high - low) * (stop - start)
