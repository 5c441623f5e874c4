"""NeXus, FERMI, SACLA and plain HDF5: right frames, identifiers, columns and masks."""

import h5py
import numpy as np
import pytest

from tests.science.io.layouts import assert_reads, describe
from tests.science.io.written_files import (
    write_eiger,
    write_fermi,
    write_lambda,
    write_sacla,
    write_virtual_nexus,
)
from tests.science.synthetic import diffraction_frames
from workers.science.errors import SourceError
from workers.science.io import describe_source, open_source


@pytest.fixture
def frames():
    return diffraction_frames(12, 32)[0]


def test_eiger_master_is_one_stack_over_its_linked_files(tmp_path, frames):
    mask = np.zeros((32, 32), "u4")
    mask[5, 6] = 1
    description = describe(write_eiger(tmp_path, frames.astype("u4"), mask))
    assert description["format"] == "nexus"
    assert_reads(description, frames.astype("u4"))
    assert description["columns"]["wavelength"]["unit"] == "angstrom"
    assert description["columns"]["exposure"]["unit"] == "s"
    with open_source(description) as reader:
        assert np.argwhere(~reader.read_mask()).tolist() == [[5, 6]]
        columns = reader.read_columns(4, 9)  # over the border between the two files
        assert reader.identify(5, 7).source_index.tolist() == [5, 0]
    assert np.allclose(columns["omega"], [0.4, 0.5, 0.6, 0.7, 0.8])
    assert columns["wavelength"].tolist() == [1.5] * 5


@pytest.mark.parametrize("asked", ["", "series_*.h5"])
def test_folder_and_pattern_with_a_master_are_read_by_way_of_the_master(tmp_path, frames, asked):
    mask = np.zeros((32, 32), "u4")
    mask[5, 6] = 1
    master = write_eiger(tmp_path, frames.astype("u4"), mask)
    description = describe_source(sources=[str(tmp_path / asked)], roots=[str(tmp_path)])
    assert description["files"][0]["path"] == master
    assert description["states"] == []
    assert_reads(description, frames.astype("u4"))
    assert "wavelength" in description["columns"]
    with open_source(description) as reader:
        assert np.argwhere(~reader.read_mask()).tolist() == [[5, 6]]


def test_virtual_dataset_of_a_nexus_file_is_read(tmp_path, frames):
    description = describe(write_virtual_nexus(tmp_path, frames))
    assert description["dataset_path"] == "/entry/data/data"
    assert_reads(description, frames)


def test_spectrum_with_the_name_of_frames_is_passed_over(tmp_path, frames):
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        file["entry/definition"] = "NXmx"
        file["entry/data/data"] = np.arange(12.0)
        file["entry/camera/images"] = frames
    assert_reads(describe(tmp_path / "a.nxs"), frames)


def test_master_whose_data_files_are_absent_is_refused_in_one_line(tmp_path, frames):
    write_virtual_nexus(tmp_path, frames)
    (tmp_path / "part_2.h5").unlink()
    with pytest.raises(SourceError, match=r"part_2\.h5.*does not exist"):
        describe(tmp_path / "virtual.nxs")


def test_single_frame_of_a_lambda_is_taken_and_not_its_flat_field(tmp_path, frames):
    mask = np.zeros((32, 32), "u4")
    mask[0, :2] = (2, 2**31)
    description = describe(write_lambda(tmp_path / "a.nxs", frames[1].astype("i4"), mask))
    assert description["dataset_path"] == "/entry/instrument/detector/data"
    assert_reads(description, frames[1:2].astype("i4"))
    with open_source(description) as reader:
        assert (~reader.read_mask()).sum() == 2
        assert reader.read_columns(0, 1)["photon_energy"].tolist() == [12000]


def test_fermi_files_follow_each_other_with_background_shots_flagged(tmp_path, frames):
    paths = [
        write_fermi(tmp_path / f"Run_001_{n}.h5", frames[4 * n : 4 * n + 4], 100 + 4 * n) for n in range(3)
    ]
    description = describe(*paths)
    assert (description["format"], description["dataset_path"]) == ("fermi", "/vmi/andor")
    assert_reads(description, frames)
    assert description["columns"]["wavelength"] == {"unit": "nm", "title": "Wavelength"}
    with open_source(description) as reader:
        assert reader.identify(3, 6).train_id.tolist() == [103, 104, 105]
        columns = reader.read_columns(0, 12)
    bunches = np.arange(100, 112)
    assert np.array_equal(columns["background"], bunches % 5 == 0)
    assert columns["wavelength"].tolist() == [52.5] * 12
    assert np.allclose(columns["i0"][4:8], 104 + np.arange(4) / 10)
    assert columns["delay"].tolist() == [0, 2, 4, 6] * 3


def test_camera_of_another_beamtime_at_fermi_is_found_by_its_path(tmp_path, frames):
    path = write_fermi(tmp_path / "a.h5", frames, 100, camera="scattering/pilatus")
    listed = [item["path"] for item in describe(path)["candidates"]]
    assert listed == ["/digitizer/channel1", "/scattering/pilatus"]
    description = describe(path, dataset_path="/scattering/pilatus")
    assert_reads(description, frames)
    with open_source(description) as reader:
        assert reader.read_columns(0, 12)["background"].sum() == 3


