"""Steps: look at a source, measure its frames in parts, and put the parts together."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workers.science.frame_columns import FrameColumns, estimate_lit_threshold
from workers.science.io import FrameIds, FrameReader, describe_source, iterate_blocks, open_source
from workers.science.io.hashing import hash_sources
from workers.science.progress import Progress, silent
from workers.science.resample import find_invalid
from workers.science.thumbnails import draw_pattern, write_pattern, write_strip

SCHEMA = pa.schema(
    [
        ("index", pa.int64()),
        ("source", pa.string()),
        ("path", pa.string()),
        ("source_index", pa.int64()),
        ("train_id", pa.int64()),
        ("pulse_id", pa.int64()),
        ("cell_id", pa.int64()),
        ("total", pa.float64()),
        ("lit_pixels", pa.int64()),
        ("maximum", pa.float64()),
    ]
)
_PREVIEW_FRAMES = 8
_PREVIEW_BYTES = 256 * 2**20


def inspect_source(
    *,
    sources: list[str],
    roots: list[str],
    dataset_path: str | None = None,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Look at files before they are registered, and draw their first frames.

    Parameters
    ----------
    sources : list of str
        Files in the order of the data set.
    roots : list of str
        Folders below which files may be opened.
    dataset_path : str, optional
        Path of the frames in the files; proposed if not given.
    out : str
        Folder for ``preview.png`` and ``source.json``, the description for those who read single frames.
    on_progress : Progress

    Returns
    -------
    description : dict
        A source description; besides the keys of the contract it has ``lit_threshold``.

    Raises
    ------
    SourceError
        If a file is refused, damaged or empty, or if files do not fit together.
    """
    on_progress(0, 0, "files", note="looking for frames")
    description = describe_source(sources=sources, roots=roots, dataset_path=dataset_path)
    with open_source(description) as reader:
        frame_bytes = reader.height * reader.width * reader.dtype.itemsize
        n_first = min(_PREVIEW_FRAMES, reader.n_frames, max(1, _PREVIEW_BYTES // frame_bytes))
        frames, good = reader.read(0, n_first), reader.read_mask()
    description["lit_threshold"] = estimate_lit_threshold(frames, good)
    write_strip(Path(out) / "preview.png", [draw_pattern(_as_pattern(frame, good)) for frame in frames])
    (Path(out) / "source.json").write_text(json.dumps(description))
    return description


def index_range(
    *, source: dict[str, Any], start: int, stop: int, out: str, on_progress: Progress = silent
) -> dict[str, Any]:
    """Measure the frames of one range.

    Parameters
    ----------
    source : dict
        A source description.
    start, stop : int
        Half-open range of frames.
    out : str
        Folder for ``frames.parquet`` and ``patterns.npz`` (``total`` float64, ``max`` float32 and
        ``n`` int32, all (h, w); `n` says how many frames have a value there).
    on_progress : Progress

    Returns
    -------
    result : dict
        Empty.

    Raises
    ------
    SourceError
        If a frame cannot be read, or if a file has changed since it was described.
    """
    with open_source(source) as reader:
        columns = FrameColumns(
            (reader.height, reader.width), reader.read_mask(), _lit_threshold(source, reader)
        )
        for first, frames in iterate_blocks(reader, start, stop):
            columns.add(frames)
            on_progress(first + len(frames) - start, stop - start)
        ids = reader.identify(start, stop)
    pq.write_table(_build_table(start, ids, columns), Path(out) / "frames.parquet")
    # not compressed: it would take as long as measuring a few hundred frames, and parts are short-lived
    np.savez(
        Path(out) / "patterns.npz",
        total=columns.total,
        max=columns.peak.astype(np.float32),
        n=columns.n_valid.astype(np.int32),
    )
    return {}


def merge_index(
    *, parts: list[str], source: dict[str, Any], out: str, on_progress: Progress = silent
) -> dict[str, Any]:
    """Put the parts of an index together, one after the other, and hash the source files.

    Parameters
    ----------
    parts : list of str
        Folders written by `index_range`, in the order of their frames.
    source : dict
        Source description.
    out : str
        Folder for ``frames.parquet``, ``patterns.npz`` (``mean``, ``max`` float32 (h, w), NaN where no
        frame has a value), ``mean.png`` and ``max.png``.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_frames`` and ``sha256`` of each source file by its path.

    Raises
    ------
    SourceError
        If a source file has changed since it was described.
    """
    n_frames, total, peak, n_valid = 0, 0.0, -np.inf, 0
    with pq.ParquetWriter(Path(out) / "frames.parquet", SCHEMA) as writer:
        for number, part in enumerate(parts):
            table = pq.read_table(Path(part) / "frames.parquet", schema=SCHEMA)
            writer.write_table(table)
            n_frames += len(table)
            with np.load(Path(part) / "patterns.npz") as patterns:
                total, n_valid = total + patterns["total"], n_valid + patterns["n"].astype(np.int64)
                peak = np.maximum(peak, patterns["max"])
            on_progress(number + 1, len(parts), "parts")
    has_value = n_valid > 0
    mean = np.where(has_value, total / np.maximum(n_valid, 1), np.nan).astype(np.float32)
    peak = np.where(has_value, peak, np.nan).astype(np.float32)
    np.savez_compressed(Path(out) / "patterns.npz", mean=mean, max=peak)
    write_pattern(Path(out) / "mean.png", mean)
    write_pattern(Path(out) / "max.png", peak)
    return {"n_frames": n_frames, "sha256": hash_sources(source, on_progress)}


def _lit_threshold(source: dict[str, Any], reader: FrameReader) -> float:
    # without the key the answer still must not depend on the range, so it is taken from the first frame
    if "lit_threshold" in source:
        return float(source["lit_threshold"])
    return estimate_lit_threshold(reader.read(0, 1), reader.read_mask())


def _build_table(start: int, ids: FrameIds, columns: FrameColumns) -> pa.Table:
    n_frames = len(ids.source)
    return pa.table(
        {
            "index": np.arange(start, start + n_frames),
            "source": ids.source,
            "path": ids.path,
            "source_index": ids.source_index,
            **{name: _nullable(getattr(ids, name)) for name in ("train_id", "pulse_id", "cell_id")},
            "total": np.concatenate(columns.totals),
            "lit_pixels": np.concatenate(columns.lit_pixels),
            "maximum": np.concatenate(columns.maxima),
        },
        schema=SCHEMA,
    )


def _nullable(values: np.ma.MaskedArray) -> pa.Array:
    return pa.array(values.filled(0), pa.int64(), mask=np.ma.getmaskarray(values))


def _as_pattern(frame: NDArray, good: NDArray | None) -> NDArray:
    pattern = frame.astype(np.float64)
    invalid = find_invalid(frame)
    if invalid is not None:
        pattern[invalid] = np.nan
    if good is not None:
        pattern[~good] = np.nan
    return pattern
