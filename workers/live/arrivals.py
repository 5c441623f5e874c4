"""Which files of a watched folder are complete enough to be read."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workers.science.io.expand import SUFFIXES

SETTLED_POLLS = 2  # a file is read when so many looks in a row saw it unchanged
BROKEN_POLLS = 6  # a file that cannot be read and stays as it is for so many looks is broken, not unfinished


@dataclass
class Arrival:
    """A file in the folder, as last seen.

    Attributes
    ----------
    name : str
        Path relative to the watched folder.
    signature : tuple of int
        Size in bytes and time of the last change in ns.
    n_same : int
        For how many looks in a row the signature has been the same.
    n_done : int
        Frames that are in the ledger; they are taken in order.
    finished : tuple of int or None
        Signature at which all frames were in the ledger, or the file was given up.
    """

    name: str
    signature: tuple[int, int] = (-1, -1)
    n_same: int = 0
    n_done: int = 0
    finished: tuple[int, int] | None = None

    @property
    def is_broken_if_unreadable(self) -> bool:
        """Whether one has waited long enough for the rest of the file."""
        return self.n_same >= BROKEN_POLLS


class Arrivals:
    """Look into a folder, and below it, for files with frames.

    Parameters
    ----------
    folder : Path
        The watched folder.
    poll_s : float
        Time between looks; a file older than `SETTLED_POLLS` of them need not be watched for changes.
    now : callable, optional
        The clock, in seconds since 1970.
    """

    def __init__(self, folder: Path, poll_s: float, now: Callable[[], float] = time.time) -> None:
        self.folder, self.poll_s, self.now = folder, poll_s, now
        self.files: dict[str, Arrival] = {}

    def file(self, name: str) -> Arrival:
        """Return what is known of a file."""
        return self.files.setdefault(name, Arrival(name))

    def look(self) -> list[Arrival]:
        """Look once.

        Returns
        -------
        ready : list of Arrival
            Files that have something new and have stopped changing, the oldest first.
        """
        ready = []
        for name, status in self._scan():
            arrival, signature = self.file(name), (status.st_size, status.st_mtime_ns)
            if signature != arrival.signature:
                old_enough = self.now() - status.st_mtime > max(SETTLED_POLLS * self.poll_s, 1.0)
                arrival.signature, arrival.n_same = signature, SETTLED_POLLS if old_enough else 0
            else:
                arrival.n_same += 1
            if arrival.finished != signature and arrival.n_same >= SETTLED_POLLS:
                ready.append(arrival)
        return sorted(ready, key=lambda arrival: (arrival.signature[1], arrival.name))

    def unfinished(self) -> list[str]:
        """Return the names of files that are still being written, or wait to be read."""
        return [name for name, arrival in self.files.items() if arrival.finished != arrival.signature]

    def has_changed(self, arrival: Arrival) -> bool:
        """Whether the file is not as the last look saw it; true also if it is gone."""
        try:
            status = (self.folder / arrival.name).stat()
        except OSError:
            return True
        return (status.st_size, status.st_mtime_ns) != arrival.signature

    def _scan(self) -> Iterator[tuple[str, os.stat_result]]:
        seen = set()
        # Links to folders are not followed: they could lead out, or round in a circle.
        for parent, folders, names in os.walk(self.folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in names:
                path = Path(parent, name)
                if name.startswith(".") or not name.lower().endswith(SUFFIXES) or not is_text(str(path)):
                    continue
                try:
                    status = path.stat()
                except OSError:
                    continue  # it was renamed between the listing and this look
                relative = str(path.relative_to(self.folder))
                seen.add(relative)
                yield relative, status
        for name in self.files.keys() - seen:
            self._forget(self.files[name])

    @staticmethod
    def _forget(arrival: Arrival) -> None:
        # A file that is gone is not waited for, but read on where it ended should it come back.
        if arrival.finished != arrival.signature:
            arrival.signature = arrival.finished = (-1, -1)


def is_text(name: str) -> bool:
    """Whether a name can be written down; one that is no UTF-8 cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
