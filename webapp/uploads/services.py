"""What people do with uploads: begin one, take one back; and the clean-up of what nobody goes on with."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from django.db import transaction
from django.http import Http404
from django.utils import timezone

from webapp.accounts.models import Group, User
from webapp.uploads.admission import UploadRefused, check_size, ending_of
from webapp.uploads.models import KEPT_DAYS, Upload, UploadSet, next_expiry
from webapp.uploads.names import stored_name
from webapp.uploads.storage import incoming_folder

N_FILES = 2000


@dataclass(frozen=True)
class Offer:
    """What a browser says about a file that it wants to send."""

    filename: str
    size: int
    name: str = ""
    sha256: str = ""
    set_id: UUID | None = None
    n_files: int = 1
    metadata: str = ""


def begin_upload(*, group: Group, user: User, offer: Offer) -> Upload:
    """Make room for a file, if it may be uploaded."""
    remove_expired()
    with transaction.atomic():
        Group.objects.select_for_update().get(pk=group.pk)  # two files at once do not share one quota
        ending = ending_of(offer.filename)
        upload_set = _set_of(group, user, offer)
        _forget_earlier(upload_set, offer.filename)
        check_size(group, offer.size)
        if upload_set.uploads.count() >= upload_set.n_files:
            raise UploadRefused(422, f"“{upload_set.name}” has all of its files. Begin another data set.")
        upload = Upload.objects.create(
            upload_set=upload_set,
            filename=offer.filename,
            stored_name=stored_name(
                offer.filename, ending, upload_set.uploads.values_list("stored_name", flat=True)
            ),
            ending=ending,
            size=offer.size,
            metadata=offer.metadata,
            sha256_told=offer.sha256,
        )
        upload.part.create()
    return upload


def _set_of(group: Group, user: User, offer: Offer) -> UploadSet:
    """Return the set that the file belongs to, made for its first file."""
    if not 1 <= offer.n_files <= N_FILES:
        raise UploadRefused(422, f"At most {N_FILES} files become one data set. Choose fewer.")
    upload_set = UploadSet.objects.select_related("group").filter(pk=offer.set_id).first()
    if upload_set is None:
        return UploadSet.objects.create(
            pk=offer.set_id or uuid4(),
            group=group,
            created_by=user,
            name=(offer.name or _stem(offer.filename))[:200],
            n_files=offer.n_files,
        )
    if upload_set.group_id != group.pk:
        raise Http404
    if upload_set.dataset_id or upload_set.is_refused or upload_set.is_expired:
        raise UploadRefused(410, f"“{upload_set.name}” takes no more files. Begin another data set.")
    return upload_set


def _stem(filename: str) -> str:
    """Return a name without its ending, or all of it where nothing else would be left."""
    name = Path(filename).name
    return name[: -len(ending_of(filename))] or name


def _forget_earlier(upload_set: UploadSet, filename: str) -> None:
    """Delete what an earlier creation of the same file left, whose answer never reached the browser."""
    for upload in upload_set.uploads.filter(filename=filename):
        _delete(upload)


def expect_files(*, upload_set: UploadSet, n_files: int) -> None:
    """Wait for fewer files, since the others were cancelled before anything of them was sent."""
    if max(1, upload_set.uploads.count()) <= n_files < upload_set.n_files:
        upload_set.n_files = n_files
        upload_set.save(update_fields=["n_files"])


def keep_longer(*, upload: Upload) -> None:
    """Note that something arrived."""
    UploadSet.objects.filter(pk=upload.upload_set_id).update(expires_at=next_expiry())


def remove_upload(*, upload: Upload) -> None:
    """Delete a file under way; with its last file a set goes, too."""
    _delete(upload)
    UploadSet.objects.filter(pk=upload.upload_set_id, uploads=None, dataset=None, is_refused=False).delete()


def remove_set(*, upload_set: UploadSet) -> None:
    """Delete a set that is not a data set yet, with all that arrived of it."""
    files = list(upload_set.uploads.select_related("upload_set"))
    for upload in files:
        _delete(upload)
    upload_set.delete()


def _delete(upload: Upload) -> None:
    part = upload.part
    upload.delete()
    part.remove()
    upload.remove_from_place()


def remove_expired() -> None:
    """Delete sets to which nothing came for days, and files that no row speaks of any more."""
    for upload_set in UploadSet.objects.filter(dataset=None, expires_at__lte=timezone.now()):
        remove_set(upload_set=upload_set)
    oldest = time.time() - KEPT_DAYS * 86400
    for path in incoming_folder().iterdir():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest and not _is_spoken_of(path):
                path.unlink()


def _is_spoken_of(path: Path) -> bool:
    """Whether a file on its way in belongs to an upload; locks of sets and cut-off forms do not."""
    try:
        return Upload.objects.filter(pk=UUID(path.stem)).exists()
    except ValueError:
        return False
