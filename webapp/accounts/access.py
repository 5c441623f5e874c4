"""The one door to objects: what a person may not see does not exist for them."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404

from webapp.accounts.models import Group, User


def get_for(user: User, queryset: QuerySet, **lookup: Any) -> Any:
    """Return the object of `queryset` (which has `for_user`) that `user` may see, or answer 404."""
    return get_object_or_404(queryset.for_user(user).distinct(), **lookup)


def require_writer(user: User, group: Group) -> None:
    """Refuse viewers; strangers do not even learn that the group exists."""
    if not Group.objects.for_user(user).filter(pk=group.pk).exists():
        raise Http404
    if not Group.objects.writable_by(user).filter(pk=group.pk).exists():
        raise PermissionDenied("You are a viewer of this group; ask an owner for the right to change things.")
