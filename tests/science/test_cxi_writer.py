from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from workers.science.errors import SourceError
from workers.science.io.cxi_writer import CxiHeader, CxiWriter, PixelFault

DETECTOR = "/entry_1/instrument_1/detector_1"
HEADER = CxiHeader(
    n_frames=5,
    mask=np.full((6, 8), PixelFault.DEAD, np.uint32),
    distance_m=0.05,
    pixel_size_m=1e-3,
    headings=("Round", "Empty"),
    title="Simulated frames",
    description="Simulated for a test, λ = 45 nm",
    source_name="simulated source",
)
FRAMES = np.arange(5 * 6 * 8, dtype=np.uint16).reshape(5, 6, 8)
TAGS = np.array([[1, 0], [1, 0], [0, 1], [1, 0], [0, 1]], np.int8)
WAVELENGTHS_NM = np.array([20.0, 30.0, 40.0, 50.0, 60.0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "stack.cxi"
    with CxiWriter(target, HEADER) as cxi:
        cxi.append(FRAMES[:2], TAGS[:2], WAVELENGTHS_NM[:2])
        cxi.append(FRAMES[2:], TAGS[2:], WAVELENGTHS_NM[2:])
    return target


def test_the_root_says_version_and_number_of_entries(path: Path) -> None:
    with h5py.File(path) as file:
        assert file["cxi_version"].dtype.kind == "i"
        assert file["cxi_version"][()] == 160
        assert file["number_of_entries"][()] == len([name for name in file if name.startswith("entry_")]) == 1


def test_data_1_links_softly_to_the_detector_and_reads_the_frames(path: Path) -> None:
    with h5py.File(path) as file:
        link = file.get("/entry_1/data_1/data", getlink=True)
        assert isinstance(link, h5py.SoftLink)
        assert link.path == f"{DETECTOR}/data"
        data = file["/entry_1/data_1/data"]
        assert data.dtype == np.uint16
        assert data.chunks == (1, 6, 8)
        assert np.array_equal(data[:], FRAMES)


@pytest.mark.parametrize("group", ["/entry_1/data_1", DETECTOR, "/entry_1/instrument_1/source_1"])
def test_each_named_axis_stands_beside_its_data_with_its_length(path: Path, group: str) -> None:
    with h5py.File(path) as file:
        dataset = file[group]["energy" if "source" in group else "data"]
        axes = dataset.attrs["axes"]
        assert isinstance(axes, str)
        assert axes.split(":") == ["experiment_identifier", "y", "x"][: dataset.ndim]
        identifiers = file[group]["experiment_identifier"][:]
        assert len(set(identifiers)) == dataset.shape[0] == 5


def test_labels_are_tags_with_headings(path: Path) -> None:
    with h5py.File(path) as file:
        tags = file[f"{DETECTOR}/tags"]
        assert (tags.shape, tags.dtype) == ((2, 5), np.int8)
        assert tags.attrs["headings"].tolist() == [b"Round", b"Empty"]
        assert np.array_equal(tags[:], TAGS.T)


def test_quantities_are_in_si_units(path: Path) -> None:
    with h5py.File(path) as file:
        assert file[f"{DETECTOR}/distance"][()] == 0.05
        assert file[f"{DETECTOR}/x_pixel_size"][()] == file[f"{DETECTOR}/y_pixel_size"][()] == 1e-3
        energy_ev = file["/entry_1/instrument_1/source_1/energy"][:] / 1.602176634e-19
        np.testing.assert_allclose(energy_ev, 1239.841984 / WAVELENGTHS_NM)
        corner, basis = file[f"{DETECTOR}/corner_position"][:], file[f"{DETECTOR}/basis_vectors"][:]
        centre = corner + basis[0] * 6 / 2 + basis[1] * 8 / 2
        np.testing.assert_allclose(centre, [0, 0, 0.05], atol=1e-12)


def test_the_mask_is_static_and_bears_the_bits_of_cxi(path: Path) -> None:
    with h5py.File(path) as file:
        mask = file[f"{DETECTOR}/mask"]
        assert (mask.shape, mask.dtype) == ((6, 8), np.uint32)
        assert (mask[:] == 0x8).all()
    bits = {"INVALID": 0x1, "SATURATED": 0x2, "HOT": 0x4, "DEAD": 0x8, "SHADOWED": 0x10, "BAD": 0x80}
    bits |= {"MISSING": 0x200, "NOISY": 0x400, "HAS_SIGNAL": 0x1000}
    assert {fault.name: fault.value for fault in PixelFault} == bits


def test_texts_are_stored_at_a_fixed_length_and_dates_as_iso_8601(path: Path) -> None:
    with h5py.File(path) as file:
        for name in ("title", "experiment_description", "program_name", "start_time", "end_time"):
            assert file["entry_1"][name].dtype.kind == "S"
        assert file["entry_1/experiment_description"][()].decode() == HEADER.description
        start = file["entry_1/start_time"][()].decode()
        assert np.datetime64(start[:19]) > np.datetime64("2020-01-01")


def test_nothing_is_seen_under_the_name_before_all_is_written(tmp_path: Path) -> None:
    target = tmp_path / "stack.cxi"
    with CxiWriter(target, HEADER) as cxi:
        cxi.append(FRAMES, TAGS, WAVELENGTHS_NM)
        assert not target.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["stack.cxi"]


def test_an_error_keeps_the_former_file_and_leaves_no_rest(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(SourceError), CxiWriter(path, HEADER) as cxi:
        cxi.append(FRAMES[:, :5], TAGS, WAVELENGTHS_NM)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["stack.cxi"]


def test_too_few_frames_are_refused_at_the_end(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="2 of 5"), CxiWriter(tmp_path / "stack.cxi", HEADER) as cxi:
        cxi.append(FRAMES[:2], TAGS[:2], WAVELENGTHS_NM[:2])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("frames", [FRAMES[:, :5], np.concatenate((FRAMES, FRAMES))])
def test_frames_of_another_shape_or_too_many_are_refused(tmp_path: Path, frames: np.ndarray) -> None:
    tags, wavelengths = np.zeros((len(frames), 2), np.int8), np.ones(len(frames))
    with (
        pytest.raises(SourceError, match="do not fit"),
        CxiWriter(tmp_path / "stack.cxi", HEADER) as cxi,
    ):
        cxi.append(frames, tags, wavelengths)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="at least one"):
        CxiWriter(tmp_path / "stack.cxi", replace(HEADER, n_frames=0))
