"""Files with a row or an object for each frame: CSV, JSON Lines, Parquet, and lists of trains."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workers.science.label_files.told import ClassSets, Told
from workers.science.labels_file import SEPARATOR, LabelsError

LONGEST_LINE = 1 << 20
COLUMNS = (
    "index",
    "source",
    "path",
    "source_index",
    "train_id",
    "pulse_id",
    "classes",
    "label",
    "labelled_by",
)
_RISKY = tuple("=+-@\t\r\n＝＋－＠")
_RELATIVE = "Check that it is a manifest, or write the columns index and classes"


def read_csv(path: Path, name: str, *, everything: bool) -> Told:
    """Read a CSV with a header: a manifest, a list of trains, or ``index,classes``."""
    with _text(path, name) as file:
        try:
            reader = csv.DictReader(file, strict=True)
            header = [field.strip() for field in reader.fieldnames or []]
            if header == ["class", "train_id", "pulse_ids"]:
                return _of_trains(name, ((row["class"], row["train_id"], row["pulse_ids"]) for row in reader))
            return told_of_rows(name, "CSV", header, map(_undefused, reader), everything=everything)
        except (csv.Error, UnicodeDecodeError) as error:
            raise LabelsError(name, f"is not valid CSV ({error})", "Save it as CSV in UTF-8") from error


def read_json_lines(path: Path, name: str, *, everything: bool) -> Told:
    """Read JSON Lines with the columns of a manifest."""
    first = next(_objects(path, name), None)
    if first is None:
        raise LabelsError(name, "holds no row", "Choose another file")
    return told_of_rows(name, "JSON Lines", list(first), _objects(path, name), everything=everything)


def read_parquet(path: Path, name: str, *, everything: bool) -> Told:
    """Read Parquet with the columns of a manifest."""
    try:
        file = pq.ParquetFile(path)
        names = [column for column in COLUMNS if column in file.schema_arrow.names]
        blocks = file.iter_batches(1 << 14, columns=names)
        rows = (row for block in blocks for row in block.to_pylist())
        return told_of_rows(name, "Parquet", names, rows, everything=everything)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        cause = f"cannot be read as Parquet ({str(error)[:120]})"
        raise LabelsError(name, cause, "Write it again") from error


def read_trains_json(path: Path, name: str) -> Told:
    """Read ``trains.json``: for each class its trains, and the pulses of each."""
    try:
        with _text(path, name) as file:
            told = json.load(file)
        classes = told["classes"]
        rows = (
            (of, train, " ".join(map(str, pulses)))
            for of, trains in classes.items()
            for train, pulses in trains.items()
        )
        return _of_trains(name, rows)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        cause = "is no list of trains: {“classes”: {class: {train: [pulses]}}}"
        raise LabelsError(name, cause, "Choose a trains.json that was downloaded here") from error


def told_of_rows(
    name: str, what: str, columns: list[str], rows: Iterable[dict[str, Any]], *, everything: bool
) -> Told:
    """Take rows by their columns; which one holds the classes depends on whether people are told apart."""
    if "classes" not in columns and "label" not in columns:
        raise LabelsError(name, "has no column “classes” or “label”", _RELATIVE)
    of_people = "label" in columns and not everything
    sets, ids = ClassSets(name), {c: [] for c in COLUMNS[:6] if c in columns}
    seen: dict[str, str] = {}  # so that a path is kept once and not a million times
    for number, row in enumerate(rows):
        text = row.get("label" if of_people else "classes") or ""
        if not isinstance(text, str):
            raise LabelsError(name, f"row {number + 1} has classes that are no text", _RELATIVE)
        if not text.strip() and "label" in columns and not (of_people and row.get("labelled_by")):
            continue  # nobody has spoken of this frame
        sets.add(text)
        for column, values in ids.items():
            value = row.get(column)
            values.append(seen.setdefault(value, value) if isinstance(value, str) else value)
    if not sets.classes:
        tip = "Ask for all classes, also those of a network" if of_people else "Choose another file"
        raise LabelsError(name, "names no class" + (" that a person gave" if of_people else ""), tip)
    numbers = {
        column: _numbers(name, column, ids[column]) for column in ids if column not in ("source", "path")
    }
    texts = {column: [str(value or "") for value in ids[column]] for column in ids if column not in numbers}
    numbers["number"] = numbers.pop("index", None)
    whose = "the labels of people" if of_people else "all classes"
    return Told(f"{what}, {whose}", list(sets.classes), sets.matrix(), **numbers, **texts)


def _of_trains(name: str, rows: Iterable[tuple[str, str, str]]) -> Told:
    sets, trains, pulses = ClassSets(name), [], []
    for of, train, listed in rows:
        for pulse in listed.split() or [None]:
            sets.add(str(of).replace(SEPARATOR, ","))
            trains.append(train)
            pulses.append(pulse)
    if not trains:
        raise LabelsError(name, "names no train", "Choose another file")
    ids = {"train_id": _numbers(name, "train_id", trains), "pulse_id": _numbers(name, "pulse_id", pulses)}
    return Told("list of trains and pulses", list(sets.classes), sets.matrix(), **ids, adds=True)


def _numbers(name: str, column: str, values: list[Any]) -> np.ndarray:
    try:
        return np.array([-1 if value is None or value == "" else int(value) for value in values], np.int64)
    except (ValueError, TypeError, OverflowError) as error:
        raise LabelsError(name, f"the column {column} holds what is no whole number", _RELATIVE) from error


def _objects(path: Path, name: str) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise LabelsError(
                    name, f"line {number} is no JSON object", "Write one object a line"
                ) from error
            if not isinstance(row, dict):
                raise LabelsError(name, f"line {number} is no JSON object", "Write one object a line")
            yield row


def _text(path: Path, name: str) -> io.TextIOWrapper:
    try:
        return path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise LabelsError(name, f"cannot be read ({error.strerror})", "Send it again") from error


def _undefused(row: dict[str, Any]) -> dict[str, Any]:
    """Take the apostrophe away that keeps a spreadsheet from running a text."""
    return {
        key: value[1:]
        if isinstance(value, str) and value[:1] == "'" and value[1:].lstrip(" \xa0").startswith(_RISKY)
        else value
        for key, value in row.items()
        if isinstance(key, str)
    }
