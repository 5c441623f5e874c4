"""A slim chart of one class: how many frames there are for each purity that can be promised."""

from dataclasses import dataclass

WIDTH, HEIGHT, EDGE = 176, 44, 4
FIRST, LAST = 70, 99


@dataclass(frozen=True)
class Chart:
    """Paths of an SVG of `WIDTH` by `HEIGHT`; `frames` and `recall` are empty where nothing is promised."""

    frames: str
    recall: str
    at: float
    words: str
    width: int = WIDTH
    height: int = HEIGHT


def draw_chart(points: tuple[tuple[int, int, float], ...], asked: int) -> Chart:
    """Draw (percent, frames, recall): frames as an area up to the largest number, recall as a line to 1."""
    shown = [point for point in points if FIRST <= point[0] <= LAST]
    at = _across(min(max(asked, FIRST), LAST))
    if not shown:
        return Chart("", "", at, "No purity from 70 to 99 % can be promised from labels.")
    most = max(frames for _, frames, _ in shown) or 1
    tops = [(_across(percent), _down(frames / most)) for percent, frames, _ in shown]
    line = [(_across(percent), _down(recall)) for percent, _, recall in shown]
    floor = _down(0)
    area = f"M{tops[0][0]:.1f} {floor}" + "".join(f"L{x:.1f} {y:.1f}" for x, y in tops)
    area += f"L{tops[-1][0]:.1f} {floor}Z"
    (first, n_first, r_first), (last, n_last, r_last) = shown[0], shown[-1]
    words = (
        f"From {n_first:,} frames and a recall of {r_first:.2f} at {first} % "
        f"to {n_last:,} and {r_last:.2f} at {last} %, the most that labels promise."
    )
    return Chart(area, "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line), at, words)


def _across(percent: int) -> float:
    return round(EDGE + (WIDTH - 2 * EDGE) * (percent - FIRST) / (LAST - FIRST), 1)


def _down(share: float) -> float:
    return round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * share, 1)
