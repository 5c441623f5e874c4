"""What may be uploaded: by ending, by size, by the quota of the group and by the room on the disk."""

import shutil

from django.conf import settings
from django.db.models import Max, Sum

from webapp.accounts.models import Group
from webapp.datasets.browse import SUFFIXES
from webapp.datasets.models import SourceFile
from webapp.jobs.templatetags.quantities import size as in_words
from webapp.uploads.models import Upload

DISK_RESERVE_BYTES = 2**30
IN_PLACE = "Put the file into one of the allowed folders and register it there"


class UploadRefused(Exception):
    """The upload may not be; `status` is its HTTP status, the text says why and what to do."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def ending_of(filename: str) -> str:
    """Return which of the known endings a name has, or refuse the file."""
    found = [ending for ending in SUFFIXES if filename.lower().endswith(ending)]
    if not found:
        raise UploadRefused(
            422, f"“{filename}” has an ending that is not read here; these are: {', '.join(SUFFIXES)}."
        )
    return max(found, key=len)


def check_size(group: Group, size: int) -> None:
    """Refuse a file that is too large for the portal, for the quota of its group, or for the disk."""
    if size == 0:
        raise UploadRefused(422, "The file is empty. Choose one with frames in it.")
    limit = settings.UPLOAD_LIMIT_BYTES
    if size > limit:
        raise UploadRefused(
            413, f"The file has {in_words(size)}; at most {in_words(limit)} are taken. {IN_PLACE}."
        )
    left = settings.UPLOAD_QUOTA_BYTES - used_by(group)
    if size > left:
        raise UploadRefused(
            507,
            f"The file has {in_words(size)}, and {in_words(max(left, 0))} are left of the "
            f"{in_words(settings.UPLOAD_QUOTA_BYTES)} that {group.name} may upload. "
            "Remove unfinished uploads or data sets that nobody needs, or ask the operator.",
        )
    check_disk(size + promised_bytes())


def check_disk(n_bytes: int) -> None:
    """Refuse what would not leave the reserve on the disk."""
    free = shutil.disk_usage(settings.DATA_DIR).free
    if n_bytes + DISK_RESERVE_BYTES > free:
        raise UploadRefused(
            507,
            f"The server's disk has {in_words(free)} left, too little for this file. What arrived is kept; "
            "ask the operator for space, then resume.",
        )


def used_by(group: Group) -> int:
    """Return the bytes that a group has uploaded or has been promised room for."""
    uploads = Upload.objects.filter(upload_set__group=group, upload_set__is_refused=False)
    # A second look at a data set names the same files once more; they count where only it is left.
    files = SourceFile.objects.filter(dataset__group=group, is_upload=True).order_by()
    known = files.filter(dataset__upload_sets__isnull=False).values("path")
    others = files.exclude(path__in=known).values("path").annotate(size=Max("size"))
    return sum(rows.aggregate(sum=Sum("size"))["sum"] or 0 for rows in (uploads, others))


def promised_bytes() -> int:
    """Return what is still to come of all uploads under way."""
    under_way = Upload.objects.select_related("upload_set").filter(
        upload_set__dataset=None, upload_set__is_refused=False
    )
    return sum(upload.size - (upload.received or 0) for upload in under_way)
