"""Steps: measure condensed frames in parts, and put the parts together."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.instrument import COLUMNS, metres_per_radius
from workers.science.measures import NAMES, measure_frames
from workers.science.preprocess import load_geometry
from workers.science.progress import Progress, silent

_BLOCK = 1024
SCHEMA = pa.schema([(name, pa.float64()) for name in (*NAMES, "size_estimate")])


def measure_range(
    *,
    condensed_dir: str,
    index_dir: str,
    source: dict[str, Any],
    start: int,
    stop: int,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Measure the frames of one range.

    Parameters
    ----------
    condensed_dir : str
        Folder written by `merge_condense`.
    index_dir : str
        Folder written by `merge_index`; wavelength and distance come from its source columns.
    source : dict
        Source description, for the units of those.
    start, stop : int
        Half-open range of frames.
    out : str
        Folder for ``measures.parquet``: the columns of `measures.NAMES` and ``size_estimate``, float64.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``size_unit``: "nm" for diameters where wavelength, distance and pixel size are known, else "1/px".

    Raises
    ------
    SourceError
        If the geometry of the condensed frames cannot be read.
    """
    geometry = load_geometry(condensed_dir)
    condensed = np.load(Path(condensed_dir) / "condensed.npy", mmap_mode="r", allow_pickle=False)
    parts = []
    for first in range(start, stop, _BLOCK):
        last = min(stop, first + _BLOCK)
        parts.append(measure_frames(condensed[first:last], geometry))
        on_progress(last - start, stop - start)
    measures = {name: np.concatenate([part[name] for part in parts]) for name in NAMES}
    lengths = _lengths(Path(index_dir) / "frames.parquet", source, start, stop)
    with np.errstate(invalid="ignore"):
        factor = 1.0 if lengths is None else 1e9 * lengths
        measures["size_estimate"] = factor / measures["ring_spacing"]
    pq.write_table(pa.table(measures, schema=SCHEMA), Path(out) / "measures.parquet")
    return {"size_unit": "1/px" if lengths is None else "nm"}


def merge_measures(
    *, parts: list[str], source: dict[str, Any], index_dir: str, out: str, on_progress: Progress = silent
) -> dict[str, Any]:
    """Put the measured parts together, one after the other.

    Parameters
    ----------
    parts : list of str
        Folders written by `measure_range`, in the order of their frames.
    source : dict
        Source description.
    index_dir : str
        Folder written by `merge_index`.
    out : str
        Folder for ``measures.parquet``.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_frames``, ``size_unit`` and ``with_rings``, the share of the frames whose rings were seen.
    """
    n_frames = n_with_rings = 0
    with pq.ParquetWriter(Path(out) / "measures.parquet", SCHEMA) as writer:
        for number, part in enumerate(parts):
            table = pq.read_table(Path(part) / "measures.parquet", schema=SCHEMA)
            writer.write_table(table)
            n_frames += len(table)
            n_with_rings += int(np.isfinite(table["ring_spacing"].to_numpy()).sum())
            on_progress(number + 1, len(parts), "parts")
    known = _lengths(Path(index_dir) / "frames.parquet", source, 0, 1) is not None
    share = n_with_rings / n_frames if n_frames else 0.0
    return {"n_frames": n_frames, "size_unit": "nm" if known else "1/px", "with_rings": round(share, 4)}


def _lengths(path: Path, source: dict[str, Any], start: int, stop: int) -> NDArray | None:
    """Return what makes diameters of ring spacings, from the source columns; None where they do not tell."""
    known = source.get("columns") or {}
    try:
        file = pq.ParquetFile(path, memory_map=True)
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(str(path), f"cannot be read ({error})", "Index the data set again") from error
    there = set(file.schema_arrow.names)
    names = [name for name in COLUMNS if name in known and f"source_{name}" in there]
    if metres_per_radius({name: np.ones(1) for name in names}, _units(known)) is None:
        return None
    table = file.read(columns=[f"source_{name}" for name in names]).slice(start, stop - start)
    columns = {name: table[f"source_{name}"].to_numpy() for name in names}
    return metres_per_radius(columns, _units(known))


def _units(known: dict[str, Any]) -> dict[str, str]:
    return {name: column.get("unit", "") for name, column in known.items()}
