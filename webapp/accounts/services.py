"""Writes about people and groups."""

from django.db import transaction

from webapp.accounts.models import Group, Membership, User

OPERATORS = "Command line"


@transaction.atomic
def create_user(*, username: str, password: str, group_name: str = "", role: str = "member") -> User:
    """Create a user, and make them a member of the group `group_name`, which is made if need be."""
    user = User.objects.create_user(username=username, password=password)
    if group_name:
        group, _ = Group.objects.get_or_create(name=group_name)
        Membership.objects.create(group=group, user=user, role=role)
    return user


def operators_group() -> Group:
    """Return the group that owns what the command line makes."""
    return Group.objects.get_or_create(name=OPERATORS)[0]
