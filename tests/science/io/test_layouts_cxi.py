"""CXI in its layouts: entries per shot, Cheetah, psocake, tags."""

import h5py
import numpy as np
import pytest

from tests.science.io.layouts import assert_reads, describe
from tests.science.io.written_files import tagged_stack, write_cheetah, write_cxidb94, write_psocake
from tests.science.synthetic import diffraction_frames
from workers.science.io import describe_source, open_source


@pytest.fixture
def frames():
    return diffraction_frames(10, 32)[0]


@pytest.fixture
def labels():
    return np.random.default_rng(1).integers(0, 2, (10, 11)).astype(bool)


def test_entries_bring_labels_bunches_and_the_photon_energy_in_electronvolts(tmp_path, frames, labels):
    description = describe(write_cxidb94(tmp_path / "a.cxi", frames, labels))
    assert description["format"] == "cxi_entries"
    assert_reads(description, frames)
    assert description["columns"] == {"photon_energy": {"unit": "eV", "title": "Photon energy"}}
    with open_source(description) as reader:
        assert reader.identify(2, 4).train_id.tolist() == [703, 704]
        assert np.allclose(reader.read_columns(2, 5)["photon_energy"], [23, 24, 25])
        assert np.array_equal(reader.read_labels(1, 10), labels[1:])
    assert description["label_names"] == [f"label {number}" for number in range(1, 12)]
    assert any("does not name its labels" in warning for warning in description["warnings"])


def test_labels_and_energy_that_an_entry_lacks_do_not_cost_its_frame(tmp_path, frames, labels):
    write_cxidb94(tmp_path / "a.cxi", frames, labels)
    with h5py.File(tmp_path / "a.cxi", "a") as file:
        del file["entry_4/note_1"]
        del file["entry_4/instrument_1/source_1"]
    with open_source(describe(tmp_path / "a.cxi")) as reader:
        assert np.array_equal(reader.read(3, 4)[0], frames[3])
        assert not reader.read_labels(3, 4).any()
        assert np.isnan(reader.read_columns(2, 5)["photon_energy"]).tolist() == [False, True, False]


def test_only_some_of_many_entries_are_looked_into(tmp_path, monkeypatch, frames):
    many = np.repeat(frames, 20, axis=0)
    write_cxidb94(tmp_path / "a.cxi", many, np.zeros((200, 11)))
    looked_into = []
    from workers.science.io import links

    walk = links.GuardedFile.locate

    def count(self, path):
        looked_into.append(path.strip("/").split("/")[0])
        return walk(self, path)

    monkeypatch.setattr(links.GuardedFile, "locate", count)
    assert describe(tmp_path / "a.cxi")["n_frames"] == 200
    assert len({name for name in looked_into if name.startswith("entry_")}) < 12


def test_entry_of_another_shape_is_told_of_when_it_is_among_those_looked_into(tmp_path, frames, labels):
    write_cxidb94(tmp_path / "a.cxi", frames, labels)
    with h5py.File(tmp_path / "a.cxi", "a") as file:
        del file["entry_10/instrument_1/detector_1/data"]
        file["entry_10/instrument_1/detector_1/data"] = np.zeros((8, 8), "u2")
    states = describe(tmp_path / "a.cxi")["states"]
    assert [state["state"] for state in states] == ["incomplete"]
    assert "/entry_10" in states[0]["words"]


def test_cheetah_is_read_from_its_versioned_group_with_both_masks_and_its_columns(tmp_path, frames):
    mask, shared = np.zeros((10, 32, 32), "u2"), np.zeros((32, 32), "u2")
    mask[:, 0, 0], shared[0, 1] = 8, 4
    description = describe(write_cheetah(tmp_path / "a.cxi", frames.astype("f4"), mask, shared))
    assert description["format"] == "cheetah"
    assert description["dataset_path"] == "/entry_1/instrument_1/detector_1/detector_corrected/data"
    assert_reads(description, frames.astype("f4"))
    assert description["columns"]["photon_energy"]["unit"] == "eV"
    assert description["columns"]["machine_time"]["unit"] == "s"
    assert "eventTimeString" not in description["columns"]
    assert description["states"] == []
    with open_source(description) as reader:
        assert np.argwhere(~reader.read_mask()).tolist() == [[0, 0], [0, 1]]
        columns = reader.read_columns(8, 10)
    assert set(columns) == set(description["columns"])
    assert columns["fiducial"].tolist() == [24, 27]
    assert columns["electronBeamEnergy"][-1] == 3010


def test_slots_that_no_event_came_for_are_told_of_and_stay(tmp_path, frames):
    plane = np.zeros((32, 32), "u2")
    description = describe(write_cheetah(tmp_path / "a.cxi", frames, plane, plane, n_unused=3))
    assert description["n_frames"] == 13
    state = description["states"][0]
    assert (state["file"], state["state"]) == (str(tmp_path / "a.cxi"), "incomplete")
    assert "3 of 13 slots" in state["words"]
    assert "frame 10 " in state["words"]


