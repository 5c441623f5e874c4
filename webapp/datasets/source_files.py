"""How the source files of a data set are: as they were looked into, or not."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webapp.datasets.models import Dataset, SourceFile
from webapp.jobs.models import Product

MOST_SHOWN = 200
FRESH_S = 60

# What a state is called on a page, and how much it should worry.
WORDS = {
    "good": ("as it was looked into", "good"),
    "growing": ("being written", "warn"),
    "stalled": ("was being written, and has stopped", "warn"),
    "changed": ("has changed since it was looked into", "warn"),
    "incomplete": ("incomplete", "warn"),
    "unordered": ("in another order", "warn"),
    "missing": ("not there", "bad"),
    "unreadable": ("cannot be read", "bad"),
}


@dataclass(frozen=True)
class FileRow:
    """One source file, with the state that says most about it."""

    file: SourceFile
    state: str
    details: list[str]

    @property
    def words(self) -> str:
        """The state in plain words."""
        return WORDS[self.state][0]

    @property
    def tone(self) -> str:
        """How much the state should worry: good, warn or bad."""
        return WORDS[self.state][1]


@dataclass(frozen=True)
class SourceFiles:
    """The source files as a page shows them: those with something to say first, then the others."""

    rows: list[FileRow]
    n_files: int
    n_good: int

    @property
    def n_left_out(self) -> int:
        """How many files are not listed."""
        return self.n_files - len(self.rows)


def source_files_of(dataset: Dataset, source: Product | None) -> SourceFiles:
    """Return the files and their states: from the dry run, and from a look at name, size and time now."""
    noted: dict[str, list[dict[str, Any]]] = {}
    for entry in source.facts.get("states", []) if source else []:
        noted.setdefault(_now(dataset, entry["file"]), []).append(entry)
    # A shared file system may take milliseconds to answer for a file, so only so many are asked for.
    rows = [
        _row(file, noted.get(file.path, []), is_asked=number < MOST_SHOWN)
        for number, file in enumerate(dataset.source_files.all())
    ]
    telling = sorted(rows, key=lambda row: -list(WORDS).index(row.state))
    n_good = sum(row.state == "good" for row in rows)
    return SourceFiles(telling[:MOST_SHOWN], len(rows), n_good)


def _now(dataset: Dataset, path: str) -> str:
    return dataset.moved.get("files", {}).get(path, {}).get("path", path)


def _row(file: SourceFile, noted: list[dict[str, Any]], *, is_asked: bool) -> FileRow:
    states = {entry["state"] for entry in noted} | ({_state_on_disk(file)} if is_asked else set())
    worst = max((state for state in states if state in WORDS), key=list(WORDS).index, default="good")
    details = [entry["words"] for entry in noted]
    if file.is_upload:
        details = [words.replace(file.path, file.sent_name or "the file") for words in details]
        details = [words.replace(f"{Path(file.path).parent}/", "") for words in details]
    return FileRow(file, worst, details)


def _state_on_disk(file: SourceFile) -> str:
    """Compare a file's size and time with what they were; its content is not opened here."""
    try:
        status = Path(file.path).stat()
    except OSError:
        return "missing"
    # A copy at another place has a time of its own; that it is the same was seen when it was followed there.
    is_untouched = file.registered_path or file.modified_ns in (0, status.st_mtime_ns)
    if status.st_size == file.size and is_untouched:
        return "good"
    is_fresh = time.time() - status.st_mtime < FRESH_S
    return "growing" if is_fresh and status.st_size > file.size else "changed"
