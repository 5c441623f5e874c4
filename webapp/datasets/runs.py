"""The run of each frame, told by the names of the source files as the nuisance report tells it."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from webapp.datasets.columns import Columns

_RUN = re.compile(r"(?:^|[^a-z])r(?:un)?[ _-]?0*(\d{1,6})(?!\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Runs:
    """The runs of a data set in the order of their first frames.

    `codes` holds for each frame the place of its run in `names`, -1 where it is not known; it is also the
    number by which a scope names a run.
    """

    codes: np.ndarray
    names: list[str]
    words: str

    @property
    def title(self) -> str:
        """What one of them is called: “Run”, or “File” where no run is named."""
        return "Run" if self.words.startswith("run") else "File"


def runs_of(columns: Columns) -> Runs | None:
    """Return the run of each frame; None before the frames are indexed."""
    index = columns.products.get("index")
    if index is None:
        return None
    runs = _read_runs(index.folder / "frames.parquet")
    return runs if runs is not None and len(runs.codes) == columns.n_frames else None


@lru_cache(maxsize=16)
def _read_runs(path: Path) -> Runs | None:
    file = pyarrow.parquet.ParquetFile(path, memory_map=True, read_dictionary=["source"])
    if "source" not in file.schema_arrow.names:
        return None
    column = file.read(columns=["source"]).column(0).combine_chunks()
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    places = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    sources = encoded.dictionary.to_pylist()
    runs, words = name_runs(sources)
    names = list(dict.fromkeys(runs))
    numbers = {name: number for number, name in enumerate(names)}
    of_source = np.array([*(numbers[run] for run in runs), -1], dtype=np.int32)
    codes = of_source[places]
    codes.setflags(write=False)
    return Runs(codes, names, words)


def name_runs(sources: list[str]) -> tuple[list[str], str]:
    """Name the run of each source file, and say in words what the names are.

    By the number in the name of each file, or else of each folder; a file without either is taken for a run
    of its own. The nuisance report, which this portal does not import, names them alike.
    """
    paths = [Path(source) for source in sources]
    for parts in ([path.name for path in paths], [path.parent.name for path in paths]):
        found = [_RUN.search(part) for part in parts]
        if found and all(found):
            return [f"run {match[1]}" for match in found if match], "run, by its number in the names"
    stems = [path.stem for path in paths]
    if len(set(stems)) < len(set(sources)):
        stems = [f"{path.parent.name}/{path.stem}" for path in paths]
    return [f"file {stem}" for stem in stems], "source file, as no run is named"
