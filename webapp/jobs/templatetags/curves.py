"""`{% curve points %}` and `{% sparkline points %}`: the curves of a training, whole and in a row."""

from typing import Any

from django import template

from webapp.jobs.curve import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, panels, spark_of

register = template.Library()


@register.inclusion_tag("jobs/partials/curve.html")
def curve(points: list[dict[str, Any]]) -> dict[str, Any]:
    """Draw small multiples of the points."""
    return {
        "panels": panels(points or []),
        "box": f"0 0 {WIDTH} {HEIGHT}",
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "top": TOP,
        "bottom": HEIGHT - BOTTOM,
        "foot": HEIGHT - 4,
    }


@register.inclusion_tag("jobs/partials/sparkline.html")
def sparkline(points: list[dict[str, Any]]) -> dict[str, Any]:
    """Draw the loss as a line as small as a word; nothing before there are two points."""
    return {"spark": spark_of(points or [])}
