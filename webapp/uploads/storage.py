"""The bytes of an upload under way: appended in turn, at the offset that the file itself tells.

A request holds the lock of a file only while it writes a block that has arrived already, never while it
waits for the network. A later request takes the turn over by writing its own token into the lock file;
who finds another's token there stops. So a connection that hangs locks nobody out, and no two requests
mix their bytes.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings

BLOCK_BYTES = 2**18


class TurnLost(Exception):
    """Another request writes to this upload now, or the upload is gone."""


class WrongOffset(Exception):
    """The file does not end where the sender thinks that it does."""


def incoming_folder() -> Path:
    """Return where uploads under way lie."""
    return settings.DATA_DIR / "incoming"


class PartFile:
    """The file of one upload, and its lock beside it; both are named by the upload's id alone."""

    def __init__(self, upload_id: UUID) -> None:
        self.path = incoming_folder() / f"{upload_id}.part"
        self.lock_path = self.path.with_suffix(".lock")

    def create(self) -> None:
        """Make an empty file that outlives a power cut."""
        for path in (self.lock_path, self.path):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
        sync_folder(self.path.parent)

    def take_turn(self, offset: int | None = None) -> tuple[bytes, int]:
        """Become the one who writes; return the token of this turn, and how many bytes are there."""
        with self._locked() as lock:
            size = self.path.stat().st_size
            if offset not in (None, size):
                raise WrongOffset
            token = secrets.token_bytes(16)
            os.pwrite(lock, token, 0)
            return token, size

    def append(self, token: bytes, offset: int, block: bytes) -> None:
        """Write `block` at `offset`, the end of the file, as long as the turn is ours."""
        self.append_all(token, offset, iter((block,)))

    def append_all(self, token: bytes, offset: int, blocks: Iterator[bytes]) -> None:
        """Write all blocks before anybody else has a turn."""
        with self._locked() as lock:
            if os.pread(lock, 16, 0) != token:
                raise TurnLost
            part = os.open(self.path, os.O_WRONLY | os.O_APPEND)
            try:
                if os.fstat(part).st_size != offset:
                    raise TurnLost
                for block in blocks:
                    _write_whole(part, block)
            finally:
                os.close(part)

    def sync(self) -> None:
        """Return when all bytes are on the disk."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())

    def move(self, target: Path) -> None:
        """Give the whole file its name; a request that still writes finds nothing any more."""
        self.sync()
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            self.path.rename(target)
            self.lock_path.unlink()
        sync_folder(target.parent)
        sync_folder(target.parent.parent)
        sync_folder(self.path.parent)

    def remove(self) -> None:
        """Delete what is there."""
        try:
            with self._locked():
                self.path.unlink(missing_ok=True)
                self.lock_path.unlink(missing_ok=True)
        except FileNotFoundError:
            self.path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        lock = os.open(self.lock_path, os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock
        finally:
            os.close(lock)


def blocks_of(file: BinaryIO) -> Iterator[bytes]:
    """Return the rest of a file, piece by piece."""
    return iter(lambda: file.read(BLOCK_BYTES), b"")


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_whole(handle: int, block: bytes) -> None:
    left = memoryview(block)
    while left:
        left = left[os.write(handle, left) :]
