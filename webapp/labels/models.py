"""Class schemes, and label events that are only ever appended."""

import uuid

from django.db import models

from webapp.accounts.models import User
from webapp.datasets.models import Dataset


class ClassScheme(models.Model):
    """The classes into which a data set is sorted.

    `classes` is a list of `{"name", "key", "colour"}`; the place in it is the bit of the class, so
    classes are renamed or appended but never reordered. `exclusive` names classes that stand alone.
    """

    dataset = models.OneToOneField(Dataset, on_delete=models.CASCADE, related_name="scheme")
    classes = models.JSONField(default=list)
    exclusive = models.JSONField(default=list)
    single_label = models.BooleanField(default=False)

    def __str__(self) -> str:
        return ", ".join(self.names)

    @property
    def names(self) -> list[str]:
        """The names of the classes, in order."""
        return [entry["name"] for entry in self.classes]


class LabelEvent(models.Model):
    """One act of labelling: what one person said of one frame, or of many at once.

    SET says that exactly the classes of `mask` apply (none of them is an answer, too); ADD and REMOVE
    change some; CLEAR takes the frame back to unlabelled; UNDO makes the event `undoes` as if it had
    never been. `client_id` is made in the browser, so a label sent twice is stored once.
    """

    class Operation(models.TextChoices):
        SET = "set"
        ADD = "add"
        REMOVE = "remove"
        CLEAR = "clear"
        UNDO = "undo"

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="label_events")
    client_id = models.UUIDField(default=uuid.uuid4)
    operation = models.CharField(max_length=6, choices=Operation.choices)
    mask = models.BigIntegerField(default=0)
    frames = models.BinaryField(default=bytes)
    n_frames = models.BigIntegerField(default=0)
    scope = models.CharField(max_length=200, blank=True)
    undoes = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="undone_by")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "client_id"], name="one_event_for_each_client_id")
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.n_frames} frames of {self.dataset}"
