"""The head of a data set's pages: `{% line_header dataset "clusters" %}`."""

from typing import Any

from django import template

from webapp.accounts.models import Group
from webapp.datasets.models import Dataset
from webapp.portal.line import RUNNING, WAITING, line_of

register = template.Library()


@register.inclusion_tag("portal/partials/line_header.html", takes_context=True)
def line_header(context: dict[str, Any], dataset: Dataset, here: str) -> dict[str, Any]:
    """Show the line of `dataset`; `here` is the name of the step whose page this is."""
    return line_context(dataset, here, context["request"].user)


def line_context(dataset: Dataset, here: str, user: Any) -> dict[str, Any]:
    """Return what the line's template needs."""
    steps = line_of(dataset)
    return {
        "dataset": dataset,
        "here": here,
        "steps": steps,
        "is_moving": any(step.state in (RUNNING, WAITING) for step in steps),
        "can_write": Group.objects.writable_by(user).filter(pk=dataset.group_id).exists(),
    }
