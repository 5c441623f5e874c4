"""The part of a page in which files are uploaded: `{% upload_panel %}`."""

from typing import Any

from django import template
from django.conf import settings

from webapp.accounts.models import Group
from webapp.datasets.browse import SUFFIXES
from webapp.uploads.selectors import unfinished_sets

register = template.Library()


@register.inclusion_tag("uploads/partials/panel.html", takes_context=True)
def upload_panel(context: dict[str, Any]) -> dict[str, Any]:
    """Show the place to drop files on, and what is unfinished."""
    user = context["request"].user
    return {
        "groups": Group.objects.writable_by(user),
        "limit": settings.UPLOAD_LIMIT_BYTES,
        "suffixes": SUFFIXES,
        "unfinished": unfinished_sets(user),
    }
