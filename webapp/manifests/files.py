"""The files that a manifest can have: what each is for, and why one does not apply to a data set."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
from django.conf import settings

from webapp.datasets.columns import Columns
from webapp.datasets.lineage import newest
from webapp.jobs.models import Product

DEFAULT = ("csv", "parquet")
HDF5 = ("hdf5", "euxfel")


@dataclass(frozen=True)
class FileKind:
    """A format, as the form offers it; `needs` is why it cannot be written, empty where it can."""

    name: str
    title: str
    words: str
    needs: str = ""


_FILES = (
    ("csv", "CSV", "One row a frame with all columns, for spreadsheets and everything else."),
    ("jsonl", "JSON Lines", "The same rows, one JSON object a line, for scripts of any language."),
    ("parquet", "Parquet", "The same rows with their types, small and quick, for pandas and the like."),
    ("cxi", "CXI", "All frames as CXI 1.6 with classes as tags; it points at the raw files and is small."),
    ("cxi-classes", "CXI by class", "The same, a file for each class."),
    ("cxi-copy", "CXI with copies", "The frames themselves in one CXI file, compressed, to take elsewhere."),
    ("crystfel", "CrystFEL lists", "A list of file and event for all frames and for each class (.lst)."),
    ("dragonfly", "Dragonfly lists", "A class list and blacklists, a line for every frame of the data set."),
    (
        "trains",
        "Trains and pulses",
        "For each class its trains and their pulses, as EXtra-data selects them.",
    ),
    ("thumbnails", "Thumbnails", "Small pictures in a folder for each class, as one ZIP archive."),
)

NAMES = tuple(name for name, _, _ in _FILES)
USUAL_FILES = {
    "manifest.csv": "One row a frame.",
    "manifest.parquet": "One row a frame, with types.",
    "manifest.json": "The card: where everything comes from, and what is in the files.",
    "methods.txt": "A methods paragraph, to paste into a paper.",
    "methods.bib": "The publications that it cites, as BibTeX.",
    "SHA256SUMS": "What sha256sum -c checks the files by.",
}
"""What is in the files that every manifest has, and in those of manifests that do not say it."""


def files_of(columns: Columns) -> list[FileKind]:
    """Return the files that can be asked for, each with what is in its way."""
    needs = _needs(columns)
    return [FileKind(name, title, words, needs.get(name, "")) for name, title, words in _FILES]


def needs_source(formats: Iterable[str]) -> bool:
    """Whether one of the formats is made of more than the rows, so that the source has to be known."""
    return not set(formats) <= {"csv", "jsonl", "parquet"}


def needs_condensed(formats: Iterable[str]) -> bool:
    """Whether one of the formats takes pictures or a mask from the condensed frames."""
    return not {"cxi", "cxi-classes", "cxi-copy", "thumbnails"}.isdisjoint(formats)


@dataclass(frozen=True)
class CopySize:
    """How much room copies of frames take at most, and whether the disk has it."""

    n_bytes: int
    free: int

    @property
    def fits(self) -> bool:
        """Whether there is room for them."""
        return self.n_bytes < self.free


def copy_size(columns: Columns, n_frames: int) -> CopySize | None:
    """Return the room that copies of so many frames take; None where the source does not say."""
    source = source_of(columns)
    if source is None:
        return None
    frame_bytes = source["height"] * source["width"] * np.dtype(source["dtype"]).itemsize
    return CopySize(n_frames * frame_bytes, shutil.disk_usage(settings.DATA_DIR).free)


def source_of(columns: Columns) -> dict[str, Any] | None:
    """Return the description of the source that was indexed."""
    index = columns.products["index"]
    return Product.objects.filter(pk=index.inputs.get("source")).values_list("facts", flat=True).first()


def _needs(columns: Columns) -> dict[str, str]:
    source, needs = source_of(columns), {}
    if source is None:
        words = "The description of the source files is not there any more."
        needs |= dict.fromkeys(("cxi", "cxi-classes", "cxi-copy", "crystfel"), words)
    else:
        needs |= _needs_of_source(source)
    if not _has_trains(columns.products["index"].folder / "frames.parquet"):
        needs["trains"] = "Not every frame of this data set has a train."
    if newest(columns.dataset, "condense") is None:
        needs["thumbnails"] = "The frames are not condensed yet; sort this data set first."
    return needs


def _needs_of_source(source: dict[str, Any]) -> dict[str, str]:
    reader, needs = source.get("reader", "hdf5"), {}
    called = source.get("format_words") or reader
    if reader not in HDF5:
        words = f"CXI can point at HDF5 only, and these files are no such ({called}); the copy is possible."
        needs |= {"cxi": words, "cxi-classes": words}
    if source.get("n_modules", 1) > 1:
        needs["crystfel"] = "The modules of a frame lie in different files; let CrystFEL read the CXI file."
    elif reader not in ("hdf5", "euxfel", "cbf"):
        needs["crystfel"] = f"CrystFEL does not read such files where they lie ({called})."
    return needs


@lru_cache(maxsize=64)
def _has_trains(path: Path) -> bool:
    """Whether all frames of an index have a train, by the statistics of the file."""
    metadata = pyarrow.parquet.read_metadata(path)
    column = pyarrow.parquet.read_schema(path).names.index("train_id")
    groups = [metadata.row_group(number).column(column) for number in range(metadata.num_row_groups)]
    return bool(groups) and all(
        group.statistics is not None and group.statistics.null_count == 0 for group in groups
    )
