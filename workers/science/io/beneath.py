"""Open a file beneath a folder so that neither a symbolic link nor a race leads out of it.

Where the kernel has openat2 (Linux 5.6) it resolves the whole path beneath the folder's descriptor, and no
step leads out. Elsewhere, or where a container forbids that call, the path is walked one component at a time
and no link is followed.
"""

import ctypes
import errno
import os
import stat
import struct
from pathlib import Path

_OPENAT2 = 437  # the same on all architectures
_NO_MAGICLINKS, _BENEATH = 0x02, 0x08
_RETRIES = 32  # the kernel answers EAGAIN when something was renamed while it looked
_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
_LOOK = getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO without a writer would wait for ever
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_beneath(root: str, real_path: str) -> int:
    """Open a regular file for reading.

    Parameters
    ----------
    root : str
        A folder, as a path without links.
    real_path : str
        The file, as a path without links that begins with `root`.

    Returns
    -------
    descriptor : int
        The caller closes it.

    Raises
    ------
    OSError
        If there is no such file, if it is not a regular one (IsADirectoryError), or if a link was put in.
    """
    place = os.fspath(Path(real_path).relative_to(root))
    folder = os.open(root, _DIRECTORY)
    try:
        return open_by_kernel(folder, place)
    except _NoOpenat2:
        return open_by_walk(folder, place)
    finally:
        os.close(folder)


class _NoOpenat2(OSError):
    """The kernel does not have the call, or does not let this process use it."""


def open_by_kernel(folder: int, place: str) -> int:
    """Open the regular file `place` beneath the descriptor of a folder, by one call of openat2.

    A link that was put in on the way is followed where it stays beneath the folder.
    """
    _check_regular(found := _openat2(folder, place, _LOOK))  # opening a device may do something to it
    os.close(found)
    return _openat2(folder, place, _READ)


def open_by_walk(folder: int, place: str) -> int:
    """Open the regular file `place` beneath the descriptor of a folder, component by component."""
    *parents, name = Path(place).parts
    if ".." in (*parents, name):
        raise OSError(errno.EXDEV, "leads upwards", place)
    here = os.dup(folder)
    try:
        for parent in parents:
            inner = os.open(parent, _DIRECTORY, dir_fd=here)
            os.close(here)
            here = inner
        if not stat.S_ISREG(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode):
            raise IsADirectoryError(errno.EISDIR, "not a regular file")
        return os.open(name, _READ | os.O_NOFOLLOW, dir_fd=here)
    finally:
        os.close(here)


def _check_regular(descriptor: int) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise IsADirectoryError(errno.EISDIR, "not a regular file")


def _openat2(folder: int, place: str, flags: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    how = struct.pack("=3Q", flags, 0, _BENEATH | _NO_MAGICLINKS)
    for _ in range(_RETRIES):
        descriptor = libc.syscall(
            ctypes.c_long(_OPENAT2),
            ctypes.c_int(folder),
            ctypes.c_char_p(os.fsencode(place)),
            ctypes.c_char_p(how),
            ctypes.c_size_t(len(how)),
        )
        if descriptor >= 0:
            return descriptor
        if ctypes.get_errno() != errno.EAGAIN:
            break
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EPERM):  # some containers answer EPERM to calls that they do not know
        raise _NoOpenat2(code, os.strerror(code))
    raise OSError(code, os.strerror(code), place)
