"""People and the groups (beam times) that they belong to."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person who signs in."""


class GroupQuerySet(models.QuerySet):
    """Reads of groups."""

    def for_user(self, user: User) -> "GroupQuerySet":
        """Return the groups that `user` is a member of."""
        return self.filter(memberships__user=user)

    def writable_by(self, user: User) -> "GroupQuerySet":
        """Return the groups in which `user` may change things."""
        return self.filter(memberships__user=user, memberships__role__in=Membership.WRITERS)


class Group(models.Model):
    """A user group of the facility; everything else belongs to exactly one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = GroupQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """What one person may do in one group."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        MEMBER = "member", "Member"
        VIEWER = "viewer", "Viewer"

    WRITERS = (Role.OWNER, Role.MEMBER)

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "user"], name="one_role_in_a_group")]

    def __str__(self) -> str:
        return f"{self.user} is {self.get_role_display()} of {self.group}"