def test_psocake_brings_its_result_as_columns(tmp_path, frames):
    description = describe(write_psocake(tmp_path / "a.cxi", frames.reshape(10, 64, 16)))
    assert description["format"] == "psocake"
    assert_reads(description, frames.reshape(10, 64, 16))
    with open_source(description) as reader:
        assert reader.read_columns(4, 6)["nPeaksAll"].tolist() == [4, 5]
        assert reader.read_columns(4, 6)["photon_energy"].tolist() == [9500, 9500]
        assert reader.identify(0, 1).train_id.tolist() == [5000]


def test_cheetah_of_the_european_xfel_brings_train_pulse_and_cell(tmp_path, frames):
    plane = np.zeros((32, 32), "u2")
    write_cheetah(tmp_path / "a.cxi", frames, plane, plane)
    with h5py.File(tmp_path / "a.cxi", "a") as file:
        for number, name in enumerate(("trainID", "pulseID", "cellID")):
            file[f"EuXFEL/{name}"] = np.arange(10) + 100 * (number + 1)
    with open_source(describe(tmp_path / "a.cxi")) as reader:
        ids = reader.identify(9, 10)
    assert (ids.train_id[0], ids.pulse_id[0], ids.cell_id[0]) == (109, 209, 309)


def test_tags_are_labels_with_their_headings(tmp_path, frames, labels):
    names = [f"class {number}" for number in range(11)]
    description = describe(tagged_stack(tmp_path / "a.cxi", frames, labels.T, names))
    assert description["label_names"] == names
    with open_source(description) as reader:
        assert np.array_equal(reader.read_labels(3, 7), labels[3:7])


@pytest.mark.parametrize("headings", [["round"], ["round", "round"], ["", "bent"], ["a;b", "a,b"]])
def test_headings_that_do_not_tell_labels_apart_are_replaced(tmp_path, frames, headings):
    tags = np.eye(2, 10)
    description = describe(tagged_stack(tmp_path / "a.cxi", frames, tags, headings))
    assert description["label_names"] == ["label 1", "label 2"]


def test_labels_of_several_files_follow_each_other_and_are_empty_where_a_file_has_none(tmp_path, frames):
    tags = np.ones((2, 5), bool)
    first = tagged_stack(tmp_path / "a.cxi", frames[:5], tags, ["a", "b"])
    second = tagged_stack(tmp_path / "b.cxi", frames[5:], tags, ["a", "b"])
    with h5py.File(second, "a") as file:
        del file["entry_1/instrument_1/detector_1/tags"]
    with open_source(describe(first, second)) as reader:
        assert reader.read_labels(3, 7).tolist() == [[True, True]] * 2 + [[False, False]] * 2


def test_stack_without_tags_has_no_labels(tmp_path, frames):
    tagged_stack(tmp_path / "a.cxi", frames, np.ones((2, 9)), ["a", "b"])  # of another length
    description = describe(tmp_path / "a.cxi")
    assert description["label_names"] == []
    with open_source(description) as reader:
        assert reader.read_labels(0, 3) is None


def test_one_of_several_files_that_cannot_be_read_is_left_out_and_told_of(tmp_path, frames):
    paths = [tagged_stack(tmp_path / f"{n}.cxi", frames, np.ones((1, 10)), ["a"]) for n in range(3)]
    whole = (tmp_path / "1.cxi").read_bytes()
    (tmp_path / "1.cxi").write_bytes(whole[: len(whole) // 2])
    gone = str(tmp_path / "9.cxi")
    description = describe_source(sources=[*paths, gone], roots=[str(tmp_path)])
    assert description["n_frames"] == 20
    left_out = {item["file"]: item["state"] for item in description["states"] if "left out" in item["words"]}
    assert left_out == {paths[1]: "unreadable"}
    assert (gone, "missing") in {(item["file"], item["state"]) for item in description["states"]}
    assert [item["path"] for item in description["files"]] == [paths[0], paths[2]]
    with open_source(description) as reader:
        assert reader.identify(10, 11).source == [paths[2]]
        assert np.array_equal(reader.read(10, 20), frames)


def test_first_file_that_cannot_be_read_does_not_cost_the_others(tmp_path, frames):
    paths = [tagged_stack(tmp_path / f"{n}.cxi", frames, np.ones((1, 10)), ["a"]) for n in range(2)]
    with h5py.File(paths[0], "w") as file:
        file["nothing"] = 1
    description = describe(*paths)
    assert description["n_frames"] == 10
    assert (paths[0], "unreadable") in {(item["file"], item["state"]) for item in description["states"]}