@pytest.mark.parametrize("period", [0, -1, np.nan])
def test_background_is_unknown_where_the_period_says_nothing(tmp_path, frames, period):
    path = write_fermi(tmp_path / "a.h5", frames, 100)
    with h5py.File(path, "a") as file:
        del file["Background_Period"]
        file["Background_Period"] = period
    with open_source(describe(path)) as reader:
        assert np.isnan(reader.read_columns(0, 12)["background"]).all()


def test_column_that_one_file_lacks_is_unknown_there(tmp_path, frames):
    paths = [write_fermi(tmp_path / f"{n}.h5", frames[6 * n : 6 * n + 6], 6 * n) for n in range(2)]
    with h5py.File(paths[1], "a") as file:
        del file["photon_diagnostics"]
    with open_source(describe(*paths)) as reader:
        assert np.isnan(reader.read_columns(4, 8)["i0"]).tolist() == [False, False, True, True]


def test_tags_of_sacla_are_one_stack_with_tags_as_train_ids(tmp_path, frames):
    description = describe(write_sacla(tmp_path / "266702.h5", frames))
    assert description["format"] == "sacla"
    assert description["dataset_path"] == "/run_266702/detector_2d_1/tag_{entry}/detector_data"
    assert_reads(description, frames.astype("f4"))
    with open_source(description) as reader:
        ids = reader.identify(2, 4)
        columns = reader.read_columns(2, 4)
    assert ids.train_id.tolist() == [121_943_654, 121_943_656]
    assert ids.path[0] == "/run_266702/detector_2d_1/tag_121943654/detector_data"
    assert columns["photon_energy"].tolist() == [4000, 4000]
    assert columns["absolute_gain"].tolist() == [17.5, 17.5]
    assert columns["pixel_size"].tolist() == [50, 50]
    assert description["columns"]["pixel_size"]["unit"] == "µm"


def test_each_detector_of_sacla_is_a_candidate_with_its_own_gain(tmp_path, frames):
    path = write_sacla(tmp_path / "266702.h5", frames)
    listed = [item["path"] for item in describe(path)["candidates"]]
    second = "/run_266702/detector_2d_2/tag_{entry}/detector_data"
    assert second in listed
    description = describe(path, dataset_path=second)
    assert_reads(description, 3 * frames.astype("f4"))
    with open_source(description) as reader:
        assert reader.read_columns(0, 1)["absolute_gain"].tolist() == [52.5]


def test_tags_whose_image_was_lost_are_told_of_and_their_values_left_out(tmp_path, frames):
    path = write_sacla(tmp_path / "266702.h5", frames, n_lost=3)
    with h5py.File(path, "a") as file:
        del file["run_266702/detector_2d_1/tag_121943652"]
    description = describe(path)
    assert description["n_frames"] == 11
    assert [state["state"] for state in description["states"]] == ["incomplete"]
    assert "4 of 15 shots" in description["states"][0]["words"]
    with open_source(description) as reader:
        energy = reader.read_columns(0, 3)["bm_1_pulse_energy_in_joule"]
    assert np.allclose(energy, np.array([121_943_650, 121_943_654, 121_943_656]) * 1e-12)


def test_runs_of_sacla_follow_each_other_although_their_paths_differ(tmp_path, frames):
    paths = [write_sacla(tmp_path / f"{run}.h5", frames, run) for run in (266702, 266703)]
    description = describe(*paths)
    assert_reads(description, np.concatenate([frames, frames]).astype("f4"))
    with open_source(description) as reader:
        assert reader.read_columns(11, 13)["photon_energy"].tolist() == [4000, 4000]
        assert reader.read_columns(11, 13)["absolute_gain"].tolist() == [17.5, 17.5]


def test_numbers_beside_the_frames_of_a_plain_file_are_columns(tmp_path, frames):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["run/images"] = frames
        file["run/energy"] = np.linspace(1, 2, 12)
        file["run/energy"].attrs["units"] = "mJ"
        file["run/trainId"] = np.arange(12)
        file["run/short"] = np.arange(5)
        file["elsewhere"] = np.arange(12)
    description = describe(tmp_path / "a.h5")
    assert description["columns"] == {"energy": {"unit": "mJ", "title": "energy"}}
    with open_source(description) as reader:
        assert np.allclose(reader.read_columns(10, 12)["energy"], np.linspace(1, 2, 12)[10:])


def test_columns_are_not_read_from_outside_the_root(tmp_path, frames):
    (tmp_path / "root").mkdir()
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["energy"] = np.arange(12.0)
    with h5py.File(tmp_path / "root/a.h5", "w") as file:
        file["images"] = frames
        file["energy"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/energy")
        file.create_dataset("raw", (12,), "u1", external=[(str(tmp_path / "secret.h5"), 0, 12)])
    description = describe(tmp_path / "root/a.h5")
    assert description["columns"] == {}
    place = {"path": "/energy", "pattern": "/energy", "scale": 1.0, "period": "", "index": ""}
    description["column_places"] = {"energy": place, "raw": {**place, "path": "/raw", "pattern": "/raw"}}
    with open_source(description) as reader:
        columns = reader.read_columns(0, 12)
    assert all(np.isnan(values).all() for values in columns.values())
