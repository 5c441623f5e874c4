"""Lists of frames: CrystFEL's, Dragonfly's, and folders of thumbnails in an archive."""

import csv
import io
import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np

from workers.science.export.frame_list import file_stems
from workers.science.export.thumbnails_zip import TABLE, UNSORTED
from workers.science.label_files.told import MOST_ROWS, ClassSets, Told
from workers.science.labels_file import LabelsError

LARGEST_TABLE = 512 * 2**20
_EVENT = re.compile(r"(?P<file>.+?)(?: (?P<before>\S*)//(?P<number>\d*))?")


def class_of_file(name: str, known: list[str]) -> str:
    """Return the class that a list is of, by its name: ``class-Round.lst`` and ``Round.lst`` mean Round."""
    stem = Path(name).stem.removeprefix("class-")
    return next((each for each, made in zip(known, file_stems(known), strict=True) if made == stem), stem)


def read_crystfel(path: Path, name: str, of: str) -> Told:
    """Read a list of file and event; all its frames are of one class."""
    files, numbers, befores = [], [], []
    for number, line in enumerate(_lines(path, name), 1):
        if not line.strip():
            continue
        match = _EVENT.fullmatch(line.strip())
        if match is None:
            raise LabelsError(name, f"line {number} is no file and event", "Write file //number")
        files.append(match["file"])
        befores.append(match["before"] or "")
        numbers.append(int((match["number"] or "-1")[:18]) if match["number"] != "" else 0)
    if not files:
        raise LabelsError(name, "lists no frame", "Choose another file")
    matrix = np.ones((len(files), 1), bool)
    return Told(
        f"CrystFEL list, of the class {of}",
        [of],
        matrix,
        source=files,
        path=[f"%{before}%" if before else "" for before in befores],
        source_index=np.array(numbers, np.int64),
        adds=True,
    )


def read_dragonfly(path: Path, name: str, n_frames: int) -> Told:
    """Read a class list: one line for each frame of the data set, in its order."""
    lines = [line.strip() for line in _lines(path, name)]
    if set(lines) <= {"0", "1", ""}:
        raise LabelsError(name, "holds 0 and 1, as a blacklist does", "Choose the list of classes")
    if len(lines) != n_frames:
        cause = f"has {len(lines)} lines, and the data set {n_frames} frames"
        raise LabelsError(name, cause, "Choose the list of these photon files")
    sets, numbers = ClassSets(name), []
    for number, line in enumerate(lines):
        if line:
            sets.add(line)
            numbers.append(number)
    return Told("Dragonfly class list", list(sets.classes), sets.matrix(), number=np.array(numbers, np.int64))


def read_thumbnails(path: Path, name: str, known: list[str]) -> Told:
    """Read an archive with a folder for each class; ``frames.csv`` in it says who the pictures are."""
    try:
        with zipfile.ZipFile(path) as archive:
            pictures = [PurePosixPath(entry) for entry in archive.namelist() if entry.endswith(".png")]
            table = archive.getinfo(TABLE) if TABLE in archive.namelist() else None
            if table is not None and table.file_size > LARGEST_TABLE:
                raise LabelsError(name, f"its {TABLE} is too large", "Take frames out of it")
            text = archive.open(table).read(LARGEST_TABLE + 1).decode() if table else ""
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, UnicodeDecodeError) as error:
        raise LabelsError(name, "cannot be read as an archive", "Pack the folders again as ZIP") from error
    there = {(entry.parent.name, entry.name) for entry in pictures if entry.parent.name != UNSORTED}
    if not there or len(there) > MOST_ROWS:
        raise LabelsError(name, "holds no pictures in folders named for classes", "Choose another archive")
    return _by_table(name, text, there) if text else _by_number(name, there, known)


def _by_table(name: str, text: str, there: set[tuple[str, str]]) -> Told:
    """Tell who pictures are by the table, and their classes by the folders in which they lie now."""
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    try:
        called = {row["folder"]: row["class"] for row in rows if row["class"]}
        who = {row["picture"]: row for row in rows}
        sets, found = ClassSets(name), []
        for folder, picture in sorted(there):
            if picture in who:
                sets.add(called.get(folder, folder))
                found.append(who[picture])
        ids = {
            column: np.array([int(row[column] or -1) for row in found], np.int64)
            for column in ("source_index", "train_id", "pulse_id")
        }
        places = {column: [row[column] for row in found] for column in ("source", "path")}
    except (KeyError, ValueError, TypeError) as error:
        raise LabelsError(name, f"its {TABLE} is not as it was written", "Download it again") from error
    if not found:
        raise LabelsError(name, f"no picture stands in its {TABLE}", "Download it again")
    return Told("folders of thumbnails", list(sets.classes), sets.matrix(), **ids, **places)


def _by_number(name: str, there: set[tuple[str, str]], known: list[str]) -> Told:
    sets, numbers = ClassSets(name), []
    called = dict(zip(file_stems(known), known, strict=True))
    for folder, picture in sorted(there):
        digits = re.search(r"(\d{1,18})\.png$", picture)
        if digits:
            sets.add(called.get(folder, folder))
            numbers.append(int(digits[1]))
    if not numbers:
        raise LabelsError(name, "names no picture by the number of its frame", f"Leave {TABLE} in it")
    return Told(
        "folders of thumbnails", list(sets.classes), sets.matrix(), number=np.array(numbers, np.int64)
    )


def _lines(path: Path, name: str) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise LabelsError(name, "is not text in UTF-8", "Choose another file") from error
    return [line.rstrip("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
