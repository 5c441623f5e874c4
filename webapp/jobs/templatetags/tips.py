"""`{% tip "What it does." "About the control" %}`: a small `?` that explains what it stands beside."""

import hashlib

from django import template

register = template.Library()


@register.inclusion_tag("partials/tip.html")
def tip(text: str, about: str = "What this is", key: str = "") -> dict[str, str]:
    """Explain a control in place; it shows on hover, focus and click, and closes with Esc.

    The id is the same each time a page is drawn, so that the focus stays where a poll draws it anew. Where
    one explanation stands twice on a page, `key` tells the two apart. It belongs beside a label, not into it.
    """
    name = hashlib.sha256(f"{about}\n{text}\n{key}".encode()).hexdigest()[:10]
    return {"text": text, "about": about, "name": f"tip-{name}"}
