"""The run of each frame."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.webapp.factories import make_dataset, make_group, make_product, make_sorted_dataset
from webapp.datasets.columns import columns_of
from webapp.datasets.runs import name_runs, runs_of
from workers.science import nuisance_columns

pytestmark = pytest.mark.django_db

SOURCES = [
    ["/raw/r0007/a.h5", "/raw/r0007/b.h5", "/raw/r0012/a.h5"],
    ["/raw/LYRAX-run_0003-part1.cxi", "/raw/LYRAX-run_0003-part2.cxi"],
    ["/raw/night/a.h5", "/raw/day/a.h5"],
    ["/raw/xenon.cxi"],
    ["/raw/R12.h5", "/raw/other.h5"],
    [],
]


def index_of(sources: list[str | None], n_frames: int | None = None):
    """Return the columns of a data set whose frames come from these files."""
    dataset = make_dataset(make_group(), n_frames or len(sources))
    table = pa.table({"source": pa.array(sources, pa.string())})
    make_product(dataset, "index", lambda out: pyarrow.parquet.write_table(table, out / "frames.parquet"))
    return columns_of(dataset)


def test_frames_know_their_run_by_the_number_in_the_name_of_their_file() -> None:
    runs = runs_of(index_of(["/raw/r0012.h5", "/raw/r0007.h5", "/raw/r0012.h5", None]))
    assert (runs.names, runs.title) == (["run 12", "run 7"], "Run")
    assert runs.codes.dtype == np.int32
    assert runs.codes.tolist() == [0, 1, 0, -1]


def test_files_without_a_number_are_runs_of_their_own() -> None:
    runs = runs_of(index_of(["/raw/xenon.h5", "/raw/argon.h5"]))
    assert (runs.names, runs.title) == (["file xenon", "file argon"], "File")


def test_a_data_set_that_is_not_indexed_has_no_runs() -> None:
    assert runs_of(columns_of(make_dataset(make_group(), 5))) is None


def test_an_index_of_other_frames_than_those_shown_gives_no_runs() -> None:
    assert runs_of(index_of(["/raw/r1.h5"] * 3, n_frames=5)) is None


def test_runs_are_read_once_for_an_index() -> None:
    columns = columns_of(make_sorted_dataset(make_group(), 30))
    assert runs_of(columns) is runs_of(columns)
    assert not runs_of(columns).codes.flags.writeable


@pytest.mark.parametrize("sources", SOURCES)
def test_the_portal_names_runs_as_the_nuisance_report_does(sources: list[str]) -> None:
    assert name_runs(sources) == nuisance_columns.name_runs(sources)
