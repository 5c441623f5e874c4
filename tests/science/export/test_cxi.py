"""CXI that points at raw files or holds copies: read back by h5py, by our own reader, and by the rules."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.science.cxi_rules import faults_of
from tests.science.export.written_manifests import CLASSES, choose, index_of, matrix_of, write
from tests.science.io.layouts import describe, read_all, write_emc
from tests.science.io.written_files import (
    tagged_stack,
    write_cheetah,
    write_cxidb94,
    write_eiger,
    write_fermi,
    write_psocake,
    write_sacla,
    write_virtual_nexus,
)
from tests.science.io.written_runs import MODULE, write_camera, write_module
from workers.science.errors import RecipeError, SourceError
from workers.science.instrument import in_si
from workers.science.steps.file_labels import read_labels

DATA = "/entry_1/data_1/data"
DETECTOR = "/entry_1/instrument_1/detector_1"


def frames_of(n: int, shape: tuple[int, int] = (32, 40)) -> np.ndarray:
    return np.random.default_rng(n).poisson(3.0, (n, *shape)).astype(np.uint16)


def stack(path: Path, n: int = 9, first: int = 0) -> str:
    with h5py.File(path, "w") as file:
        file.create_dataset("entry/data", data=frames_of(n) + np.uint16(first), chunks=(2, 32, 40))
    return str(path)


def sources(folder: Path) -> dict[str, list[str]]:
    frames, mask = frames_of(6), np.zeros((32, 40), np.uint16)
    return {
        "stack": [stack(folder / "plain_1.h5"), stack(folder / "plain_2.h5", 4, 100)],
        "entries": [write_cxidb94(folder / "entries.cxi", frames, np.zeros((6, 3), np.int8))],
        "cheetah": [write_cheetah(folder / "cheetah.cxi", frames, mask, mask)],
        "psocake": [write_psocake(folder / "psocake.cxi", frames)],
        "fermi": [write_fermi(folder / "fermi_1.h5", frames, 700)],
        "sacla": [write_sacla(folder / "sacla.h5", frames)],
        "tagged": [tagged_stack(folder / "tagged.cxi", frames, np.zeros((2, 6), np.int8), ["a", "b"])],
    }


LAYOUTS = ("stack", "entries", "cheetah", "psocake", "fermi", "sacla", "tagged")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_virtual_cxi_of_any_layout_reads_the_chosen_frames_and_is_cxi(tmp_path, layout):
    source = describe(*sources(tmp_path)[layout])
    chosen = [0, 1, 3, source["n_frames"] - 1]
    write(source, tmp_path / "made", ["cxi"], chosen=choose(tmp_path / "made", chosen))
    path = tmp_path / "made/out/frames.cxi"
    assert faults_of(path) == []
    with h5py.File(path) as file:
        assert file[f"{DETECTOR}/data"].is_virtual
        assert np.array_equal(file[DATA][()], read_all(source)[chosen])
        assert file[DATA].dtype == np.dtype(source["dtype"])
        assert np.array_equal(file[f"{DETECTOR}/tags"][()], matrix_of(source["n_frames"])[chosen].T)
        assert [name.decode() for name in file[f"{DETECTOR}/tags"].attrs["headings"]] == CLASSES
        assert file["entry_1/origin_1/frame"][()].tolist() == chosen


def test_masters_whose_frames_lie_in_other_files_are_looked_through(tmp_path):
    for name, write_files in (("eiger", write_eiger), ("nexus", write_virtual_nexus)):
        folder = tmp_path / name
        folder.mkdir()
        frames = frames_of(6)
        master = write_files(folder, frames, np.zeros((32, 40), np.uint32)) if name == "eiger" else None
        source = describe(master or write_files(folder, frames))
        write(source, tmp_path / f"made-{name}", ["cxi"])
        path = tmp_path / f"made-{name}/out/frames.cxi"
        assert faults_of(path) == []
        with h5py.File(path) as file:
            assert np.array_equal(file[DATA][()], read_all(source))
            told = {Path(entry.file_name).name for entry in file[f"{DETECTOR}/data"].virtual_sources()}
        assert Path(source["files"][0]["path"]).name not in told


def run_of_modules(folder: Path, raw: bool) -> tuple[dict, np.ndarray]:
    folder.mkdir(exist_ok=True)
    frames = np.random.default_rng(1).integers(0, 900, (2, 5, *MODULE)).astype("u2")
    for module in range(2):
        images = np.stack([frames[module], frames[module] * 0 + 7], axis=1) if raw else frames[module]
        values = images if raw else images.astype("f4")
        path = folder / f"{'RAW' if raw else 'CORR'}-R0001-AGIPD{module:02d}-S00000.h5"
        pulses = [[0, 4], [0, 4, 8]]
        write_module(path, module, [10_000, 10_001], pulses, values)
    return describe(*sorted(folder.glob("*.h5"))), frames


@pytest.mark.parametrize("raw", [True, False])
def test_modules_of_a_run_stand_side_by_side_and_missing_ones_are_empty(tmp_path, raw):
    source, frames = run_of_modules(tmp_path / "run", raw)
    write(source, tmp_path / "made", ["cxi"], chosen=choose(tmp_path / "made", [1, 2, 4]))
    path = tmp_path / "made/out/frames.cxi"
    assert faults_of(path) == []
    with h5py.File(path) as file:
        data = file[DATA]
        assert data.shape == (3, 16, *MODULE)
        assert np.array_equal(data[:, :2], frames[:, [1, 2, 4]].swapaxes(0, 1))
        assert np.array_equal(data[0, 2], np.full(MODULE, 0 if raw else np.nan), equal_nan=True)
        assert file["entry_1/experiment_identifier"][()].tolist() == [b"10000:4", b"10001:0", b"10001:8"]
        assert file["entry_1/trainId"][()].tolist() == [10_000, 10_001, 10_001]


def test_a_camera_of_a_run_is_a_plain_stack(tmp_path):
    images = frames_of(4)
    camera = "SQS_NQS_PNCCD1MP/CAL/PNCCD_FMT-0:output"
    path = write_camera(tmp_path / "CORR-R0001-PNCCD01-S00000.h5", camera, "data/image", range(1, 5), images)
    source = describe(path)
    assert source["format"] == "euxfel"
    write(source, tmp_path / "made", ["cxi"])
    with h5py.File(tmp_path / "made/out/frames.cxi") as file:
        assert np.array_equal(file[DATA][()], images)


def test_there_is_a_file_for_each_class_and_a_frame_of_two_is_in_both(tmp_path):
    source = describe(stack(tmp_path / "a.h5"))
    result = write(source, tmp_path / "made", ["cxi-classes"])
    files = {path.name for path in (tmp_path / "made/out").glob("class-*.cxi")}
    assert files == {"class-Round.cxi", "class-Streak-bent.cxi", "class-Empty.cxi"}
    for name, column in zip(("Round", "Streak-bent", "Empty"), matrix_of(9).T, strict=True):
        path = tmp_path / f"made/out/class-{name}.cxi"
        assert faults_of(path) == []
        with h5py.File(path) as file:
            assert np.array_equal(file[DATA][()], read_all(source)[column])
    assert "that point at one raw file" in result["files"]["class-Round.cxi"]


@pytest.mark.parametrize("kind", ["stack", "emc", "npy"])
def test_a_copy_holds_the_frames_as_they_are_whatever_the_format(tmp_path, kind):
    frames = frames_of(7, (32, 32)).astype(np.int32)
    if kind == "emc":
        path = write_emc(tmp_path / "photons.emc", frames)
    elif kind == "npy":
        np.save(tmp_path / "stack.npy", frames)
        path = tmp_path / "stack.npy"
    else:
        path = stack(tmp_path / "a.h5", 7)
    source = describe(path)
    write(source, tmp_path / "made", ["cxi-copy"], chosen=choose(tmp_path / "made", [0, 2, 3, 6]))
    Path(path).unlink()  # a copy needs the raw files no more
    with h5py.File(tmp_path / "made/out/copy.cxi") as file:
        assert file[DATA].compression == "gzip"
        assert file[DATA].dtype == np.dtype(source["dtype"])
        expected = frames if kind != "stack" else frames_of(7)
        assert np.array_equal(file[DATA][()], expected[[0, 2, 3, 6]])
    assert faults_of(tmp_path / "made/out/copy.cxi") == []


def test_frames_that_are_no_hdf5_cannot_be_pointed_at_and_the_copy_is_offered(tmp_path):
    np.save(tmp_path / "stack.npy", frames_of(5))
    with pytest.raises(SourceError, match=r"points at HDF5 only\. Ask for a copy"):
        write(describe(tmp_path / "stack.npy"), tmp_path / "made", ["cxi"])


def test_a_copy_that_does_not_fit_on_the_disk_is_refused_before_it_begins(tmp_path, monkeypatch):
    from workers.science.export import write as module

    source = describe(stack(tmp_path / "a.h5"))
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(RecipeError, match=r"Copy of the frames: needs up to 0\.0 GB.*Choose fewer frames"):
        write(source, tmp_path / "made", ["cxi-copy"])
    assert list((tmp_path / "made/out").iterdir()) == []


def test_a_file_that_is_gone_leaves_its_frames_empty_and_is_told(tmp_path):
    source = describe(stack(tmp_path / "a.h5"), stack(tmp_path / "b.h5", 4, 50))
    assert write(source, tmp_path / "first", ["csv"])["n_frames"] == 13
    (tmp_path / "b.h5").unlink()
    result = write(source, tmp_path / "second", ["cxi"], index_dir=str(tmp_path / "first/index"))
    assert "4 of them could not be found" in result["files"]["frames.cxi"]
    assert "b.h5" in result["files"]["frames.cxi"]


def test_a_percent_sign_in_a_file_name_is_no_pattern(tmp_path):
    source = describe(stack(tmp_path / "run%b_50%.h5"))
    write(source, tmp_path / "made", ["cxi"])
    with h5py.File(tmp_path / "made/out/frames.cxi") as file:
        assert np.array_equal(file[DATA][()], read_all(source))


def test_files_that_were_moved_are_pointed_at_where_they_are_now(tmp_path):
    source = describe(stack(tmp_path / "a.h5"))
    (tmp_path / "elsewhere").mkdir()
    new = tmp_path / "elsewhere/a.h5"
    fingerprint = source["files"][0]["fingerprint"]
    (tmp_path / "a.h5").rename(new)
    moved = {"files": {str(tmp_path / "a.h5"): {"path": str(new), "fingerprint": fingerprint}}}
    moved["roots"] = [str(tmp_path / "elsewhere")]
    write({**source, "moved": moved}, tmp_path / "second", ["cxi", "crystfel"])
    with h5py.File(tmp_path / "second/out/frames.cxi") as file:
        assert np.array_equal(file[DATA][()], frames_of(9))
        (told,) = {entry.file_name for entry in file[f"{DETECTOR}/data"].virtual_sources()}
    assert told == str(new)
    assert (tmp_path / "second/out/frames.lst").read_text().splitlines()[0] == f"{new} //0"


def test_the_mask_has_the_bits_of_the_specification(tmp_path):
    source = describe(stack(tmp_path / "a.h5"))
    reasons = np.zeros((32, 40), np.uint8)
    reasons[0, :4] = [1, 4, 8 | 32, 64]
    (tmp_path / "condensed").mkdir()
    np.savez(tmp_path / "condensed/geometry.npz", reasons=reasons)
    write(source, tmp_path / "made", ["cxi"], condensed_dir=str(tmp_path / "condensed"))
    with h5py.File(tmp_path / "made/out/frames.cxi") as file:
        mask = file[f"{DETECTOR}/mask"]
        assert mask.dtype == np.uint32
        assert mask[0, :5].tolist() == [0x200, 0x8, 0x4 | 0x80, 0x10, 0]


@pytest.mark.parametrize("name", ["frames.cxi", "copy.cxi"])
def test_our_own_reader_finds_frames_and_labels_in_what_was_downloaded(tmp_path, name):
    source = describe(stack(tmp_path / "a.h5"), stack(tmp_path / "b.h5", 4, 50))
    write(source, tmp_path / "made", ["cxi", "cxi-copy"])
    again = describe(tmp_path / f"made/out/{name}", root=tmp_path)
    assert again["dataset_path"] == f"{DETECTOR}/data"
    assert again["label_names"] == CLASSES
    assert np.array_equal(read_all(again), read_all(source))
    (tmp_path / "labels").mkdir()
    found = read_labels(source=again, out=str(tmp_path / "labels"))
    with np.load(tmp_path / "labels/labels.npz") as labels:
        matrix = np.zeros((13, 3), bool)
        matrix[labels["indices"]] = labels["matrix"]
    assert found["classes"] == CLASSES
    assert np.array_equal(matrix, matrix_of(13))


def test_what_the_rules_refuse_is_seen(tmp_path):
    source = describe(stack(tmp_path / "a.h5"))
    write(source, tmp_path / "made", ["cxi"])
    path = tmp_path / "made/out/frames.cxi"
    with h5py.File(path, "a") as file:
        file["cxi_version"][...] = 160
        file[f"{DETECTOR}/data"].attrs["axes"] = "experiment_identifier:z:y:x"
        del file["entry_1/data_1/experiment_identifier"]
        file["number_of_entries"][...] = 3
        file.move("entry_1/instrument_1", "entry_1/instrument_2")
    assert len(faults_of(path)) >= 3


def test_frames_that_lie_scattered_over_a_large_file_are_all_found(tmp_path):
    numbers = np.arange(3000, dtype=np.uint32)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/data"] = np.broadcast_to(numbers[:, None, None], (3000, 8, 8))
    source = describe(tmp_path / "a.h5")
    chosen = np.sort(np.random.default_rng(0).choice(3000, 1300, replace=False))
    write(source, tmp_path / "made", ["cxi"], chosen=choose(tmp_path / "made", chosen.tolist()))
    with h5py.File(tmp_path / "made/out/frames.cxi") as file:
        assert np.array_equal(file[DATA][:, 3, 5], chosen)
        assert file[DATA][700, 0, 0] == chosen[700]
        assert len(file[f"{DETECTOR}/data"].virtual_sources()) < 100
    again = describe(tmp_path / "made/out/frames.cxi", root=tmp_path)
    assert np.array_equal(read_all(again)[:, 0, 0], chosen)


def test_frames_are_found_beside_the_file_when_the_raw_files_were_moved_there(tmp_path):
    source = describe(stack(tmp_path / "a.h5"))
    result = write(source, tmp_path / "made", ["cxi"])
    (tmp_path / "a.h5").rename(tmp_path / "made/out/a.h5")
    with h5py.File(tmp_path / "made/out/frames.cxi") as file:
        assert np.array_equal(file[DATA][()], frames_of(9))
    assert "or beside this file" in result["files"]["frames.cxi"]


def test_energy_distance_and_pixel_size_come_along_in_si_units(tmp_path):
    frames = frames_of(6)
    source = describe(write_cxidb94(tmp_path / "entries.cxi", frames, np.zeros((6, 3), np.int8)))
    index = index_of(source, tmp_path / "index")
    energy = np.linspace(20, 40, 6)
    table = pq.read_table(index / "frames.parquet").append_column("source_photon_energy", pa.array(energy))
    pq.write_table(table, index / "frames.parquet")
    write(source, tmp_path / "made", ["cxi"], index_dir=str(index))
    path = tmp_path / "made/out/frames.cxi"
    assert faults_of(path) == []
    with h5py.File(path) as file:
        joule = file["entry_1/instrument_1/source_1/energy"][()]
    assert np.allclose(joule, energy * 1.602176634e-19)
    again = describe(path, root=tmp_path)
    assert again["columns"]["photon_energy"]["unit"] == "eV"


def test_si_values_follow_from_wavelength_too_and_constants_are_scalars():
    columns = {"wavelength": np.array([45.0]), "distance": np.array([50.0]), "pixel_size": np.array([60.0])}
    found = in_si(columns, {"wavelength": "nm", "distance": "mm", "pixel_size": "µm"})
    assert found["energy"] == pytest.approx(1239.841984 / 45 * 1.602176634e-19)
    assert (found["distance"][0], found["pixel_size"][0]) == pytest.approx((0.05, 60e-6))
