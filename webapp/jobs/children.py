"""Processes that run one step: what they get of the environment, when they end, and how that is told."""

import ctypes
import os
import signal

# The child gets what a computation needs, and no secret.
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")
HDF5 = {"HDF5_PLUGIN_PRELOAD": "::", "HDF5_USE_FILE_LOCKING": "FALSE"}
# Arrow's own allocators reserve a gigabyte at once, which a reader with bounded memory may not have.
ARROW = {"ARROW_DEFAULT_MEMORY_POOL": "system"}
# Threads that spin at a barrier while the core they wait for does something else: a training step took 4.6 s
# with the default and 0.22 s with this on a busy machine of two cores.
OPENMP = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
PR_SET_PDEATHSIG = 1


def child_environment(threads: int) -> dict[str, str]:
    """Return the environment of a child; the thread counts are for libraries that ask nobody."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    counts = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    return passed | HDF5 | ARROW | OPENMP | counts


def die_with_parent() -> None:
    """End this process with the one that started it, also when that one is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def obituary(code: int, files: str) -> str:
    """Say how a process ended that had no last word; `files` names what it read, "" if nothing."""
    whose = f"{files}: its reader" if files else "Its process"
    if code == -signal.SIGXCPU:
        return f"{whose} computed without an end and was stopped; the file may be damaged. Copy it again."
    if code == -signal.SIGKILL:
        return f"{whose} was killed, most likely because the memory ran out."
    if code < 0:
        name = signal.Signals(-code).name
        return f"{whose} crashed ({name}); a damaged file can do that to the library that reads it."
    return f"{whose} ended with code {code}."
