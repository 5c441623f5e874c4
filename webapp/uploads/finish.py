"""When all files of a set are there: hash them, move them into place, register the data set.

Hashing takes a while, so it is done beside the request, from the disk: what is compared is what is kept.
A process that dies on the way loses nothing: whoever asks next for the set's state begins again, else the
reaper does.
"""

import fcntl
import hashlib
import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from webapp.datasets.expand import without_data_of_masters
from webapp.datasets.services import inspect_source, register_dataset
from webapp.uploads.models import Upload, UploadSet
from webapp.uploads.storage import incoming_folder

logger = logging.getLogger(__name__)

_under_way: set[UUID] = set()
_guard = threading.Lock()


def is_complete(upload_set: UploadSet) -> bool:
    """Whether all bytes of all files are there."""
    uploads = upload_set.uploads.select_related("upload_set")
    return uploads.count() == upload_set.n_files and all(upload.is_whole for upload in uploads)


def finish_soon(upload_set: UploadSet) -> None:
    """Finish a complete set in a thread of its own; the same set is not begun twice."""

    def begin() -> None:
        with _guard:
            if upload_set.pk in _under_way:
                return
            _under_way.add(upload_set.pk)
        threading.Thread(target=_finish_aside, args=(upload_set.pk,), daemon=True).start()

    transaction.on_commit(begin)


def finish_idle() -> None:
    """Finish sets that have all their files, and whose process died while nobody looked on."""
    for upload_set in UploadSet.objects.unfinished().filter(is_refused=False, trouble=""):
        if is_complete(upload_set):
            finish_soon(upload_set)


def is_under_way(upload_set: UploadSet) -> bool:
    """Whether this process is finishing the set."""
    return upload_set.pk in _under_way


def _finish_aside(set_id: UUID) -> None:
    try:
        finish_set(set_id)
    except Exception:
        logger.exception("The upload %s could not be finished.", set_id)
        UploadSet.objects.filter(pk=set_id).update(
            trouble=f"The files could not be registered. Try again, or ask the operator to look for {set_id}."
        )
    finally:
        with _guard:
            _under_way.discard(set_id)
        connection.close()


def finish_set(set_id: UUID) -> None:
    """Make a complete set a draft of a data set, or refuse it."""
    with _only_one(set_id) as is_mine:
        upload_set = UploadSet.objects.select_related("group", "created_by").filter(pk=set_id).first()
        if not is_mine or upload_set is None or upload_set.dataset_id or upload_set.is_refused:
            return
        if not is_complete(upload_set):
            return
        uploads = sorted(upload_set.uploads.select_related("upload_set"), key=_natural_order)
        changed = [upload for upload in uploads if not _is_as_sent(upload)]
        if changed:
            _refuse(upload_set, changed)
        else:
            _move_into_place(uploads)
            _register(upload_set, uploads)


def _move_into_place(uploads: list[Upload]) -> None:
    for upload in uploads:
        if upload.part.path.exists():  # else an earlier attempt came as far as this
            upload.part.move(upload.place)


@transaction.atomic
def _register(upload_set: UploadSet, uploads: list[Upload]) -> None:
    UploadSet.objects.select_for_update().get(pk=upload_set.pk)  # nobody took it back meanwhile
    places = [upload.place for upload in uploads]
    own = set(without_data_of_masters(places))
    dataset = register_dataset(
        group=upload_set.group,
        name=upload_set.name,
        paths=[path for path in places if path in own],
        user=upload_set.created_by,
        roots=[places[0].parent],
        is_upload=True,
        sent_names={str(upload.place): upload.filename for upload in uploads},
    )
    inspect_source(dataset=dataset, user=upload_set.created_by)
    UploadSet.objects.filter(pk=upload_set.pk).update(dataset=dataset, trouble="")


def _is_as_sent(upload: Upload) -> bool:
    """Hash the file as it lies on the disk, and compare where the sender said something."""
    path = upload.part.path if upload.part.path.exists() else upload.place
    with path.open("rb") as file:
        upload.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    upload.save(update_fields=["sha256"])
    return upload.sha256_told in ("", upload.sha256)


def _refuse(upload_set: UploadSet, changed: list[Upload]) -> None:
    names = ", ".join(f"“{upload.filename}”" for upload in changed[:3])
    UploadSet.objects.filter(pk=upload_set.pk).update(
        is_refused=True,
        trouble=f"What arrived of {names} is not what was sent (SHA-256). Nothing was kept; upload it again.",
    )
    for upload in upload_set.uploads.select_related("upload_set"):
        upload.part.remove()
        upload.remove_from_place()


def _natural_order(upload: Upload) -> list[Any]:
    """Sort run_2 before run_10."""
    parts = re.split(r"(\d+)", upload.filename.lower())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


@contextmanager
def _only_one(set_id: UUID) -> Iterator[bool]:
    """Whether no other process finishes the set meanwhile; the answer ends with the block."""
    path = incoming_folder() / f"{set_id}.finish"
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o640)
    try:
        is_mine = _try_lock(handle)
        yield is_mine
        if is_mine:
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
