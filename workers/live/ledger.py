"""The ledger of a live session: one line for each frame that came, only ever appended to."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from workers.science.errors import ScienceError

LEDGER = "ledger.jsonl"


class Ledger:
    """Append rows to ``ledger.jsonl``; a row that was appended is on the disk.

    A row speaks of one frame, or of a whole file where no frame can be told apart (``index`` is null).
    Its keys: ``number`` (of the row, from 0), ``time`` (UTC), ``file`` (relative to the watched folder),
    ``path`` and ``source_index`` (dataset in the file, and index in it), ``index`` (number of the frame in
    the file), ``state`` (``sorted``, ``skipped``, ``failed``), ``classes``, ``probabilities`` (by name),
    ``latency_ms`` (since the file was last written), ``is_backlog`` (the file was there before the watch
    began, so that its latency says nothing), ``processing_ms``, ``reason``, ``signature`` (size in bytes and
    time of change in ns of a file with which the watch is done until it changes; null in other rows),
    ``train_id`` and ``pulse_id`` where the file has them.

    Parameters
    ----------
    folder : Path
        The session's folder; made if need be.

    Raises
    ------
    ScienceError
        On entering, if another process writes to this ledger.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.n_rows = folder / LEDGER, 0

    def __enter__(self) -> Self:
        self._file = self.path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            cause = "another process is writing to the ledger of this session"
            raise ScienceError(
                str(self.path.parent), cause, "Wait until it has ended, then resume"
            ) from error
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def replay(self) -> Iterator[dict[str, Any]]:
        """Yield the rows that are there, after cutting off a last line that a crash left unfinished."""
        self._cut_torn_line()
        self.n_rows = 0
        for row in read_rows(self.path):
            self.n_rows = row["number"] + 1
            yield row

    def append(self, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Append rows, number them, and return them when they are safely on the disk."""
        numbered = [{"number": self.n_rows + place, **row} for place, row in enumerate(rows)]
        text = "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in numbered)
        self._file.write(text.encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        self.n_rows += len(numbered)
        return numbered

    def _cut_torn_line(self) -> None:
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            end = size
            while end > 0:
                start = max(0, end - 65536)
                file.seek(start)
                newline = file.read(end - start).rfind(b"\n")
                if newline >= 0:
                    end = start + newline + 1
                    break
                end = start
        if end < size:
            os.truncate(self.path, end)


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the complete rows of a ledger file.

    Parameters
    ----------
    path : Path
        ``ledger.jsonl``.

    Yields
    ------
    row : dict
        As `Ledger` describes it.
    """
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)
