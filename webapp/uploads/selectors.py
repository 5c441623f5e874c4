"""Reads about uploads: what is unfinished, and how far a set is."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from webapp.accounts.models import Group, User
from webapp.uploads.finish import is_complete, is_under_way
from webapp.uploads.models import Upload, UploadSet


@dataclass(frozen=True)
class UnfinishedSet:
    """A set as the page lists it."""

    upload_set: UploadSet
    uploads: list[Upload]
    is_complete: bool

    @property
    def received(self) -> int:
        """Bytes that are there."""
        return sum(upload.received or 0 for upload in self.uploads)

    @property
    def size(self) -> int:
        """Bytes of the files that were begun."""
        return sum(upload.size for upload in self.uploads)

    @property
    def n_missing(self) -> int:
        """Files of which nothing was sent yet."""
        return self.upload_set.n_files - len(self.uploads)

    @property
    def may_go_without(self) -> bool:
        """Whether all that was begun is there, and other files never came."""
        return self.n_missing > 0 and all(upload.is_whole for upload in self.uploads)


def unfinished_sets(user: User) -> list[UnfinishedSet]:
    """Return what may be gone on with in the groups in which `user` may write."""
    sets = UploadSet.objects.unfinished().filter(group__in=Group.objects.writable_by(user))
    rows = sets.select_related("group", "created_by").prefetch_related("uploads__upload_set")
    return [UnfinishedSet(row, list(row.uploads.all()), is_complete(row)) for row in rows]


def state_of(upload_set: UploadSet) -> dict[str, Any]:
    """Return what the page wants to know about a set that it sends."""
    if upload_set.dataset_id:
        url = reverse("datasets:dataset-draft", kwargs={"pk": upload_set.dataset_id})
        return {"state": "registered", "url": url}
    if upload_set.is_refused:
        return {"state": "refused", "words": upload_set.trouble}
    if is_under_way(upload_set):
        return {"state": "checking"}
    if upload_set.trouble:
        return {"state": "trouble", "words": upload_set.trouble}
    return {"state": "checking" if is_complete(upload_set) else "receiving"}
