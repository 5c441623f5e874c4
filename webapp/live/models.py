"""Live sessions: a registered network sorts the frames that arrive in a watched folder."""

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models

from webapp.accounts.models import Group, User
from webapp.jobs.models import Job, Product


class LiveSessionQuerySet(models.QuerySet):
    """Reads of live sessions."""

    def for_user(self, user: User) -> "LiveSessionQuerySet":
        """Return the sessions of the user's groups."""
        return self.filter(group__memberships__user=user)


class LiveSession(models.Model):
    """One watched folder; its state is the state of its job.

    `reference` is the clustering into whose clusters a FactorVAE sorts; a classifier needs none.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="live_sessions")
    name = models.CharField(max_length=200)
    watched = models.CharField(max_length=1000)
    network = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="live_sessions")
    reference = models.ForeignKey(Product, null=True, on_delete=models.PROTECT, related_name="+")
    job = models.OneToOneField(Job, null=True, on_delete=models.SET_NULL, related_name="live_session")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = LiveSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        """Where the ledger and the thumbnails of the session lie."""
        return settings.DATA_DIR / "live" / str(self.id)
