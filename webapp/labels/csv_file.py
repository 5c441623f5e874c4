"""A file of labels: CSV `index,classes`, with the classes of a frame joined by semicolons."""

import csv
import hashlib
import io
import uuid
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from webapp.labels.naming import LabelError, check_name

LARGEST_BYTES = 200 * 2**20
HEADER = ["index", "classes"]
# The frames of each set of classes, and the line in which each frame stands.
Parsed = dict[tuple[str, ...], dict[int, int]]


@dataclass(frozen=True)
class LabelsFile:
    """What a CSV says: for each set of classes its frames, and the line of each frame."""

    name: str
    sha256: str
    frames: Parsed

    @property
    def n_frames(self) -> int:
        """How many frames are labelled."""
        return sum(len(frames) for frames in self.frames.values())

    @property
    def classes(self) -> list[str]:
        """The names of the classes, in alphabetical order."""
        return sorted({name for classes in self.frames for name in classes})

    def event_id(self, dataset: uuid.UUID, classes: tuple[str, ...]) -> uuid.UUID:
        """Return the id of the event for one set of classes: the same file makes the same events."""
        return uuid.uuid5(dataset, f"{self.sha256} {';'.join(classes)}")


def read_labels_csv(file: Path | BinaryIO, n_frames: int) -> LabelsFile:
    """Read and check a file; a LabelError names the line, the cause and what to do."""
    content, name = _read(file)
    return LabelsFile(name, hashlib.sha256(content).hexdigest(), _parse(content, name, n_frames))


def _read(file: Path | BinaryIO) -> tuple[bytes, str]:
    name = Path(getattr(file, "name", None) or "labels").name
    try:
        content = file.read_bytes() if isinstance(file, Path) else file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise LabelError(
            f"{name}: cannot be read ({error.strerror}). Check that the file is there."
        ) from error
    if len(content) > LARGEST_BYTES:
        raise LabelError(f"{name}: is larger than 200 MB. Split it, or leave out what is no label.")
    return content, name


def _parse(content: bytes, name: str, n_frames: int) -> Parsed:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelError(f"{name}: is not text in UTF-8. Save it as CSV UTF-8.") from error
    found: Parsed = defaultdict(dict)
    lines: dict[int, int] = {}
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        if [field.strip() for field in next(reader, [])] != HEADER:
            raise LabelError(f"{name}, line 1: not the header. Begin the file with the line index,classes.")
        for fields in reader:
            if any(field.strip() for field in fields):
                where = f"{name}, line {reader.line_num}"
                index, classes = _parse_row(fields, where, n_frames)
                if index in lines:
                    before = lines[index]
                    raise LabelError(
                        f"{where}: frame {index} has been labelled in line {before}. Keep one row."
                    )
                lines[index] = found[classes][index] = reader.line_num
    except csv.Error as error:
        where = f"{name}, line {reader.line_num}"
        raise LabelError(f"{where}: is not valid CSV ({error}). Check the quotes in this line.") from error
    if not found:
        raise LabelError(f"{name}: holds no labels. Write one line a frame below the header.")
    return found


def _parse_row(fields: list[str], where: str, n_frames: int) -> tuple[int, tuple[str, ...]]:
    if len(fields) != len(HEADER):
        raise LabelError(f"{where}: has {len(fields)} fields instead of 2. Join classes with semicolons.")
    digits = fields[0].strip()
    if not (digits.isascii() and digits.isdigit()):
        raise LabelError(f"{where}: “{digits[:40]}” is no frame number. Write a whole number from 0.")
    index = int(digits[:19])
    if index >= n_frames:
        raise LabelError(f"{where}: there is no frame {index}. This data set has frames 0 to {n_frames - 1}.")
    try:
        classes = tuple(dict.fromkeys(check_name(part) for part in fields[1].split(";") if part.strip()))
    except LabelError as error:
        raise LabelError(f"{where}: {error}") from error
    return index, tuple(sorted(classes))
