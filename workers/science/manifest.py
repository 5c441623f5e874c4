"""The manifest: one row a frame, with everything that is known about it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from numpy.typing import NDArray

from workers.science.errors import RecipeError
from workers.science.labels_file import SEPARATOR, Labels
from workers.science.metrics import decide
from workers.science.promise_rule import decide_promised, rule_of
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


@dataclass(frozen=True)
class Sorting:
    """What a classifier said about all frames of a data set.

    Attributes
    ----------
    probabilities : ndarray of shape (n, k), float32
        May be a memory map.
    classes : list of str of length k
        The network's classes, which may be older than the scheme's.
    single_label, thresholds, exclusive, excludes
        As in `metrics.decide`.
    """

    probabilities: NDArray[np.float32]
    classes: list[str]
    single_label: bool
    thresholds: list[float]
    exclusive: list[int]
    excludes: list[list[int]] = field(default_factory=list)


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
    chosen : ndarray of shape (m,), int64 ascending, optional
        The frames that get a row; all of them without.
    promise : dict, optional
        Of each class the probability from which on frames are kept (`promised_classes`).
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
        chosen: NDArray[np.int64] | None = None,
        promise: dict[str, Any] | None = None,
    ) -> None:
        self.cluster_names, self.chosen, self.promise = cluster_names or {}, chosen, promise
        self.hit_threshold, self.measures = hit_threshold, measures
        self.frames = pyarrow.parquet.ParquetFile(frames)
        self.clustering, self.sorting, self.classes = clustering, sorting, classes
        self.labels = _in_frame_order(labels)
        self.n_indexed = self.frames.metadata.num_rows
        self.n_frames = self.n_indexed if chosen is None else len(chosen)
        self.n_labelled = _n_labelled(self.labels, chosen)
        known = [] if sorting is None else sorting.classes
        self.class_names = [*classes, *(name for name in known if name not in classes)]
        self.decided = np.zeros((self.n_frames, len(self.class_names)), dtype=bool)
        there = self.frames.schema_arrow.names
        self.physics = [name for name in PHYSICS if name in there]
        self.physics += [name for name in there if name.startswith("source_") and name not in IDENTITY]
        self.cluster_counts: Counter[int] = Counter()
        for name, length in self._lengths():
            if length != self.n_indexed:
                cause = f"holds {length} frames, the index {self.n_indexed}"
                raise RecipeError(name, cause, "Run this step again for the present index")
        if chosen is not None and len(chosen) and not 0 <= chosen[0] <= chosen[-1] < self.n_indexed:
            cause = f"names frames that are not among the {self.n_indexed} of the index"
            raise RecipeError("Choice of frames", cause, "Choose the frames again")

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """Yield the chosen rows in order, of at most `BLOCK` frames at a time.

        On the way it counts clusters and notes in `decided` which classes each row has.
        """
        start, done, measures = 0, 0, RowReader(self.measures) if self.measures else None
        for frames in self.frames.iter_batches(BLOCK, columns=[*IDENTITY, *self.physics]):
            rows = slice(start, start + len(frames))
            start = rows.stop
            measured = measures.take(len(frames)) if measures else {}
            meant = self._chosen_among(rows)
            if meant is not None and not len(meant):
                continue
            columns = {name: _plain(frames.column(name)) for name in IDENTITY}
            columns |= self._clusters(rows)
            decided = self._decide(rows)
            columns |= self._classes(rows, decided)
            columns |= {name: nan_as_null(frames.column(name)) for name in self.physics} | self._hits(frames)
            block = pa.RecordBatch.from_pydict(columns | measured)
            block = block if meant is None else block.take(pa.array(meant))
            self._count(rows, slice(None) if meant is None else meant, decided, done)
            done += len(block)
            yield block

    def _chosen_among(self, rows: slice) -> NDArray[np.int64] | None:
        """Return which of the rows are chosen, counted from the first; None where all are."""
        if self.chosen is None:
            return None
        first, last = np.searchsorted(self.chosen, [rows.start, rows.stop])
        return self.chosen[first:last] - rows.start

    @property
    def class_counts(self) -> dict[str, int]:
        """The frames of each class among the rows that were given out."""
        return dict(zip(self.class_names, self.decided.sum(axis=0).tolist(), strict=True))

    def _count(self, rows: slice, pick: Any, decided: NDArray[np.bool_], done: int) -> None:
        """Note the classes of the rows that are given out, and count their clusters."""
        decided = decided[pick]
        self.decided[done : done + len(decided)] = decided
        if self.clustering is not None:
            values, counts = np.unique(self.clustering.labels[rows][pick], return_counts=True)
            self.cluster_counts.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))

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

    def _classes(self, rows: slice, decided: NDArray[np.bool_]) -> dict[str, pa.Array]:
        """Return the probabilities, the sorted result, and the person's label."""
        n = rows.stop - rows.start
        columns: dict[str, pa.Array] = {}
        if self.sorting is not None:
            probabilities = np.asarray(self.sorting.probabilities[rows])
            for column, name in enumerate(self.sorting.classes):
                columns[f"p_{name}"] = _floats(probabilities[:, column])
        names = join_names(decided, self.class_names)
        label, labelled_by = np.full(n, "", object), np.full(n, "", object)
        if self.labels is not None:
            first, last = np.searchsorted(self.labels.indices, [rows.start, rows.stop])
            at = self.labels.indices[first:last] - rows.start
            label[at] = join_names(self.labels.matrix[first:last], self.classes)
            labelled_by[at] = self.labels.labelled_by[first:last].astype(object)
        texts = {"classes": names, "label": label, "labelled_by": labelled_by}
        return columns | {name: pa.array(text, pa.string()) for name, text in texts.items()}

    def _decide(self, rows: slice) -> NDArray[np.bool_]:
        """Return the classes of the rows, bool (n, k): what a person said wins over the network."""
        decided = np.zeros((rows.stop - rows.start, len(self.class_names)), dtype=bool)
        if self.sorting is not None:
            of = [self.class_names.index(name) for name in self.sorting.classes]
            decided[:, of] = self._by_network(np.asarray(self.sorting.probabilities[rows]))
        if self.labels is not None:
            first, last = np.searchsorted(self.labels.indices, [rows.start, rows.stop])
            at = self.labels.indices[first:last] - rows.start
            decided[at] = False
            decided[at, : len(self.classes)] = self.labels.matrix[first:last]
        return decided

    def _by_network(self, probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
        sorting = self.sorting
        if self.promise is not None:
            return promised_classes(probabilities, sorting.classes, self.promise)
        rules = sorting.exclusive, sorting.excludes
        return decide(probabilities, sorting.single_label, sorting.thresholds, *rules)


def promised_classes(
    probabilities: NDArray[np.float32], classes: list[str], promise: dict[str, Any]
) -> NDArray[np.bool_]:
    """Return which classes a promise of purity keeps of each frame, bool (n, k).

    A class is kept from the promise's threshold on, and nowhere if it has none or another class keeps it out.
    """
    limits = [promise["classes"].get(name, {}).get("threshold") for name in classes]
    single, alone = promise.get("single_label", False), promise.get("exclusive", [])
    return decide_promised(
        probabilities, limits, rule_of(classes, single, alone, promise.get("excludes", []))
    )


def _in_frame_order(labels: Labels | None) -> Labels | None:
    """Sort labels by frame, so that a block finds its own by bisection."""
    if labels is None:
        return None
    order = np.argsort(labels.indices)
    return Labels(labels.indices[order], labels.matrix[order], labels.labelled_by[order])


def _n_labelled(labels: Labels | None, chosen: NDArray[np.int64] | None) -> int:
    if labels is None:
        return 0
    return len(labels.indices) if chosen is None else int(np.isin(labels.indices, chosen).sum())


def join_names(matrix: NDArray[np.bool_], classes: list[str]) -> NDArray[np.object_]:
    """Join the names of each row's classes; each combination is joined once."""
    if not matrix.size:
        return np.full(len(matrix), "", object)
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


def _plain(column: pa.Array) -> pa.Array:
    """Return text as one kind of string, whether the index stored it plain, large or as a dictionary."""
    return column if pa.types.is_integer(column.type) else column.cast(pa.string())
