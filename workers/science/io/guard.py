"""Open files, and only regular files that really lie below the allowed folders.

A path that resolves to a place below a root is opened once more from the root's descriptor and beneath it, so
that a link swapped in between the check and the opening leads nowhere.
"""

import errno
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.science.errors import SourceError
from workers.science.io.beneath import open_beneath
from workers.science.io.fingerprint import WriterMark, check_unchanged, read_mark, state_of, take_fingerprint

_NO_FILE = "Choose a file with frames"


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
        Changes when the file does (see `take_fingerprint`).
    mark : WriterMark
        What an HDF5 file says of its writer.
    state : tuple of str, or None
        ``growing`` or ``stalled``, and that in words; None for a complete file.
    """

    path: str
    real_path: str
    descriptor: int
    size: int
    fingerprint: str
    mark: WriterMark
    state: tuple[str, str] | None


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
        _check_name(path)
        real_path = os.path.realpath(path)
        _check_name(real_path)
        try:
            descriptor = open_beneath(self._root_of(path, real_path), real_path)
        except OSError as error:
            raise _opening_error(path, error) from error
        try:
            opened = self._identify(path, real_path, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self.opened[real_path] = opened
        return opened

    @property
    def states(self) -> list[dict[str, str]]:
        """Say which of the opened files are still growing, or were left by their writer."""
        return [
            {"file": opened.path, "state": opened.state[0], "words": opened.state[1]}
            for opened in self.opened.values()
            if opened.state
        ]

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

    def _identify(self, path: str, real_path: str, descriptor: int) -> OpenedFile:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(path, "is not a regular file", _NO_FILE)
        mark = read_mark(descriptor)
        state = state_of(status, mark)
        fingerprint = take_fingerprint(descriptor, status, state)
        if (expected := self._expected.get(real_path)) is not None:
            check_unchanged(path, expected, fingerprint, status)
        return OpenedFile(path, real_path, descriptor, status.st_size, fingerprint, mark, state)


def _check_name(path: str) -> None:
    if "\0" in path:
        raise SourceError(repr(path), "is no path", _NO_FILE)
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise SourceError(ascii(path), "has a name that is not UTF-8", "Rename the file or folder") from error


def _opening_error(path: str, error: OSError) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return SourceError(path, "the file does not exist", "Check the path, or whether the file was moved")
    if isinstance(error, PermissionError):
        return SourceError(path, "the file may not be read", "Ask its owner for the right to read it")
    if isinstance(error, IsADirectoryError | NotADirectoryError):
        return SourceError(path, "is not a regular file", _NO_FILE)
    if error.errno in (errno.EXDEV, errno.ELOOP):
        cause = "was reached by a link that leads out, or in a circle"
        return SourceError(path, cause, "Choose a file below an allowed folder, without such links")
    return SourceError(path, f"cannot be opened ({error.strerror})", "Check the path and the file system")
