"""Take in uploaded files: checked first, moved into place whole, or not kept at all."""

import os
import shutil
import uuid
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from webapp.accounts.models import Group
from webapp.datasets.browse import SUFFIXES

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# The superblock may stand behind a user block, whose size doubles from 512 (HDF5 file format, II.A).
SIGNATURE_OFFSETS = (0, 512, 1024, 2048)
DISK_RESERVE_BYTES = 2**30
FORM_BYTES = 2**16  # what the fields around the file may take


class UploadRefused(Exception):
    """The uploaded file may not be kept; the text says why and what to do."""


def upload_folder(group: Group) -> Path:
    """Return where the files lie that members of `group` uploaded."""
    return settings.DATA_DIR / "uploads" / str(group.pk)


def check_room(n_bytes: int) -> None:
    """Refuse a body of a request that is over the limit or does not fit on the disk."""
    limit = settings.UPLOAD_LIMIT_BYTES
    if n_bytes > limit + FORM_BYTES:
        raise UploadRefused(
            f"The file has {n_bytes / 1e9:.1f} GB; at most {limit / 1e9:.1f} GB are taken in a browser. "
            "Put it into one of the allowed folders and register it there."
        )
    free = shutil.disk_usage(settings.DATA_DIR).free
    if n_bytes + DISK_RESERVE_BYTES > free:
        raise UploadRefused(
            f"The disk has {free / 1e9:.1f} GB left, too little for this file. Ask the operator for space."
        )


def check_upload(file: UploadedFile) -> None:
    """Refuse a file that is not HDF5 by its name or by its signature."""
    if not str(file.name).lower().endswith(SUFFIXES):
        raise UploadRefused(f"“{file.name}” is not HDF5 by its name: {', '.join(SUFFIXES)} are read.")
    for offset in SIGNATURE_OFFSETS:
        file.seek(offset)
        if file.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE:
            file.seek(0)
            return
    raise UploadRefused(
        f"“{file.name}” is not an HDF5 file: its signature is missing. It is cut off or in another format."
    )


def store_upload(*, group: Group, file: UploadedFile) -> Path:
    """Move a checked upload to its place; whatever fails leaves nothing behind."""
    folder = upload_folder(group)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{uuid.uuid4()}.h5"
    temporary = target.with_suffix(".part")
    try:
        _move_into(file, temporary)
        temporary.rename(target)
    except OSError as error:
        raise UploadRefused(
            f"The file could not be kept ({error.strerror}). Try again, or ask the operator."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _move_into(file: UploadedFile, target: Path) -> None:
    """Give the temporary file another name where that is possible, so that nothing is copied."""
    source = getattr(file, "temporary_file_path", None)
    if source is not None:
        shutil.copyfile(source(), target) if not _link(source(), target) else None
    else:
        with target.open("xb") as out:
            shutil.copyfileobj(file, out)
    target.chmod(0o640)
    with target.open("rb") as written:
        os.fsync(written.fileno())


def _link(source: str, target: Path) -> bool:
    try:
        os.link(source, target)  # the temporary name is taken away by Django when the request ends
    except OSError:
        return False
    return True
