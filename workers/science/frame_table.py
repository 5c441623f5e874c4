"""The rows of ``frames.parquet``: made for a part, completed over all parts, written in groups of rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workers.science.hits import find_hit_threshold, find_saturation
from workers.science.io import FrameIds
from workers.science.photons import PhotonScale

GOOD, INCOMPLETE, UNREADABLE = 0, 1, 2
# So many rows are read to look one up.
ROW_GROUP = 16_384
_IDENTITY = [
    ("index", pa.int64()),
    ("source", pa.string()),
    ("path", pa.string()),
    ("source_index", pa.int64()),
    ("train_id", pa.int64()),
    ("pulse_id", pa.int64()),
    ("cell_id", pa.int64()),
    ("state", pa.int8()),
]
_MEASURED = [
    ("total", pa.float64()),
    ("photons", pa.float64()),
    ("maximum", pa.float64()),
    ("lit_pixels", pa.int64()),
]
_BACKGROUND = ("is_background", pa.bool_())
_MASKED = ("masked_share", pa.float64())
_PART_ONLY = ("n_at_maximum", pa.int64())
_ADDED = [("hit_score", pa.float64()), ("is_hit", pa.bool_())]
_SATURATED = ("saturated_pixels", pa.int64())
BACKGROUND, MISSING = "background", "missing_modules"


def part_schema(source: dict[str, Any]) -> pa.Schema:
    """Return the columns of a part of the index of `source`, a source description."""
    return pa.schema([*_IDENTITY, *_MEASURED, _PART_ONLY, _BACKGROUND, _MASKED, *_source_fields(source)])


def frame_schema(source: dict[str, Any]) -> pa.Schema:
    """Return the columns of ``frames.parquet`` of `source`, a source description."""
    return pa.schema(
        [*_IDENTITY, *_MEASURED, *_ADDED, _BACKGROUND, _SATURATED, _MASKED, *_source_fields(source)]
    )


def _source_fields(source: dict[str, Any]) -> list[tuple[str, pa.DataType]]:
    names = [name for name in source.get("columns", {}) if name != BACKGROUND]
    return [(f"source_{name}", pa.float64()) for name in names]


def build_part(
    source: dict[str, Any],
    start: int,
    ids: list[FrameIds],
    measured: dict[str, NDArray],
    from_source: list[dict[str, NDArray]],
) -> pa.Table:
    """Put together what is known of the frames of one range.

    Parameters
    ----------
    source : dict
        Source description.
    start : int
        Number of the first frame.
    ids : list of FrameIds
        See `tolerant.identify_frames`.
    measured : dict of str to ndarray of shape (m,), float64
        See `FrameColumns.columns`; NaN for a frame that could not be read.
    from_source : list of dict
        See `tolerant.read_source_columns`.

    Returns
    -------
    table : pyarrow.Table
        Of `part_schema`.
    """
    extra = {name: _join_column(from_source, name) for name in source.get("columns", {})}
    unreadable = np.isnan(measured["total"])
    state = np.where(unreadable, UNREADABLE, GOOD).astype(np.int8)
    if MISSING in extra:
        state[~unreadable & (extra[MISSING] > 0)] = INCOMPLETE
    scale = PhotonScale(source.get("photon_gain"), source.get("photon_dark", 0.0), "")
    n_used = (1 - measured["masked_share"]) * source["height"] * source["width"]
    index = np.concatenate([piece.source_index for piece in ids])
    columns: dict[str, Any] = {
        "index": np.arange(start, start + len(state)),
        "source": [item or None for piece in ids for item in piece.source],
        "path": [item or None for piece in ids for item in piece.path],
        "source_index": pa.array(index, pa.int64(), mask=index < 0),
        **{name: _nullable(ids, name) for name in ("train_id", "pulse_id", "cell_id")},
        "state": state,
        "total": _known(measured["total"], pa.float64()),
        "photons": _known(scale.count(measured["total"], n_used), pa.float64()),
        "maximum": _known(measured["maximum"], pa.float64()),
        "lit_pixels": _known(measured["lit_pixels"], pa.int64()),
        "n_at_maximum": _known(measured["n_at_maximum"], pa.int64()),
        "is_background": _known(extra.get(BACKGROUND, np.full(len(state), np.nan)), pa.bool_()),
        "masked_share": _known(measured["masked_share"], pa.float64()),
        **{f"source_{name}": values for name, values in extra.items() if name != BACKGROUND},
    }
    return pa.table(columns, schema=part_schema(source))


def merge_parts(parts: list[str], source: dict[str, Any], path: Path) -> dict[str, Any]:
    """Join parts into ``frames.parquet`` and add what only all frames together can tell.

    Parameters
    ----------
    parts : list of str
        Folders of parts, in the order of their frames.
    source : dict
        Source description.
    path : Path
        The file that is written, in groups of `ROW_GROUP` rows.

    Returns
    -------
    found : dict
        ``n_frames``, ``n_unreadable``, ``n_incomplete``, ``hit_threshold`` (pixels), ``hit_words``,
        ``n_hits``, ``saturation`` (value, or None), ``photons`` (how they were counted, in words).
    """
    names = ["lit_pixels", "maximum", "is_background", "state"]
    known = pa.concat_tables(pq.read_table(Path(part) / "frames.parquet", columns=names) for part in parts)
    lit, maximum = (known[name].to_numpy() for name in ("lit_pixels", "maximum"))
    background = pc.fill_null(known["is_background"], False).to_numpy()
    state = known["state"].to_numpy()
    threshold, words = find_hit_threshold(lit.astype(np.float64), background)
    saturation = find_saturation(maximum, np.dtype(source["dtype"]))
    schema = frame_schema(source)
    with pq.ParquetWriter(path, schema) as writer:
        for table in _groups(parts, part_schema(source)):
            writer.write_table(_complete(table, threshold, saturation).select(schema.names), ROW_GROUP)
    return {
        "n_frames": len(known),
        "n_unreadable": int(np.count_nonzero(state == UNREADABLE)),
        "n_incomplete": int(np.count_nonzero(state == INCOMPLETE)),
        "hit_threshold": threshold,
        "hit_words": words,
        "n_hits": int(np.count_nonzero(lit >= threshold)),
        "saturation": saturation,
        "photons": source.get("photon_words", "the total of the frame"),
    }


def _groups(parts: list[str], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield tables of `ROW_GROUP` rows, the last one shorter."""
    waiting: list[pa.Table] = []
    n_waiting = 0
    for part in parts:
        for batch in pq.ParquetFile(Path(part) / "frames.parquet").iter_batches(ROW_GROUP):
            waiting.append(pa.Table.from_batches([batch]).cast(schema))
            n_waiting += len(batch)
            if n_waiting >= ROW_GROUP:
                table = pa.concat_tables(waiting)
                yield table.slice(0, ROW_GROUP)
                waiting = [table.slice(ROW_GROUP)]
                n_waiting -= ROW_GROUP
    if n_waiting:
        yield pa.concat_tables(waiting)


