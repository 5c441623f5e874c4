"""Step: write the nuisance report of a clustering."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workers.science.errors import ScienceError, SourceError
from workers.science.nuisance_columns import (
    NUISANCES,
    Binned,
    Nuisance,
    bin_categories,
    bin_numbers,
    name_runs,
    without,
)
from workers.science.nuisance_report import report_nuisances
from workers.science.preprocess import load_geometry
from workers.science.progress import Progress, silent

MEASURED = ("centre_row", "centre_column", "size_estimate", "radial_q50")


def report(
    *,
    index_dir: str,
    condensed_dir: str,
    measures_dir: str,
    size_unit: str,
    latents_dir: str,
    active_latents: list[int],
    cluster_dir: str,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Write ``report.json``: see `report_nuisances`.

    Parameters
    ----------
    index_dir : str
        Folder with ``frames.parquet``.
    condensed_dir : str
        Folder with the geometry, for the centre that frames without symmetry are given.
    measures_dir : str
        Folder with ``measures.parquet``.
    size_unit : str
        Of ``size_estimate``.
    latents_dir : str
        Folder of the step `embed`.
    active_latents : list of int
        Those that the network uses, as its card says.
    cluster_dir : str
        Folder of the step `cluster`.
    out : str
        Existing, empty folder.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_clusters``, ``n_artefacts`` (clusters that look like one) and ``n_sorted`` (that brightness or
        size tell).

    Raises
    ------
    ScienceError
        If the columns are of different data sets, or one cannot be read.
    """
    labels = np.load(Path(cluster_dir) / "labels.npy", mmap_mode="r", allow_pickle=False)
    latents = np.load(Path(latents_dir) / "latents.npy", mmap_mode="r", allow_pickle=False)
    columns = _Columns(Path(index_dir) / "frames.parquet", Path(measures_dir) / "measures.parquet")
    columns.centre = load_geometry(condensed_dir).centre
    for name, n in (("latents", len(latents)), ("index", columns.n_frames), ("measures", columns.n_measured)):
        if n != len(labels):
            cause = f"has {n} frames where the clustering has {len(labels)}"
            raise ScienceError(f"The {name}", cause, "Sort the data set again")
    nuisances = []
    for at, nuisance in enumerate(NUISANCES):
        on_progress(at, len(NUISANCES), "nuisances", note="reading columns")
        unit = size_unit if nuisance.name == "size_estimate" else nuisance.unit
        nuisances.append(columns.bin(replace(nuisance, unit=unit)))
    found = report_nuisances(nuisances, labels, latents, active_latents, on_progress)
    (Path(out) / "report.json").write_text(json.dumps(found, allow_nan=False), encoding="utf-8")
    clusters = [cluster for cluster in found["clusters"] if cluster["id"] >= 0]
    return {
        "n_clusters": len(clusters),
        "n_artefacts": sum(bool(cluster["artefact"]) for cluster in clusters),
        "n_sorted": sum(bool(cluster["sorted_by"]) for cluster in clusters),
    }


class _Columns:
    """The columns of index and measures, read one at a time.

    Parameters
    ----------
    index, measures : Path
        Parquet files.
    """

    def __init__(self, index: Path, measures: Path) -> None:
        self.index, self.measures = _open(index), _open(measures)
        self.n_frames, self.n_measured = self.index.metadata.num_rows, self.measures.metadata.num_rows
        self.centre = (np.nan, np.nan)

    def bin(self, nuisance: Nuisance) -> Binned:
        """Return one nuisance of all frames."""
        special: dict[str, Callable[[Nuisance], Binned]] = {
            "run": self._run,
            "time": self._time,
            "cell": self._cell,
            "centre_row": self._centre,
            "centre_column": self._centre,
        }
        if nuisance.name in special:
            return special[nuisance.name](nuisance)
        values = self._numbers(nuisance.name)
        if values is None:
            return without(nuisance, "absent", "the data set has no such column")
        return bin_numbers(nuisance, values, "rings are seen" if nuisance.name == "size_estimate" else "")

    def _run(self, nuisance: Nuisance) -> Binned:
        column = self.index.read(columns=["source"]).column(0).combine_chunks()
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        sources = encoded.dictionary.to_pylist()
        places = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        runs, words = name_runs(sources)
        distinct = list(dict.fromkeys(runs))
        of_source = np.array([distinct.index(run) for run in runs] + [-1])
        return bin_categories(nuisance, of_source[places], distinct.__getitem__, words)

    def _time(self, nuisance: Nuisance) -> Binned:
        trains = self._numbers("train_id")
        if trains is not None and np.isfinite(trains).mean() > 0.5 and np.nanmin(trains) < np.nanmax(trains):
            return bin_numbers(nuisance, trains, "train number")
        return bin_numbers(nuisance, np.arange(self.n_frames), "order of the frames, as no train is known")

    def _cell(self, nuisance: Nuisance) -> Binned:
        for name, title, words in (
            ("cell_id", "cell", "memory cell"),
            ("pulse_id", "pulse", "pulse in its train, as no cell is known"),
        ):
            values = self._numbers(name)
            if values is not None and np.isfinite(values).any():
                places = np.where(np.isfinite(values), values, -1).astype(np.int64)
                return bin_categories(nuisance, places, f"{title} {{}}".format, words)
        return without(nuisance, "absent", "the source names neither cells nor pulses")

    def _centre(self, nuisance: Nuisance) -> Binned:
        """Return where the centre of each frame is; a frame that shows none has that of the data set."""
        row, column = self._numbers("centre_row"), self._numbers("centre_column")
        if row is None or column is None:
            return without(nuisance, "absent", "the centre of single frames was not measured")
        values = np.array(row if nuisance.name == "centre_row" else column)
        values[(np.abs(row - self.centre[0]) < 1e-6) & (np.abs(column - self.centre[1]) < 1e-6)] = np.nan
        return bin_numbers(nuisance, values, "centre is off that of the data set")

    def _numbers(self, name: str) -> NDArray[np.float64] | None:
        file = self.measures if name in MEASURED else self.index
        if name not in file.schema_arrow.names:
            return None
        column = file.read(columns=[name]).column(0)
        return column.cast(pa.float64(), safe=False).to_numpy()


def _open(path: Path) -> pq.ParquetFile:
    dictionary = ["source"] if path.name == "frames.parquet" else None
    try:
        return pq.ParquetFile(path, memory_map=True, read_dictionary=dictionary)
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(str(path), f"cannot be read ({error})", "Index the data set again") from error
