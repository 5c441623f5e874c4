"""The head of a data set's pages: `{% line_header dataset "clusters" %}`."""

from typing import Any

from django import template

from webapp.accounts.models import Group
from webapp.datasets.models import Dataset
from webapp.portal.line import RUNNING, WAITING, line_of

register = template.Library()

NEWS = "news"  # the step of this page has ended since the page was loaded


@register.inclusion_tag("portal/partials/line_header.html", takes_context=True)
def line_header(context: dict[str, Any], dataset: Dataset, here: str) -> dict[str, Any]:
    """Show the line of `dataset`; `here` is the name of the step whose page this is."""
    return line_context(dataset, here, context["request"].user)


def line_context(dataset: Dataset, here: str, user: Any, was: str = "") -> dict[str, Any]:
    """Return what the line's template needs; `was` is the state that the page's own step had before."""
    steps = line_of(dataset)
    state = next(step.state for step in steps if step.place.name == here)
    has_news = was == NEWS or (was in (RUNNING, WAITING) and state not in (RUNNING, WAITING))
    return {
        "dataset": dataset,
        "here": here,
        "steps": steps,
        "state": NEWS if has_news else state,
        "has_news": has_news,
        "here_url": next(step.url for step in steps if step.place.name == here),
        "is_moving": any(step.state in (RUNNING, WAITING) for step in steps),
        "can_write": Group.objects.writable_by(user).filter(pk=dataset.group_id).exists(),
    }
