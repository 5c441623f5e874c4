"""Runs of the European XFEL: modules are joined, put into images, and what they miss is told."""

import json
import shutil
from pathlib import Path

import extra_data
import extra_data.components
import extra_geom
import h5py
import numpy as np
import pytest
from extra_data.tests.make_examples import make_lpd_run_mini_missed_train

from tests.science.io.written_runs import AGIPD, MODULE, write_camera, write_gas_monitor, write_module
from workers.science.errors import SourceError
from workers.science.io import describe_source, iterate_blocks, open_source

TRAINS, PULSES = [10_000, 10_001], [[0, 4], [0, 4, 8]]
QUADRANTS = [(-525, 625), (-550, -10), (520, -160), (542.5, 475)]


def _images(n_rows: int, module: int) -> np.ndarray:
    """Images in which each pixel says where it is from: module, row, and a pattern along both axes."""
    pattern = np.add.outer(np.arange(MODULE[0]) // 8, np.arange(MODULE[1]) // 8)
    return (1000 * module + 100 * np.arange(n_rows)[:, None, None] + pattern).astype("u2")


def _raw(images: np.ndarray) -> np.ndarray:
    return np.stack([images, np.full_like(images, 60_000)], axis=1)


def _path(folder: Path, module: int, kind: str = "RAW", sequence: int = 0) -> Path:
    return folder / f"{kind}-R0001-AGIPD{module:02d}-S{sequence:05d}.h5"


def _describe(folder: Path, **options: object) -> dict:
    sources = sorted(str(path) for path in folder.glob("*.h5"))
    return describe_source(sources=sources, roots=[str(folder)], **options)


def _expected(modules: np.ndarray, quadrants: list = QUADRANTS) -> np.ndarray:
    geometry = extra_geom.AGIPD_1MGeometry.from_quad_positions(quadrants)
    return geometry.position_modules(modules.astype("f4"))[0]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A raw run of five frames, all modules there."""
    folder = tmp_path_factory.mktemp("raw")
    for module in range(16):
        write_module(_path(folder, module), module, TRAINS, PULSES, _raw(_images(5, module)))
    return folder


@pytest.fixture
def run(written, tmp_path):
    """A copy of the raw run that a test may change."""
    return Path(shutil.copytree(written, tmp_path / "r0001"))


@pytest.fixture(scope="module")
def modules():
    return np.stack([_images(5, module) for module in range(16)], axis=1)


def test_modules_are_joined_and_put_where_extra_geom_puts_them(written, modules):
    description = json.loads(json.dumps(_describe(written)))
    assert (description["format"], description["reader"]) == ("euxfel", "euxfel")
    assert description["format_words"] == "European XFEL run"
    assert description["dataset_path"] == f"/INSTRUMENT/{AGIPD}/DET/*CH0:xtdf/image/data"
    assert description["candidates"][0]["shape"] == [5, 16, *MODULE]
    assert description["states"] == []
    assert any("no geometry file beside the run" in warning for warning in description["warnings"])
    expected = _expected(modules)
    assert (description["n_frames"], description["height"], description["width"]) == expected.shape
    with open_source(description) as reader:
        frames = reader.read(0, 5)
        assert frames.dtype == np.dtype(description["dtype"]) == np.float32
        assert np.array_equal(frames, expected, equal_nan=True)
        assert np.array_equal(reader.read_mask(), np.isfinite(expected[0]))
        assert reader.read_columns(0, 5)["missing_modules"].tolist() == [0] * 5
        assert reader.read_labels(0, 5) is None


def test_any_range_of_a_run_is_the_same_as_a_slice(written, modules):
    expected = _expected(modules)
    with open_source(_describe(written)) as reader:
        for start, stop in ((4, 5), (1, 3), (2, 5), (0, 2)):
            assert np.array_equal(reader.read(start, stop), expected[start:stop], equal_nan=True)
        lengths = [
            len(block) for _, block in iterate_blocks(reader, 0, 5, block_bytes=4 * expected[0].nbytes)
        ]
    assert lengths == [2, 2, 1]


def test_frames_of_a_run_are_known_by_train_pulse_and_cell(written):
    with open_source(_describe(written)) as reader:
        ids = reader.identify(1, 5)
    assert ids.train_id.tolist() == [10_000, 10_001, 10_001, 10_001]
    assert ids.pulse_id.tolist() == [4, 0, 4, 8]
    assert ids.cell_id.tolist() == [2, 0, 2, 4]
    assert ids.source_index.tolist() == [1, 2, 3, 4]
    assert ids.source == [str(_path(written, 0))] * 4
    assert ids.path[0] == f"/INSTRUMENT/{AGIPD}/DET/0CH0:xtdf/image/data"


def test_pixels_that_the_calibration_calls_bad_are_nan(tmp_path, modules):
    for module in range(16):
        path = _path(tmp_path, module, "CORR")
        write_module(path, module, TRAINS, PULSES, _images(5, module).astype("f4") - 0.5)
        with h5py.File(path, "a") as file:
            group = file[f"INSTRUMENT/{AGIPD}/DET/{module}CH0:xtdf/image"]
            group.create_dataset("mask", (5, *MODULE), "u4")
            if module == 3:
                group["mask"][2, 7, 9] = 2
    expected = modules.astype("f4") - 0.5
    expected[2, 3, 7, 9] = np.nan
    with open_source(_describe(tmp_path)) as reader:
        assert np.array_equal(reader.read(0, 5), _expected(expected), equal_nan=True)


def test_module_without_a_file_is_nan_and_told_of(run, modules):
    _path(run, 5).unlink()
    description = _describe(run)
    assert [state["state"] for state in description["states"]] == ["incomplete"]
    assert "module 5 is missing" in description["states"][0]["words"]
    expected = modules.astype("f4")
    expected[:, 5] = np.nan
    with open_source(description) as reader:
        assert np.array_equal(reader.read(0, 5), _expected(expected), equal_nan=True)
        assert reader.read_columns(0, 5)["missing_modules"].tolist() == [1] * 5


def test_train_that_a_module_misses_is_named_and_its_other_modules_are_read(run, modules):
    write_module(_path(run, 0), 0, TRAINS[1:], PULSES[1:], _raw(_images(5, 0)[2:]))
    description = _describe(run)
    assert description["n_frames"] == 5
    assert "module 0 misses 1 of 2 trains: 10000" in description["states"][0]["words"]
    expected = modules.astype("f4")
    expected[:2, 0] = np.nan
    with open_source(description) as reader:
        assert np.array_equal(reader.read(0, 5), _expected(expected), equal_nan=True)
        assert reader.read_columns(0, 5)["missing_modules"].tolist() == [1, 1, 0, 0, 0]
        ids = reader.identify(0, 5)
    assert ids.source == [str(_path(run, 1))] * 2 + [str(_path(run, 0))] * 3
    assert ids.source_index.tolist() == [0, 1, 0, 1, 2]


def test_modules_are_joined_on_pulse_ids_and_not_on_rows(run, modules):
    order = [[4, 0], [8, 0]]  # another order, and one pulse less
    rows = [1, 0, 4, 2]
    write_module(_path(run, 2), 2, TRAINS, order, _raw(_images(5, 2)[rows]))
    description = _describe(run)
    assert "module 2 misses 1 of 5 frames" in description["states"][0]["words"]
    expected = modules.astype("f4")
    expected[3, 2] = np.nan
    with open_source(description) as reader:
        assert np.array_equal(reader.read(0, 5), _expected(expected), equal_nan=True)
        assert reader.read_columns(2, 5)["missing_modules"].tolist() == [0, 1, 0]


def test_trains_out_of_order_are_told_of_and_read_in_order(run, modules):
    write_module(_path(run, 7), 7, TRAINS[::-1], PULSES[::-1], _raw(_images(5, 7)[[2, 3, 4, 0, 1]]))
    description = _describe(run)
    assert [(state["file"], state["state"]) for state in description["states"]] == [
        (str(_path(run, 7)), "unordered")
    ]
    with open_source(description) as reader:
        assert np.array_equal(reader.read(0, 5), _expected(modules), equal_nan=True)
        assert reader.identify(0, 5).train_id.tolist() == [10_000] * 2 + [10_001] * 3


def test_sequences_of_a_run_follow_each_other(run, modules):
    for module in range(16):
        write_module(_path(run, module, sequence=1), module, [10_002], [[0]], _raw(_images(1, module)))
    description = _describe(run)
    assert description["n_frames"] == 6
    expected = _expected(np.concatenate([modules, modules[:1]]))
    with open_source(description) as reader:
        assert np.array_equal(reader.read(3, 6), expected[3:], equal_nan=True)
        assert reader.identify(5, 6).source == [str(_path(run, 0, sequence=1))]


def test_geometry_file_beside_the_run_is_used(run, modules):
    moved = [(x + 10, y - 30) for x, y in QUADRANTS[:1]] + QUADRANTS[1:]
    extra_geom.AGIPD_1MGeometry.from_quad_positions(moved).write_crystfel_geom(str(run / "measured.geom"))
    description = _describe(run)
    assert any("measured.geom" in warning for warning in description["warnings"])
    assert str(run / "measured.geom") in [item["path"] for item in description["files"]]
    with open_source(description) as reader:
        assert np.array_equal(reader.read(0, 1), _expected(modules[:1], moved), equal_nan=True)
    (run / "measured.geom").write_text("; another one\n")
    with pytest.raises(SourceError, match="has changed"):
        open_source(description)


def test_geometry_file_that_cannot_be_read_is_told_of_and_passed_over(run, modules):
    (run / "broken.geom").write_text("no geometry = 1\n")
    description = _describe(run)
    assert any("broken.geom" in warning and "not used" in warning for warning in description["warnings"])
    with open_source(description) as reader:
        assert np.array_equal(reader.read(0, 1), _expected(modules[:1]), equal_nan=True)


def test_geometry_file_above_the_root_is_not_looked_for(run, modules):
    (run.parent / "above.geom").write_text("secret\n")
    assert not any("above.geom" in warning for warning in _describe(run)["warnings"])


def test_pulse_energy_of_the_train_is_a_column(run):
    write_gas_monitor(
        run / "RAW-R0001-DA01-S00000.h5", "SA1_XTD2_XGM/DOOCS/MAIN", [10_001], np.array([850.0])
    )
    description = _describe(run)
    assert description["columns"]["pulse_energy_sa1_xtd2_xgm"]["unit"] == "µJ"
    with open_source(description) as reader:
        energy = reader.read_columns(0, 5)["pulse_energy_sa1_xtd2_xgm"]
    assert np.isnan(energy).tolist() == [True, True, False, False, False]
    assert energy[2:].tolist() == [850] * 3


def test_pulse_energies_of_two_gas_monitors_are_told_apart_by_their_places(run):
    for number, place in enumerate(("SA1_XTD2", "SPB_XTD9")):
        path = run / f"RAW-R0001-DA0{number}-S00000.h5"
        write_gas_monitor(path, f"{place}_XGM/DOOCS/MAIN", TRAINS, np.array([850.0, 900.0]) - number)
    description = _describe(run)
    titles = {name: column["title"] for name, column in description["columns"].items()}
    assert titles["pulse_energy_sa1_xtd2_xgm"] == "Pulse energy at SA1 XTD2"
    assert titles["pulse_energy_spb_xtd9_xgm"] == "Pulse energy at SPB XTD9"
    with open_source(description) as reader:
        columns = reader.read_columns(0, 5)
    assert columns["pulse_energy_spb_xtd9_xgm"].tolist() == [849] * 2 + [899] * 3
    assert columns["pulse_energy_sa1_xtd2_xgm"].tolist() == [850] * 2 + [900] * 3


def test_detector_in_one_piece_is_read_as_it_is(tmp_path):
    images = np.random.default_rng(0).normal(size=(4, 64, 48)).astype("f4")
    source = "SQS_NQS_PNCCD1MP/CAL/PNCCD_FMT-0:output"
    path = tmp_path / "CORR-R0002-PNCCD01-S00000.h5"
    write_camera(path, source, "data/image", [7, 8, 9, 11], images)
    description = _describe(tmp_path)
    assert description["dataset_path"] == f"/INSTRUMENT/{source}/data/image"
    assert description["columns"] == {}
    with open_source(description) as reader:
        assert np.array_equal(reader.read(1, 4), images[1:])
        ids = reader.identify(0, 4)
        assert reader.read_mask() is None
    assert ids.train_id.tolist() == [7, 8, 9, 11]
    assert ids.pulse_id.mask.all()


def test_camera_of_a_run_can_be_chosen_instead_of_its_large_detector(run):
    images = np.arange(2 * 40 * 30, dtype="u2").reshape(2, 40, 30)
    source = "SPB_IRU_CAM/CAM/SIDEMIC:daqOutput"
    write_camera(run / "RAW-R0001-DA01-S00000.h5", source, "data/image/pixels", TRAINS, images)
    path = f"/INSTRUMENT/{source}/data/image/pixels"
    description = _describe(run)
    assert description["n_frames"] == 5
    assert path in [item["path"] for item in description["candidates"]]
    with open_source(_describe(run, dataset_path=path)) as reader:
        assert np.array_equal(reader.read(0, 2), images)
    with pytest.raises(SourceError, match="no such detector"):
        _describe(run, dataset_path="/INSTRUMENT/ELSEWHERE")


def test_what_extra_data_itself_writes_for_tests_is_read_with_all_that_is_missing(tmp_path):
    make_lpd_run_mini_missed_train(tmp_path)
    description = _describe(tmp_path)  # an LPD, of which only two modules are there
    assert description["n_frames"] == 50
    assert "module 1 misses 1 of 5 trains: 10002" in " ".join(item["words"] for item in description["states"])
    assert sum("missing in the whole run" in item["words"] for item in description["states"]) == 14
    with open_source(description) as reader:
        missing = reader.read_columns(0, 50)["missing_modules"]
        # EXtra-data's generator marks the ninth frame of each train that module 1 has with 1 to 4
        marked = [np.nanmax(reader.read(number, number + 1)) for number in (8, 18, 28, 38, 48)]
    assert missing.tolist() == [14] * 20 + [15] * 10 + [14] * 20
    assert marked == [1, 2, 0, 3, 4]


def test_file_with_a_link_out_of_it_is_left_out_before_extra_data_opens_it(run, tmp_path, monkeypatch):
    secret = tmp_path / "secret.h5"
    shutil.copy(_path(run, 4), secret)
    place = f"INSTRUMENT/{AGIPD}/DET/4CH0:xtdf/image/data"
    with h5py.File(_path(run, 4), "a") as file:
        del file[place]
        file[place] = h5py.ExternalLink(str(secret), place)
    opened = []
    from_path = extra_data.DataCollection.from_path
    monkeypatch.setattr(
        extra_data.DataCollection,
        "from_path",
        lambda path, *rest: opened.append(path) or from_path(path, *rest),
    )
    description = _describe(run)
    assert len(opened) == 15
    assert str(_path(run, 4)) not in opened
    states = {item["file"]: item["state"] for item in description["states"] if "left out" in item["words"]}
    assert states == {str(_path(run, 4)): "unreadable"}
    with open_source(description) as reader:
        assert reader.read_columns(0, 5)["missing_modules"].tolist() == [1] * 5


def test_raw_data_in_another_file_and_virtual_datasets_are_refused_in_a_run(tmp_path):
    write_module(_path(tmp_path, 0), 0, TRAINS, PULSES, _raw(_images(5, 0)))
    place = f"INSTRUMENT/{AGIPD}/DET/0CH0:xtdf/image/pulseId"
    with h5py.File(_path(tmp_path, 0), "a") as file:
        del file[place]
        file.create_dataset(place, (5,), "u8", external=[("/etc/passwd", 0, 40)])
    with pytest.raises(SourceError, match="external raw storage"):
        _describe(tmp_path)
    layout = h5py.VirtualLayout((5,), "u8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (5,))
    with h5py.File(_path(tmp_path, 0), "a") as file:
        del file[place]
        file.create_virtual_dataset(place, layout)
    with pytest.raises(SourceError, match="virtual dataset"):
        _describe(tmp_path)


def test_run_file_that_changed_after_it_was_described_is_refused(run):
    description = _describe(run)
    write_module(_path(run, 3), 3, TRAINS, PULSES, _raw(_images(5, 4)))
    with open_source(description) as reader, pytest.raises(SourceError, match="has changed"):
        reader.read(0, 1)


def test_run_without_a_detector_is_refused(tmp_path):
    write_gas_monitor(tmp_path / "RAW-R0001-DA01-S00000.h5", "SA1_XTD2_XGM/DOOCS/MAIN", [1], np.array([1.0]))
    with pytest.raises(SourceError, match="holds no detector"):
        _describe(tmp_path)


@pytest.mark.parametrize("kind", ["RAW", "CORR"])
def test_virtual_cxi_that_extra_data_writes_is_read_as_cxi(tmp_path, modules, kind):
    for module in range(16):
        images = _images(5, module).astype("f4") if kind == "CORR" else _raw(_images(5, module))
        write_module(_path(tmp_path, module, kind), module, TRAINS, PULSES, images)
    opened = extra_data.RunDirectory(str(tmp_path))
    extra_data.components.AGIPD1M(opened, raw=kind == "RAW").write_virtual_cxi(str(tmp_path / "run.cxi"))
    for file in opened.files:
        file.close()  # the HDF5 library keeps one setting for all who have a file open
    description = describe_source(sources=[str(tmp_path / "run.cxi")], roots=[str(tmp_path)])
    assert description["reader"] == "hdf5"
    assert description["n_frames"] == 5
    with open_source(description) as reader:
        assert np.array_equal(reader.read(1, 4), modules[1:4].reshape(3, -1, MODULE[1]))
        ids = reader.identify(0, 5)
    assert ids.train_id.tolist() == [10_000] * 2 + [10_001] * 3
    assert ids.pulse_id.tolist() == [0, 4, 0, 4, 8]
