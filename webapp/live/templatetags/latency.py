"""Times between a file and its sorted frames, which go from a millisecond to a minute."""

from django import template

from webapp.jobs.templatetags.quantities import THIN_SPACE, duration

register = template.Library()


@register.filter
def milliseconds(value: float | None) -> str:
    """Return milliseconds in the unit that reads best: `1.9 ms`, `104 ms`, `1.16 s`, `2 min 5 s`."""
    if value is None or value == "":
        return "–"
    if value < 1000:
        return f"{value:.3g}{THIN_SPACE}ms"
    return f"{value / 1000:.2f}{THIN_SPACE}s" if value < 10_000 else duration(value / 1000)
