"""How a file is told from the one that it was: complete, still growing, or left by its writer."""

import hashlib
import os
import struct
import time
from dataclasses import dataclass

from workers.science.errors import SourceError

HASHED_BYTES = 64 * 1024
SETTLED_S = 60
STALLED_S = 600
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEAD_BYTES = 64
_GROWING = "growing"


@dataclass(frozen=True)
class WriterMark:
    """What the superblock of an HDF5 file says of its writer.

    Parameters
    ----------
    is_open : bool
        A writer has it open, or ended without closing it.
    is_swmr : bool
        That writer lets others read meanwhile.
    end : int or None
        Bytes that the file has according to its superblock, None where that cannot be told.
    """

    is_open: bool = False
    is_swmr: bool = False
    end: int | None = None


def read_mark(descriptor: int) -> WriterMark:
    """Read the superblock of an HDF5 file; of any other file nothing is known.

    Parameters
    ----------
    descriptor : int
        The file, open for reading.

    Returns
    -------
    mark : WriterMark
        From the consistency flags (since version 3 of the superblock) and the end-of-file address.
    """
    head = os.pread(descriptor, _HEAD_BYTES, 0)
    if not head.startswith(_SIGNATURE) or len(head) < _HEAD_BYTES:
        return WriterMark()
    version = head[8]
    if version in (0, 1) and head[13] == 8:
        base, _, end = struct.unpack_from("<3Q", head, 24 + 4 * version)
        return WriterMark(end=end if base == 0 else None)
    if version in (2, 3) and head[9] == 8:
        base, _, end = struct.unpack_from("<3Q", head, 12)
        flags = head[11] if version == 3 else 0
        return WriterMark(bool(flags & 0b001), bool(flags & 0b100), end if base == 0 else None)
    return WriterMark()


def state_of(status: os.stat_result, mark: WriterMark) -> tuple[str, str] | None:
    """Say whether a file is still being written.

    Parameters
    ----------
    status : os.stat_result
        Size, and when it was last changed.
    mark : WriterMark
        What its superblock says.

    Returns
    -------
    state : tuple of str, or None
        ``growing`` or ``stalled``, and what that means in words; None for a complete file.
    """
    age_s = max(0.0, time.time() - status.st_mtime)
    is_readable = mark.is_swmr or not mark.is_open  # the HDF5 library refuses other files that are open
    what = "The frames that are there now are read" if is_readable else "It can be read once it is closed"
    if mark.is_open and age_s >= STALLED_S:
        words = f"Its writer has not closed it, and has written nothing for {age_s / 60:.0f} min"
        return "stalled", f"{words}. {what}."
    is_unfinished = mark.end is not None and mark.end != status.st_size and age_s < SETTLED_S
    if mark.is_open or is_unfinished:
        return _GROWING, f"It is still being written. {what}."
    return None


def take_fingerprint(descriptor: int, status: os.stat_result, state: tuple[str, str] | None) -> str:
    """Name the content of a file, so that a change is seen.

    Parameters
    ----------
    descriptor : int
        The file, open for reading.
    status : os.stat_result
        Its size and times.
    state : tuple of str, or None
        From `state_of`.

    Returns
    -------
    fingerprint : str
        ``<size>-<mtime in ns>-<SHA-256 of the first and the last 64 KiB>``, or, while it grows,
        ``growing-<device>-<inode>-<size>``.
    """
    if state and state[0] == _GROWING:
        return f"{_GROWING}-{status.st_dev}-{status.st_ino}-{status.st_size}"
    digest = hashlib.sha256(os.pread(descriptor, HASHED_BYTES, 0))
    digest.update(os.pread(descriptor, HASHED_BYTES, max(0, status.st_size - HASHED_BYTES)))
    return f"{status.st_size}-{status.st_mtime_ns}-{digest.hexdigest()}"


def check_unchanged(path: str, expected: str, found: str, status: os.stat_result) -> None:
    """Refuse a file that is not the one that was described; one that grew since may be longer.

    Parameters
    ----------
    path : str
        Named in the error.
    expected, found : str
        Fingerprints of then and of now.
    status : os.stat_result
        Of now.

    Raises
    ------
    SourceError
        If the file has changed, or was replaced or cut while it grew.
    """
    if not expected.startswith(f"{_GROWING}-"):
        if expected != found:
            cause = "the file has changed since it was registered"
            raise SourceError(path, cause, "Register the data set again once the file is complete")
        return
    device, inode, size = (int(part) for part in expected.split("-")[1:])
    if (status.st_dev, status.st_ino) != (device, inode) or status.st_size < size:
        cause = "the file was replaced or cut since it was registered, while it was still being written"
        raise SourceError(path, cause, "Register the data set again once the file is complete")
