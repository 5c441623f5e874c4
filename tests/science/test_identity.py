"""The same shots are found again, whatever their numbers in the files are."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workers.science.identity import BY_PLACE, match_frames
from workers.science.steps.relink import match


def write_index(folder, n=None, files=None, **ids):
    """Write the columns of an index that identify frames; what is not given is unknown."""
    folder.mkdir()
    n = n or len(next(iter(ids.values())))
    files = files or [("run.h5", n)]
    table = {name: pa.nulls(n, pa.int64()) for name in ("train_id", "pulse_id", "cell_id")}
    table |= {name: pa.array(values, pa.int64()) for name, values in ids.items()}
    table["source"] = pa.array([name for name, count in files for _ in range(count)])
    table["source_index"] = pa.array(np.arange(n))
    pq.write_table(pa.table(table), folder / "frames.parquet")
    return folder / "frames.parquet"


def test_frames_are_found_by_train_and_pulse_in_any_order(tmp_path):
    old = write_index(tmp_path / "old", train_id=[7, 7, 8, 8], pulse_id=[0, 1, 0, 1])
    new = write_index(tmp_path / "new", train_id=[8, 9, 7, 8], pulse_id=[1, 0, 1, 0])
    found = match_frames(old, new)
    assert found.by == "train and pulse"
    assert list(zip(found.old.tolist(), found.new.tolist(), strict=True)) == [(1, 2), (2, 3), (3, 0)]


def test_bunches_alone_are_enough_where_they_are_unique(tmp_path):
    old = write_index(tmp_path / "old", train_id=[100, 101, 102])
    new = write_index(tmp_path / "new", train_id=[102, 100])
    found = match_frames(old, new)
    assert found.by == "train or bunch"
    assert (found.old.tolist(), found.new.tolist()) == ([0, 2], [1, 0])


def test_the_cell_tells_apart_what_the_pulse_does_not(tmp_path):
    old = write_index(tmp_path / "old", train_id=[7, 7], pulse_id=[0, 0], cell_id=[3, 4])
    new = write_index(tmp_path / "new", train_id=[7, 7], pulse_id=[0, 0], cell_id=[4, 3])
    found = match_frames(old, new)
    assert found.by == "train and cell"
    assert found.new.tolist() == [1, 0]


def test_without_identifiers_the_place_in_the_files_counts(tmp_path):
    old = write_index(tmp_path / "old", n=5, files=[("a.h5", 2), ("b.h5", 3)])
    new = write_index(tmp_path / "new", n=5, files=[("x.h5", 2), ("y.h5", 3)])
    found = match_frames(old, new)
    assert found.by == BY_PLACE
    assert found.old.tolist() == found.new.tolist() == [0, 1, 2, 3, 4]


def test_frames_without_a_file_do_not_keep_the_others_from_being_found(tmp_path):
    files = [("a.h5", 2), (None, 1), ("b.h5", 2)]
    old = write_index(tmp_path / "old", n=5, files=files)
    new = write_index(tmp_path / "new", n=5, files=files)
    assert match_frames(old, new).old.tolist() == [0, 1, 2, 3, 4]


def test_nothing_is_guessed_where_the_files_hold_other_numbers_of_frames(tmp_path):
    old = write_index(tmp_path / "old", n=5, files=[("a.h5", 2), ("b.h5", 3)])
    new = write_index(tmp_path / "new", n=5, files=[("x.h5", 3), ("y.h5", 2)])
    found = match_frames(old, new)
    assert found.by == ""
    assert len(found.old) == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_step_finds_every_frame_of_a_shuffled_index(tmp_path, seed):
    random = np.random.default_rng(seed)
    trains, pulses = np.divmod(random.choice(10_000, 500, replace=False), 30)
    order = random.permutation(500)
    write_index(tmp_path / "old", train_id=trains, pulse_id=pulses)
    write_index(tmp_path / "new", train_id=trains[order], pulse_id=pulses[order])
    (tmp_path / "out").mkdir()
    result = match(
        old_index_dir=str(tmp_path / "old"), new_index_dir=str(tmp_path / "new"), out=str(tmp_path / "out")
    )
    assert result == {"n_matched": 500, "by": "train and pulse"}
    with np.load(tmp_path / "out" / "matches.npz") as matches:
        assert (order[matches["new"]] == matches["old"]).all()
