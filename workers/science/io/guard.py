"""Open files, and only regular files that really lie below the allowed folders.

A path that resolves to a place below a root is opened once more from the root, component by component and
without following links, so that a link swapped in between the check and the opening is refused and not
followed.
"""

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.science.errors import SourceError

_HASHED_BYTES = 64 * 1024
_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
# O_NONBLOCK: opening a FIFO without a writer would wait for ever
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class OpenedFile:
    """A regular file below a root, with its descriptor; the holder closes the descriptor.

    Parameters
    ----------
    path : str
        The path as it was asked for.
    real_path : str
        The path without symbolic links.
    descriptor : int
        An open file descriptor, for reading.
    size : int
        Bytes.
    fingerprint : str
        Changes when the file does: size, time of change in ns, and SHA-256 of the first and last 64 KiB.
    """

    path: str
    real_path: str
    descriptor: int
    size: int
    fingerprint: str


class Guard:
    """Opens files below its roots, refuses all others, and remembers what it opened.

    Parameters
    ----------
    roots : sequence of str
        Folders below which files may be opened.
    fingerprints : mapping of str to str, optional
        Fingerprint that a file must still have, by path.
    """

    def __init__(self, roots: Sequence[str], fingerprints: Mapping[str, str] | None = None) -> None:
        self.roots = tuple(os.path.realpath(root) for root in roots)
        self.opened: dict[str, OpenedFile] = {}
        self._expected = {os.path.realpath(path): value for path, value in (fingerprints or {}).items()}

    def open_file(self, path: str) -> OpenedFile:
        """Open a regular file below one of the roots.

        Parameters
        ----------
        path : str
            Path of the file.

        Returns
        -------
        opened : OpenedFile
            The file, its identity and a descriptor that the caller closes.

        Raises
        ------
        SourceError
            If the file is missing, unreadable, not a regular file, outside the roots, or has changed.
        """
        if "\0" in path:
            raise SourceError(repr(path), "is no path", "Choose an HDF5 or CXI file")
        real_path = os.path.realpath(path)
        try:
            descriptor = _open_beneath(self._root_of(path, real_path), real_path)
        except OSError as error:
            raise _opening_error(path, error) from error
        try:
            opened = _identify(path, real_path, descriptor)
            self._check_unchanged(opened)
        except BaseException:
            os.close(descriptor)
            raise
        self.opened[real_path] = opened
        return opened

    def read_head(self, path: str, n_bytes: int) -> bytes:
        """Return the first bytes of a file, fewer if it is shorter; raises SourceError as `open_file`."""
        opened = self.open_file(path)
        try:
            return os.pread(opened.descriptor, n_bytes, 0)
        finally:
            os.close(opened.descriptor)

    def _root_of(self, path: str, real_path: str) -> str:
        for root in self.roots:
            if Path(real_path).is_relative_to(root) and real_path != root:
                return root
        cause = "lies outside the folders that may be read"
        raise SourceError(
            path, cause, "Choose a file below an allowed folder, without links that lead out of it"
        )

    def _check_unchanged(self, opened: OpenedFile) -> None:
        expected = self._expected.get(opened.real_path)
        if expected is not None and expected != opened.fingerprint:
            cause = "the file has changed since it was registered"
            raise SourceError(opened.path, cause, "Register the data set again once the file is complete")


def _open_beneath(root: str, real_path: str) -> int:
    folder = os.open(root, _DIRECTORY)
    *folders, name = Path(real_path).relative_to(root).parts
    try:
        for part in folders:
            inner = os.open(part, _DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = inner
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if not stat.S_ISREG(mode):
            raise IsADirectoryError(0, "not a regular file")
        return os.open(name, _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _opening_error(path: str, error: OSError) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return SourceError(path, "the file does not exist", "Check the path, or whether the file was moved")
    if isinstance(error, PermissionError):
        return SourceError(path, "the file may not be read", "Ask its owner for the right to read it")
    if isinstance(error, IsADirectoryError | NotADirectoryError):
        return SourceError(path, "is not a regular file", "Choose an HDF5 or CXI file")
    return SourceError(path, f"cannot be opened ({error.strerror})", "Check the path and the file system")


def _identify(path: str, real_path: str, descriptor: int) -> OpenedFile:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(path, "is not a regular file", "Choose an HDF5 or CXI file")
    digest = hashlib.sha256(os.pread(descriptor, _HASHED_BYTES, 0))
    digest.update(os.pread(descriptor, _HASHED_BYTES, max(0, status.st_size - _HASHED_BYTES)))
    fingerprint = f"{status.st_size}-{status.st_mtime_ns}-{digest.hexdigest()}"
    return OpenedFile(path, real_path, descriptor, status.st_size, fingerprint)
