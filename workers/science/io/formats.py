"""The formats that Fringe reads, in the order in which they are tried."""

import importlib
from dataclasses import dataclass

from workers.science.errors import SourceError
from workers.science.io.guard import Guard
from workers.science.io.protocol import Format

HEAD_BYTES = 4096


@dataclass(frozen=True)
class _Entry:
    """A format and the module that holds it, which is imported when a file needs it."""

    name: str
    module: str


# A module holds `FORMAT`. The first that recognises a file reads it; its name stands in the description.
_ENTRIES = (
    _Entry("dragonfly", "workers.science.io.dragonfly"),  # its .h5 is HDF5 that only it can read
    _Entry("euxfel", "workers.science.io.euxfel"),  # a run is many HDF5 files that belong together
    _Entry("hdf5", "workers.science.io.hdf5_format"),
    _Entry("npy", "workers.science.io.array_format"),
    _Entry("npz", "workers.science.io.npz_format"),
    _Entry("tiff", "workers.science.io.tiff_format"),
    _Entry("cbf", "workers.science.io.cbf_format"),
    _Entry("edf", "workers.science.io.edf_format"),
)


def format_named(name: str) -> Format:
    """Return the format whose name a source description carries.

    Parameters
    ----------
    name : str
        ``description["reader"]``.

    Returns
    -------
    format : Format
        It opens the description.

    Raises
    ------
    SourceError
        If there is no such format.
    """
    for entry in _ENTRIES:
        if entry.name == name:
            return _load(entry)
    raise SourceError(name, "is no known format", "Register the data set again")


def recognise_format(guard: Guard, path: str) -> Format:
    """Find out by its first bytes which format a file has.

    Parameters
    ----------
    guard : Guard
        Opens the file.
    path : str
        The file.

    Returns
    -------
    format : Format
        The first that recognises it.

    Raises
    ------
    SourceError
        If the guard refuses the file, or if no format recognises it.
    """
    head = guard.read_head(path, HEAD_BYTES)
    for entry in _ENTRIES:
        found = _load(entry)
        if found.recognises(head, path, guard):
            return found
    cause = "is in no format that can be read" if head else "is empty"
    raise SourceError(path, cause, f"Readable are: {', '.join(known_formats())}")


def known_formats() -> list[str]:
    """Return what is readable, in words for people."""
    return [_load(entry).title for entry in _ENTRIES]


def _load(entry: _Entry) -> Format:
    return importlib.import_module(entry.module).FORMAT
