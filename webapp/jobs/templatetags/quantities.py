"""Numbers as people read them: durations, rates, sizes, counts and times."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

THIN_SPACE = "\u202f"
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@register.filter
def duration(seconds: float | None) -> str:
    """Return seconds in the two largest units: `3 min 5 s`."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{max(seconds, 0):.1f}{THIN_SPACE}s"
    rest, parts = round(seconds), []
    for size, unit in _UNITS:
        n, rest = divmod(rest, size)
        if n or parts:
            parts.append((n, unit))
    return " ".join(f"{n}{THIN_SPACE}{unit}" for n, unit in parts[:2] if n)


@register.filter
def count(number: float | None) -> str:
    """Return a whole number with thin spaces between thousands."""
    return "–" if number is None else f"{int(number):,}".replace(",", THIN_SPACE)


@register.filter
def rate(per_second: float | None, unit: str = "frames") -> str:
    """Return a rate: `240 frames/s`, or `12 frames/min` where that reads better."""
    if not per_second:
        return "–"
    if per_second < 1:
        return f"{per_second * 60:.1f} {unit}/min"
    return f"{count(per_second) if per_second >= 10 else f'{per_second:.1f}'} {unit}/s"


@register.filter
def size(n_bytes: int | None) -> str:
    """Return a size in decimal units, as disks are sold: `1.5 GB`."""
    if n_bytes is None:
        return "–"
    value, unit = float(n_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return (
        f"{value:.0f}{THIN_SPACE}{unit}" if unit == "B" or value >= 100 else f"{value:.1f}{THIN_SPACE}{unit}"
    )


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """Return `3 min ago`, with the exact time on hover and for machines."""
    if moment is None:
        return "–"
    seconds = (timezone.now() - moment).total_seconds()
    exact = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        exact.strftime("%Y-%m-%d %H:%M:%S %Z"),
        ago_words(seconds, exact),
    )


def ago_words(seconds: float, exact: datetime) -> str:
    """Return how long ago `exact` was, and the date once that says more."""
    if seconds < 10:
        return "just now"
    if seconds > 30 * 86400:
        return exact.strftime("%Y-%m-%d")
    for size_s, unit in _UNITS:
        if seconds >= size_s:
            return f"{int(seconds // size_s)}{THIN_SPACE}{unit} ago"
    return "just now"


@register.filter
def number(value: object, digits: int = 4) -> str:
    """Return a figure with `digits` significant places; whatever is no number as it stands."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return count(value) if isinstance(value, int) else f"{value:.{digits}g}"


@register.filter
def lookup(mapping: dict | None, name: str) -> object:
    """Return `mapping[name]`, for names with dots or blanks, which a template cannot spell."""
    return mapping.get(name) if mapping else None


@register.filter
def percent(share: float | None) -> str:
    """Return a share as whole percent: `94 %`."""
    return "–" if share is None else f"{100 * share:.0f}{THIN_SPACE}%"
