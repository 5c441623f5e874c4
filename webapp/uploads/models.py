"""Files on their way in; how far each of them is stands on the disk, not here."""

import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils import timezone

from webapp.accounts.models import Group, User
from webapp.datasets.models import Dataset
from webapp.uploads.storage import PartFile

KEPT_DAYS = 7


def next_expiry() -> datetime:
    """Return until when an upload is kept to which nothing more comes."""
    return timezone.now() + timedelta(days=KEPT_DAYS)


class UploadSetQuerySet(models.QuerySet):
    """Reads of sets of uploads."""

    def for_user(self, user: User) -> "UploadSetQuerySet":
        """Return the sets of the user's groups."""
        return self.filter(group__memberships__user=user)

    def unfinished(self) -> "UploadSetQuerySet":
        """Return the sets that are not a data set yet, and may still become one or be looked at."""
        return self.filter(dataset=None, expires_at__gt=timezone.now())


class UploadSet(models.Model):
    """Files that are uploaded together and become one data set.

    Its id may be chosen by the browser, so that a creation that is sent twice makes one set.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="upload_sets")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    name = models.CharField(max_length=200)
    n_files = models.PositiveIntegerField(default=1)
    dataset = models.ForeignKey(Dataset, null=True, on_delete=models.CASCADE, related_name="upload_sets")
    is_refused = models.BooleanField(default=False)
    trouble = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(default=next_expiry, db_index=True)

    objects = UploadSetQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_expired(self) -> bool:
        """Whether its time is over, though it may not have been cleaned up yet."""
        return self.dataset_id is None and self.expires_at <= timezone.now()


class UploadQuerySet(models.QuerySet):
    """Reads of uploads."""

    def for_user(self, user: User) -> "UploadQuerySet":
        """Return the uploads of the user's groups."""
        return self.filter(upload_set__group__memberships__user=user)


class Upload(models.Model):
    """One file of a set.

    `filename` is its name at the user's, and is only shown; `stored_name` is what is left of it as a name in
    the folder of the set. Files of before there were such folders have none.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    upload_set = models.ForeignKey(UploadSet, on_delete=models.CASCADE, related_name="uploads")
    filename = models.CharField(max_length=255)
    stored_name = models.CharField(max_length=140, blank=True)
    ending = models.CharField(max_length=20)
    size = models.BigIntegerField()
    metadata = models.CharField(max_length=4000, blank=True)
    sha256_told = models.CharField(max_length=64, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ["filename"]
        constraints = [
            models.UniqueConstraint(fields=["upload_set", "filename"], name="one_upload_of_a_name_in_a_set"),
            models.UniqueConstraint(
                fields=["upload_set", "stored_name"],
                condition=~models.Q(stored_name=""),
                name="one_place_for_each_upload_of_a_set",
            ),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def part(self) -> PartFile:
        """The bytes that are there so far."""
        return PartFile(self.pk)

    @property
    def place(self) -> Path:
        """Where the file lies when it has arrived."""
        folder = upload_folder(self.upload_set.group_id)
        if self.stored_name:
            return folder / str(self.upload_set_id) / self.stored_name
        return folder / f"{self.pk}{self.ending}"

    def remove_from_place(self) -> None:
        """Delete the file that has arrived, and the folder of the set with its last file."""
        self.place.unlink(missing_ok=True)
        if self.stored_name:
            with suppress(OSError):
                self.place.parent.rmdir()

    @property
    def received(self) -> int | None:
        """How many bytes are there; None if the file is gone."""
        for path in (self.part.path, self.place):
            try:
                return path.stat().st_size
            except FileNotFoundError:
                continue
        return None

    @property
    def is_whole(self) -> bool:
        """Whether all bytes are there."""
        return self.received == self.size


def upload_folder(group_id: uuid.UUID) -> Path:
    """Return where the files lie that members of a group uploaded."""
    return settings.DATA_DIR / "uploads" / str(group_id)
