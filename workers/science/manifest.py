"""The manifest: one row a frame, with everything that is known about it, as CSV and as Parquet."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from workers.science.errors import RecipeError
from workers.science.labels_file import SEPARATOR, Labels
from workers.science.metrics import decide
from workers.science.row_reader import RowReader, nan_as_null

BLOCK = 1 << 16  # rows at a time: 10^6 rows never need more than some 50 MB
IDENTITY = ["source", "path", "index", "source_index", "train_id", "pulse_id", "cell_id"]
PHYSICS = [
    "total",
    "lit_pixels",
    "maximum",
    "state",
    "photons",
    "hit_score",
    "is_hit",
    "is_background",
    "saturated_pixels",
    "masked_share",
]
# A spreadsheet runs a field that begins with one of these (OWASP ASVS 5.0, 1.2.10), also after blanks
FORMULA = r"^[ \x{a0}]*[=+\-@\t\r\n\x00＝＋－＠]"


@dataclass(frozen=True)
class Sorting:
    """What a classifier said about all frames of a data set.

    Attributes
    ----------
    probabilities : ndarray of shape (n, k), float32
        May be a memory map.
    classes : list of str of length k
        The network's classes, which may be older than the scheme's.
    single_label, thresholds, exclusive
        As in `metrics.decide`.
    """

    probabilities: NDArray[np.float32]
    classes: list[str]
    single_label: bool
    thresholds: list[float]
    exclusive: list[int]


@dataclass(frozen=True)
class Clustering:
    """Cluster, probability and outlier score of each frame, arrays of shape (n,)."""

    labels: NDArray[np.int32]
    probabilities: NDArray[np.float32]
    outlier_scores: NDArray[np.float32]


class ManifestTable:
    """The rows of a manifest, made block by block in the order of the data set.

    Parameters
    ----------
    frames : Path
        ``frames.parquet`` of the data set.
    clustering, sorting, labels : optional
        What is known beside the index.
    classes : list of str
        Classes of the labels, in the order of their columns.
    hit_threshold : float, optional
        Lit pixels of a hit, where a person set them; else the index tells.
    measures : Path, optional
        ``measures.parquet`` of the same frames.
    cluster_names : dict of int to str, optional
        What people call clusters; those that are not among them have no name.
    """

    def __init__(
        self,
        frames: Path,
        clustering: Clustering | None,
        sorting: Sorting | None,
        labels: Labels | None,
        classes: list[str],
        hit_threshold: float | None = None,
        measures: Path | None = None,
        cluster_names: dict[int, str] | None = None,
    ) -> None:
        self.cluster_names = cluster_names or {}
        self.hit_threshold, self.measures = hit_threshold, measures
        self.frames = pyarrow.parquet.ParquetFile(frames)
        self.clustering, self.sorting, self.classes = clustering, sorting, classes
        self.labels = _in_frame_order(labels)
        self.n_frames = self.frames.metadata.num_rows
        there = self.frames.schema_arrow.names
        self.physics = [name for name in PHYSICS if name in there]
        self.physics += [name for name in there if name.startswith("source_") and name not in IDENTITY]
        self.class_counts: Counter[str] = Counter(dict.fromkeys(classes, 0))
        self.cluster_counts: Counter[int] = Counter()
        for name, length in self._lengths():
            if length != self.n_frames:
                cause = f"holds {length} frames, the index {self.n_frames}"
                raise RecipeError(name, cause, "Run this step again for the present index")

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, `BLOCK` at a time, and count classes and clusters on the way."""
        start, measures = 0, RowReader(self.measures) if self.measures else None
        for frames in self.frames.iter_batches(BLOCK, columns=[*IDENTITY, *self.physics]):
            rows = slice(start, start + len(frames))
            columns = {name: _plain(frames.column(name)) for name in IDENTITY}
            columns |= self._clusters(rows)
            columns |= self._classes(rows)
            columns |= {name: nan_as_null(frames.column(name)) for name in self.physics} | self._hits(frames)
            columns |= measures.take(len(frames)) if measures else {}
            yield pa.RecordBatch.from_pydict(columns)
            start = rows.stop

    def _hits(self, frames: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return who is a hit by the threshold that a person set."""
        if self.hit_threshold is None or "lit_pixels" not in self.physics:
            return {}
        lit = frames.column("lit_pixels")
        score = pc.divide(lit.cast(pa.float64()), max(self.hit_threshold, 1e-9))
        return {"hit_score": score, "is_hit": pc.greater_equal(lit, self.hit_threshold)}

    def _lengths(self) -> Iterator[tuple[str, int]]:
        """Say of how many frames each of the other inputs speaks."""
        for name, column in vars(self.clustering).items() if self.clustering else ():
            yield name, len(column)
        if self.sorting:
            yield "classification", len(self.sorting.probabilities)
        if self.measures:
            yield "measures", pyarrow.parquet.read_metadata(self.measures).num_rows

    def _clusters(self, rows: slice) -> dict[str, pa.Array]:
        """Return the columns of the clustering; null where there is none."""
        n = rows.stop - rows.start
        if self.clustering is None:
            types = {
                "cluster": pa.int32(),
                "cluster_name": pa.string(),
                "cluster_probability": pa.float32(),
                "outlier_score": pa.float32(),
            }
            return {name: pa.nulls(n, of) for name, of in types.items()}
        labels = np.ascontiguousarray(self.clustering.labels[rows])
        values, counts = np.unique(labels, return_counts=True)
        self.cluster_counts.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        return {
            "cluster": pa.array(labels, pa.int32()),
            "cluster_name": self._names(labels),
            "cluster_probability": _floats(self.clustering.probabilities[rows]),
            "outlier_score": _floats(self.clustering.outlier_scores[rows]),
        }

    def _names(self, labels: NDArray[np.int32]) -> pa.Array:
        """Return the name of each row's cluster; null where it has none."""
        names = [None, *(self.cluster_names.get(number) for number in range(int(labels.max(initial=-1)) + 1))]
        return pa.array(names, pa.string()).take(pa.array(labels + 1))

    def _classes(self, rows: slice) -> dict[str, pa.Array]:
        """Return the probabilities, the sorted result, and the person's label."""
        n = rows.stop - rows.start
        columns: dict[str, pa.Array] = {}
        names = np.full(n, "", object)
        if self.sorting is not None:
            probabilities = np.asarray(self.sorting.probabilities[rows])
            for column, name in enumerate(self.sorting.classes):
                columns[f"p_{name}"] = _floats(probabilities[:, column])
            names = _joined(
                decide(
                    probabilities, self.sorting.single_label, self.sorting.thresholds, self.sorting.exclusive
                ),
                self.sorting.classes,
            )
        label, labelled_by = np.full(n, "", object), np.full(n, "", object)
        if self.labels is not None:
            first, last = np.searchsorted(self.labels.indices, [rows.start, rows.stop])
            at = self.labels.indices[first:last] - rows.start
            label[at] = _joined(self.labels.matrix[first:last], self.classes)
            labelled_by[at] = self.labels.labelled_by[first:last].astype(object)
            names[at] = label[at]  # what a person said wins over the network
        self._count_classes(names)
        texts = {"classes": names, "label": label, "labelled_by": labelled_by}
        return columns | {name: pa.array(text, pa.string()) for name, text in texts.items()}

    def _count_classes(self, names: NDArray[np.object_]) -> None:
        for combination, count in Counter(names.tolist()).items():
            for name in combination.split(SEPARATOR) if combination else []:
                self.class_counts[name] += count


def write_tables(table: ManifestTable, out: Path, on_block: Callable[[int], None]) -> list[str]:
    """Write ``manifest.csv`` and ``manifest.parquet`` in one pass.

    Parameters
    ----------
    table : ManifestTable
    out : Path
        An existing folder.
    on_block : callable
        Called with the number of rows written so far, after each block.

    Returns
    -------
    columns : list of str
        Names of the columns in order.

    Raises
    ------
    RecipeError
        If the index holds no frame.
    """
    blocks = table.blocks()
    first = next(blocks, None)
    if first is None:
        raise RecipeError("Manifest", "the data set has no frames", "Register and index the source first")
    done = 0
    with (
        pyarrow.csv.CSVWriter(str(out / "manifest.csv"), first.schema) as as_csv,
        pyarrow.parquet.ParquetWriter(out / "manifest.parquet", first.schema) as as_parquet,
    ):
        for block in _chain(first, blocks):
            as_parquet.write_batch(block)
            as_csv.write_batch(_without_formulas(block))
            done += len(block)
            on_block(done)
    return first.schema.names


def write_card(table: ManifestTable, out: Path, columns: list[str], card: dict[str, Any]) -> dict[str, Any]:
    """Complete `card` with what the tables hold, and write it as ``manifest.json``.

    Returns
    -------
    counts : dict
        ``classes``: frames per class in the sorted result; ``clusters``: frames per cluster, "-1" is noise.
    """
    counts = {
        "classes": dict(table.class_counts),
        "clusters": {str(cluster): n for cluster, n in sorted(table.cluster_counts.items())},
    }
    complete = card | {
        "n_frames": table.n_frames,
        "n_labelled": 0 if table.labels is None else len(table.labels.indices),
        "counts": counts,
        "columns": columns,
        "sha256": {name: file_sha256(out / name) for name in ("manifest.csv", "manifest.parquet")},
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    text = json.dumps(complete, indent=2, ensure_ascii=False, allow_nan=False)
    (out / "manifest.json").write_text(text + "\n", encoding="utf-8")
    return counts


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as a hexadecimal string."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _in_frame_order(labels: Labels | None) -> Labels | None:
    """Sort labels by frame, so that a block finds its own by bisection."""
    if labels is None:
        return None
    order = np.argsort(labels.indices)
    return Labels(labels.indices[order], labels.matrix[order], labels.labelled_by[order])


def _joined(matrix: NDArray[np.bool_], classes: list[str]) -> NDArray[np.object_]:
    """Join the names of each row's classes; each combination is joined once."""
    if not len(matrix):
        return np.empty(0, object)
    packed = np.packbits(matrix, axis=1)
    keys = np.ascontiguousarray(packed).view(f"V{packed.shape[1]}").ravel()
    _, example, inverse = np.unique(keys, return_index=True, return_inverse=True)
    names = [
        SEPARATOR.join(n for n, here in zip(classes, matrix[row], strict=True) if here) for row in example
    ]
    return np.array(names, object)[inverse]


def _floats(column: NDArray) -> pa.Array:
    """Return a float32 column with NaN as null: a CSV field is a number or empty."""
    return pa.array(np.ascontiguousarray(column, np.float32), from_pandas=True)


def _without_formulas(block: pa.RecordBatch) -> pa.RecordBatch:
    """Put an apostrophe in front of text that a spreadsheet would run; numbers stay as they are."""
    columns = []
    for column in block.columns:
        if pa.types.is_string(column.type):
            risky = pc.match_substring_regex(column, FORMULA)
            column = pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=block.schema)


def _plain(column: pa.Array) -> pa.Array:
    """Return text as one kind of string, whether the index stored it plain, large or as a dictionary."""
    return column if pa.types.is_integer(column.type) else column.cast(pa.string())


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest
