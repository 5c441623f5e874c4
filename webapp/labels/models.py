"""Class schemes, and label events that are only ever appended."""

import uuid
from collections.abc import Iterable

from django.db import models

from webapp.accounts.models import User
from webapp.datasets.models import Dataset


class ClassScheme(models.Model):
    """The classes into which a data set is sorted.

    `classes` is a list of `{"name", "key", "colour"}`; the place in it is the bit of the class, so
    classes are renamed or appended but never reordered. An entry may also have `hidden` (no longer offered;
    its labels stay) and `former`, the names that it had before. `exclusive` names classes that stand alone,
    `excludes` lists of classes of which a frame can have one only. Each `repeat_every`th frame that a person
    labels is one that was labelled before, to be read again without being told; 0 is never.
    """

    dataset = models.OneToOneField(Dataset, on_delete=models.CASCADE, related_name="scheme")
    classes = models.JSONField(default=list)
    exclusive = models.JSONField(default=list)
    excludes = models.JSONField(default=list)
    single_label = models.BooleanField(default=False)
    repeat_every = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return ", ".join(self.names)

    @property
    def names(self) -> list[str]:
        """The names of the classes, in order."""
        return [entry["name"] for entry in self.classes]

    def bits(self, names: Iterable[str]) -> int:
        """Return the bits of the classes `names`; a name that is none of them has none."""
        wanted = set(names)
        return sum(1 << place for place, name in enumerate(self.names) if name in wanted)


class LabelEvent(models.Model):
    """One act of labelling: what one person said of one frame, or of many at once.

    SET says that exactly the classes of `mask` apply (none of them is an answer, too); ADD and REMOVE
    change some; CLEAR takes the frame back to unlabelled; UNDO makes the event `undoes` as if it had
    never been. `client_id` is made in the browser, so a label sent twice is stored once. `clears` are the
    bits that an ADD takes away, as the classes excluded each other when it was made.

    A reading (`purpose` is one of `READINGS`) says how a person called a frame without being shown its label.
    It changes no label; `first_mask` and `first_by` hold what it was called then, and by whom, or null.
    """

    class Operation(models.TextChoices):
        SET = "set"
        ADD = "add"
        REMOVE = "remove"
        CLEAR = "clear"
        UNDO = "undo"

    class Purpose(models.TextChoices):
        LABEL = "label"
        SETTLE = "settle"
        SECOND = "second"
        REPEAT = "repeat"
        AUDIT = "audit"
        PICKED = "picked"

    READINGS = (Purpose.SECOND, Purpose.REPEAT, Purpose.AUDIT, Purpose.PICKED)
    AUDITS = (Purpose.AUDIT, Purpose.PICKED)
    LABELS = (Purpose.LABEL, Purpose.SETTLE)

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="label_events")
    client_id = models.UUIDField(default=uuid.uuid4)
    operation = models.CharField(max_length=6, choices=Operation.choices)
    purpose = models.CharField(max_length=6, choices=Purpose.choices, default=Purpose.LABEL)
    mask = models.BigIntegerField(default=0)
    clears = models.BigIntegerField(default=0)
    frames = models.BinaryField(default=bytes)
    n_frames = models.BigIntegerField(default=0)
    scope = models.CharField(max_length=200, blank=True)
    undoes = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="undone_by")
    first_mask = models.BigIntegerField(null=True)
    first_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "client_id"], name="one_event_for_each_client_id")
        ]
        indexes = [models.Index(fields=["dataset", "purpose", "id"], name="events_by_purpose")]

    def __str__(self) -> str:
        return f"{self.operation} {self.n_frames} frames of {self.dataset}"


class SelectionAudit(models.Model):
    """Frames drawn at random from those that a classifier puts into a class, to be read blind.

    The selection is frozen: the frames that nobody had labelled after event `labels_as_of` and to which the
    sorting `classification` gives a score for `class_name` from `threshold` on. `frames` are the first of
    them in an order that `seed` has drawn, int32 little-endian, the same for all people; `n_selected` is how
    many there are to draw from. `turn` counts the audits of the class; of what was read in earlier ones
    nothing is drawn again: that is `n_known` frames, `n_known_right` of them right. Readings are events of
    the purpose PICKED.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="selection_audits")
    classification = models.UUIDField()
    class_name = models.CharField(max_length=60)
    asked = models.FloatField()
    threshold = models.FloatField()
    labels_as_of = models.BigIntegerField(default=0)
    n_selected = models.BigIntegerField()
    n_known = models.BigIntegerField(default=0)
    n_known_right = models.BigIntegerField(default=0)
    seed = models.BigIntegerField()
    turn = models.PositiveSmallIntegerField(default=1)
    frames = models.BinaryField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "classification", "class_name", "turn"], name="one_audit_a_turn"
            )
        ]

    def __str__(self) -> str:
        return f"audit of {self.class_name} in {self.dataset}"
