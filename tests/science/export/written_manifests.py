"""Manifests of real small files, for tests of what can be downloaded."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workers.science.io import open_source
from workers.science.labels_file import write_labels_npz
from workers.science.steps.manifest import write_manifest

CLASSES = ["Round", "Streak/bent", "Empty"]


def index_of(source: dict, folder: Path) -> Path:
    """Write ``frames.parquet`` of a source description, with what its reader says of the frames."""
    n = source["n_frames"]
    with open_source(source) as reader:
        ids = reader.identify(0, n)
    columns = {
        "index": pa.array(np.arange(n)),
        "source": pa.array(ids.source),
        "path": pa.array(ids.path),
        "source_index": pa.array(ids.source_index),
    }
    for name in ("train_id", "pulse_id", "cell_id"):
        column = np.ma.asarray(getattr(ids, name))
        masked = np.ma.getmaskarray(column)
        columns[name] = pa.array(column.filled(0).astype(np.int64), mask=masked)
    columns |= {name: pa.array(np.zeros(n)) for name in ("total", "lit_pixels", "maximum")}
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), folder / "frames.parquet")
    return folder


def matrix_of(n: int) -> np.ndarray:
    """Return classes for n frames: two single ones, one with two classes, one with none, and so on."""
    return np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]], bool)[np.arange(n) % 5]


def write(source: dict, folder: Path, formats: list[str], **changes: object) -> dict:
    """Write a manifest of all frames of a source, labelled by `matrix_of`; return what the step does."""
    folder.mkdir(exist_ok=True)
    out = folder / "out"
    out.mkdir()
    n = source["n_frames"]
    labels = folder / "labels.npz"
    write_labels_npz(labels, np.arange(n), matrix_of(n), np.array(["ada"] * n))
    given = {
        "index_dir": changes.get("index_dir") or str(index_of(source, folder / "index")),
        "cluster_dir": None,
        "classification_dir": None,
        "labels": str(labels),
        "classes": CLASSES,
        "single_label": False,
        "card": {"dataset": {"name": "run 7"}, "sources": source["files"]},
        "formats": formats,
        "source": source,
        "out": str(out),
    }
    return write_manifest(**(given | changes))


def choose(folder: Path, frames: list[int]) -> str:
    """Save a choice of frames as the portal does."""
    folder.mkdir(exist_ok=True)
    np.save(folder / "chosen.npy", np.array(frames, np.int64))
    return str(folder / "chosen.npy")
