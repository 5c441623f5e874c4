"""Take from this process what reading files does not need: other folders, the network, endless memory.

The audit of a file may be wrong, and the libraries that decode it are large. So a process that reads other
people's files first gives up its rights: with Landlock (Linux 5.13 and later, no privilege needed) the kernel
refuses every folder that was not named, and resource limits end what grows or loops. None of it can be taken
back, neither by this process nor by those that it starts.
"""

import ctypes
import os
import resource
import stat
import struct
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

# System calls have had the same numbers on all architectures since Linux 5.3.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_PR_SET_NO_NEW_PRIVS = 38

# linux/landlock.h: LANDLOCK_ACCESS_FS_*
_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_READ = _READ_FILE | _READ_DIR
_WRITE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
_DEVICE = _READ | _WRITE_FILE | _IOCTL_DEV
_FOR_FILES = _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
# Bits that each version of the interface brought; what a version does not know, it cannot refuse.
_FS_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NET_SINCE, _TCP = 4, 0b11  # bind and connect
_SCOPE_SINCE, _SCOPES = 6, 0b11  # abstract UNIX sockets and signals, to processes outside

# What libraries look up at run time: the loader, the number of processors, time zones, this process itself.
_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/dev/urandom",
)
_SINKS = ("/dev/null",)


def landlock_version() -> int:
    """Return the version of Landlock's interface that this kernel has, 0 if it has none or has it off."""
    return max(0, _call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION)))


def confine(read: Sequence[str], write: Sequence[str] = (), devices: Sequence[str] = ()) -> int:
    """Let this process open nothing but the named files and folders from now on, and no TCP connection.

    Python and its libraries stay readable, so that what is imported late still loads; files that are open
    stay open. The caller imports what starts threads only afterwards: Landlock holds for the calling thread
    and for those that it starts.

    Parameters
    ----------
    read : sequence of str
        Files and folders that may be read, with all below them; what is not there is passed over.
    write : sequence of str, optional
        Folders in which files may be read, written, made and removed.
    devices : sequence of str, optional
        Device files, or folders of them, that may be read, written and controlled, such as an accelerator's.

    Returns
    -------
    version : int
        Version of Landlock that holds; 0 if the kernel has none, and nothing was confined.

    Raises
    ------
    OSError
        If the kernel has Landlock but refuses the rules.
    """
    version = landlock_version()
    if version == 0:
        return 0
    handled = (1 << _FS_BITS[min(version, max(_FS_BITS))]) - 1
    ruleset = _checked(_CREATE_RULESET, *_ruleset_attributes(version, handled), ctypes.c_uint32(0))
    try:
        for path in [*_library_paths(), *_SYSTEM, *read]:
            _allow(ruleset, path, handled & _READ)
        for path in [*_SINKS, *write]:
            _allow(ruleset, path, handled & _WRITE)
        for path in devices:
            _allow(ruleset, path, handled & _DEVICE)
        if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "cannot give up new privileges")
        _checked(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return version


def limit_memory(n_bytes: int) -> None:
    """Bound what this process may allocate; beyond it, an allocation fails with MemoryError.

    Parameters
    ----------
    n_bytes : int
        Private memory: heap and anonymous maps, touched or not. Libraries and mapped files do not count.
    """
    _lower(resource.RLIMIT_DATA, n_bytes)


def limit_cpu(seconds: int) -> None:
    """Bound the computing time of this process from now on; then SIGXCPU ends it, even inside a decoder.

    Parameters
    ----------
    seconds : int
        Over all threads, besides what has been used.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    # the hard limit comes later: at that one the kernel kills without a signal that tells why
    _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + seconds, grace=5)


def limit_files(n_open: int, n_bytes: int | None = None) -> None:
    """Bound how many files are open at once and how large a written file becomes; write no core dump.

    Parameters
    ----------
    n_open : int
        File descriptors.
    n_bytes : int, optional
        Size of each file that is written; writing beyond it is an OSError.
    """
    _lower(resource.RLIMIT_NOFILE, n_open)
    _lower(resource.RLIMIT_CORE, 0)
    if n_bytes is not None:
        _lower(resource.RLIMIT_FSIZE, n_bytes)


def _lower(kind: int, value: int, grace: int = 0) -> None:
    soft, hard = (sys.maxsize if old == resource.RLIM_INFINITY else old for old in resource.getrlimit(kind))
    resource.setrlimit(kind, (min(value, soft), min(value + grace, hard)))


def _library_paths() -> Iterator[str]:
    """Yield the folders of Python, of the installed packages and of this one."""
    yield from {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    yield os.fspath(Path(sys.base_prefix) / "lib")
    yield os.fspath(Path(__file__).resolve().parents[2])


def _ruleset_attributes(version: int, handled: int) -> tuple[ctypes.Array, ctypes.c_size_t]:
    fields = [handled]
    if version >= _NET_SINCE:
        fields.append(_TCP)
    if version >= _SCOPE_SINCE:
        fields.append(_SCOPES)
    packed = struct.pack(f"={len(fields)}Q", *fields)
    return ctypes.create_string_buffer(packed, len(packed)), ctypes.c_size_t(len(packed))


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what cannot be reached now cannot be reached confined either
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            access &= _FOR_FILES
        rule = ctypes.create_string_buffer(struct.pack("=Qi", access, place), 12)
        _checked(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(place)


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc.syscall(ctypes.c_long(number), *arguments)


def _checked(number: int, *arguments: object) -> int:
    result = _call(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"Landlock: {os.strerror(ctypes.get_errno())}")
    return result
