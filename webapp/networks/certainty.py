"""What a classifier's card says of how certain it is, as pages show it."""

from dataclasses import dataclass
from typing import Any

SIDE, EDGE, MOST_RADIUS = 200, 28, 9.0


@dataclass(frozen=True)
class Dot:
    """A bin of the reliability diagram, in units of its view box."""

    x: float
    y: float
    radius: float
    sentence: str


@dataclass(frozen=True)
class Reliability:
    """How often classes hold, over the probability that was said."""

    dots: list[Dot]
    line: str
    error_percent: float
    sentence: str


def reliability_of(metrics: dict[str, Any] | None) -> Reliability | None:
    """Return the diagram, None where the card has none."""
    bins = (metrics or {}).get("reliability") or []
    if not bins:
        return None
    most = max(row["n"] for row in bins)
    dots = [
        Dot(
            round(EDGE + row["said"] * SIDE, 1),
            round(SIDE - row["was"] * SIDE + EDGE / 2, 1),
            round(2 + (MOST_RADIUS - 2) * (row["n"] / most) ** 0.5, 1),
            f"said {row['said']:.0%}, was so in {row['was']:.0%} of {row['n']} answers",
        )
        for row in bins
    ]
    error = 100 * metrics.get("calibration_error", 0.0)
    sentence = f"What was said and what was so differ by {error:.1f} points on average. "
    sentence += "; ".join(dot.sentence for dot in dots)
    return Reliability(dots, " ".join(f"{dot.x},{dot.y}" for dot in dots), error, sentence)
