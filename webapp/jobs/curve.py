"""Curves of a training as small multiples: one panel for each quantity, drawn by the server as SVG."""

import math
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 260, 96
LEFT, RIGHT, TOP, BOTTOM = 44, 6, 8, 18
MAX_POINTS = 600
WORDS = {"kl": "KL", "macro_f1": "macro-F1"}


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

    @property
    def sentence(self) -> str:
        """The panel in words, for those who do not see it."""
        return (
            f"{self.name}: {self.n_points} points from step {self.first_step} to {self.last_step}, "
            f"between {self.low} and {self.high}, now {self.last}"
        )


def panels(points: list[dict[str, Any]]) -> list[Panel]:
    """Return a panel for each numeric quantity of the points, in the order in which they appear."""
    names: dict[str, None] = {}
    for point in points:
        names |= dict.fromkeys(name for name in point if name != "step")
    drawn = (_panel(name, points) for name in names)
    return [panel for panel in drawn if panel is not None]


def _panel(name: str, points: list[dict[str, Any]]) -> Panel | None:
    pairs = [(point["step"], point[name]) for point in points if _is_number(point.get(name))]
    pairs = [pair for pair in pairs if _is_number(pair[0])]
    if not pairs:
        return None
    n_points = len(pairs)
    pairs = [*pairs[:: math.ceil(n_points / MAX_POINTS)], pairs[-1]]
    steps, values = [step for step, _ in pairs], [value for _, value in pairs]
    x = _scale(min(steps), max(steps), LEFT, WIDTH - RIGHT)
    y = _scale(min(values), max(values), HEIGHT - BOTTOM, TOP)
    return Panel(
        name=WORDS.get(name, name.replace("_", " ")),
        line=" ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in pairs),
        steps=" ".join(str(step) for step in steps),
        values=" ".join(f"{value:.4g}" for value in values),
        low=f"{min(values):.3g}",
        high=f"{max(values):.3g}",
        last=f"{values[-1]:.4g}",
        last_x=round(x(steps[-1]), 1),
        last_y=round(y(values[-1]), 1),
        first_step=min(steps),
        last_step=max(steps),
        n_points=n_points,
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _scale(low: float, high: float, start: float, stop: float) -> Any:
    """Return the linear map of [low, high] to [start, stop]; a single value goes to the middle."""
    if high == low:
        return lambda value: (start + stop) / 2
    return lambda value: start + (value - low) / (high - low) * (stop - start)
