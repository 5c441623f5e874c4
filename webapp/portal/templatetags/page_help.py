"""`{% page_help %}`: what the present page is for, in the list of its keys."""

from typing import Any

from django import template

from webapp.portal.page_help import help_of

register = template.Library()


@register.inclusion_tag("portal/partials/page_help.html", takes_context=True)
def page_help(context: dict[str, Any]) -> dict[str, Any]:
    """Explain the page; nothing where it is of no room, as the page of a fault."""
    match = getattr(context.get("request"), "resolver_match", None)
    user = context.get("user")
    is_shown = match is not None and user is not None and user.is_authenticated
    return {"help": help_of(match.view_name) if is_shown else None}
