"""`{% curve points %}`: the curves of a training."""

from typing import Any

from django import template

from webapp.jobs.curve import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, panels

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
