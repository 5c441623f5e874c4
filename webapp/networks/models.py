"""What people say of networks: a name, a note, whether they are still offered. The networks are products."""

from django.db import models

from webapp.accounts.models import User
from webapp.jobs.models import Product


class NetworkEntry(models.Model):
    """What the registry knows of a network beside its card; an archived one is kept but not offered."""

    network = models.OneToOneField(Product, on_delete=models.CASCADE, related_name="entry")
    name = models.CharField(max_length=200, blank=True)
    note = models.TextField(max_length=2000, blank=True)
    is_archived = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name or str(self.network)


class NetworkChange(models.Model):
    """One thing that a person did to a network in the registry: appended, never changed."""

    network = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="changes")
    words = models.CharField(max_length=2300)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.words