def _complete(table: pa.Table, threshold: float, saturation: float | None) -> pa.Table:
    score = pc.divide(table["lit_pixels"].cast(pa.float64()), threshold)
    table = table.append_column("hit_score", score)
    table = table.append_column("is_hit", pc.greater_equal(score, 1.0))
    none = pc.multiply(table["n_at_maximum"], 0)  # null for a frame that could not be read
    if saturation is None:
        return table.append_column("saturated_pixels", none)
    is_full = pc.equal(table["maximum"], saturation)
    return table.append_column("saturated_pixels", pc.if_else(is_full, table["n_at_maximum"], none))


def _join_column(pieces: list[dict[str, NDArray]], name: str) -> NDArray:
    unknown = np.full(1, np.nan)
    return np.concatenate([piece[name] if piece else unknown for piece in pieces])


def _known(values: NDArray, kind: pa.DataType) -> pa.Array:
    missing = np.isnan(values)
    plain = np.where(missing, 0, values)
    if pa.types.is_boolean(kind):
        plain = plain != 0
    elif pa.types.is_integer(kind):
        plain = plain.astype(np.int64)
    return pa.array(plain, kind, mask=missing)


def _nullable(ids: list[FrameIds], name: str) -> pa.Array:
    values = np.ma.concatenate([getattr(piece, name) for piece in ids])
    return pa.array(values.filled(0), pa.int64(), mask=np.ma.getmaskarray(values))
