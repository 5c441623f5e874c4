"""Dragonfly's sparse photons are put together to frames, with a detector file or without."""

import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.science.io.layouts import (
    assert_reads,
    describe,
    detector_columns,
    read_all,
    try_all,
    write_emc,
    write_sparse_h5,
)
from workers.science.errors import SourceError
from workers.science.io import open_source

DISTANCE, RADIUS = 400.0, 250.0


@pytest.fixture
def frames():
    frames = np.random.default_rng(5).poisson(0.6, (6, 16, 16)).astype(np.int32)
    frames[2] = 0
    frames[3, 0, 0] = 70_000
    return frames


@pytest.mark.parametrize("write", [write_emc, write_sparse_h5])
def test_photons_are_read_as_a_square_and_that_is_said(tmp_path, frames, write):
    path = write(tmp_path / ("a.emc" if write is write_emc else "a.h5"), frames)
    description = describe(path)
    assert (description["reader"], description["dataset_path"]) == ("dragonfly", "photons")
    assert "16 x 16 pixels are assumed" in description["warnings"][0]
    assert_reads(description, frames)


def test_lists_in_chunks_are_read(tmp_path, frames):
    path = write_sparse_h5(tmp_path / "a.h5", frames, chunks=(4,), maxshape=(None,))
    assert_reads(describe(path), frames)


def test_other_hdf5_files_stay_with_the_reader_of_hdf5(tmp_path, frames):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = frames
        file["num_pix"] = 256
    assert describe(tmp_path / "a.h5")["reader"] == "hdf5"


def write_detector(path, rows, columns, mask, sign=1.0):
    qx, qy, qz = detector_columns(rows, columns, DISTANCE, RADIUS)
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["qx"], file["qy"], file["qz"], file["corr"] = qx, qy, sign * qz, np.ones(len(qx))
            file["mask"], file["detd"], file["ewald_rad"] = mask.astype(np.uint8), DISTANCE, RADIUS
        return
    lines = [f"{len(qx)} {DISTANCE} {RADIUS}"]
    lines += [
        f"{x:.15e} {y:.15e} {sign * z:.15e} 1.0 {bad}" for x, y, z, bad in zip(qx, qy, qz, mask, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("name", ["det_a.h5", "det_a.dat"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_detector_file_gives_shape_places_and_mask(tmp_path, name, sign):
    random = np.random.default_rng(7)
    rows, columns = (item.ravel() for item in np.mgrid[-6.0:6.0, -10.0:10.0])
    order = random.permutation(len(rows))[:200]  # 40 pixels are missing, the rest stand in any order
    order = np.unique(np.append(order, [0, len(rows) - 1]))
    random.shuffle(order)
    mask = np.zeros(len(order), int)
    mask[5], mask[6] = 1, 2
    write_detector(tmp_path / name, rows[order], columns[order], mask, sign)
    counts = random.poisson(1.0, (3, len(order))).astype(np.int32)
    frames = np.zeros((3, 12 * 20), np.int32)
    frames[:, order] = counts
    description = describe(write_emc(tmp_path / "a.emc", counts))
    assert description["warnings"] == []
    assert description["mask_path"] == str(tmp_path / name)
    assert {item["path"]: item["linked"] for item in description["files"]}[str(tmp_path / name)]
    assert_reads(description, frames.reshape(3, 12, 20))
    good = np.zeros(12 * 20, bool)
    good[order] = mask < 2
    with open_source(description) as reader:
        assert np.array_equal(reader.read_mask(), good.reshape(12, 20))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "256\n",
        "256 nan nan\n" + "0 0 0 1 0\n" * 256,
        "256 400 250\n" + "0 0 0 1 0\n" * 256,
        "256 400 250\n" + "0 0 0 1 0\n" * 3,
        "256 400 250\n" + "words\n" * 256,
        "256 400 250\n" + "1e300 0 0 1 0\n" * 256,
        "999999999999 400 250\n",
        "\xff\xfe",
    ],
)
def test_detector_file_that_does_not_fit_is_passed_over(tmp_path, frames, text):
    (tmp_path / "det_a.dat").write_bytes(text.encode("latin-1"))
    description = describe(write_emc(tmp_path / "a.emc", frames))
    assert len(description["files"]) == 1
    assert_reads(description, frames)


def test_detector_file_that_is_a_link_leading_out_is_not_read(tmp_path, frames):
    (tmp_path / "root").mkdir()
    rows, columns = (item.ravel() for item in np.mgrid[0.0:8.0, 0.0:32.0])
    write_detector(tmp_path / "det_a.dat", rows, columns, np.zeros(256, int))
    (tmp_path / "root" / "det_a.dat").symlink_to(tmp_path / "det_a.dat")
    description = describe(write_emc(tmp_path / "root" / "a.emc", frames))
    assert (description["height"], description["width"]) == (16, 16)


def test_detector_that_changes_is_noticed(tmp_path, frames):
    rows, columns = (item.ravel() for item in np.mgrid[0.0:16.0, 0.0:16.0])
    write_detector(tmp_path / "det_a.dat", rows, columns, np.zeros(256, int))
    description = describe(write_emc(tmp_path / "a.emc", frames))
    write_detector(tmp_path / "det_a.dat", columns, rows, np.zeros(256, int))
    with pytest.raises(SourceError, match=r"det_a\.dat: the file has changed"):
        read_all(description)


def test_pixels_that_are_no_square_need_a_detector(tmp_path):
    with pytest.raises(SourceError, match="240 pixels, which is no square"):
        describe(write_emc(tmp_path / "a.emc", np.ones((2, 240), np.int32)))


def damaged_emc(whole):
    """Yield what was done to the file, and its bytes."""
    yield "header alone", whole[:1024]
    yield "half a header", whole[:500]
    yield "last byte missing", whole[:-1]
    yield "a word more", whole + bytes(4)
    for name, place, value in (
        ("frames", 0, 2**31 - 1),
        ("frames", 0, -5),
        ("pixels", 4, 0),
        ("pixels", 4, -1),
        ("dense", 8, 1),
        ("rubbish", 100, 7),
        ("ones", 1024, 2**31 - 1),
        ("ones", 1024, -1),
        ("multi", 1024 + 24, 250),
    ):
        yield f"{name} {value}", whole[:place] + struct.pack("<i", value) + whole[place + 4 :]


def test_emc_whose_counts_are_wrong_is_refused(tmp_path, frames):
    whole = Path(write_emc(tmp_path / "a.emc", frames)).read_bytes()
    for words, content in damaged_emc(whole):
        (tmp_path / "a.emc").write_bytes(content)
        assert "a.emc" in try_all(tmp_path / "a.emc")[1], words


@pytest.mark.parametrize("place", [-1, 256, 2**31 - 1])
def test_pixel_outside_of_the_frame_is_refused_when_it_is_read(tmp_path, frames, place):
    path = tmp_path / "a.emc"
    whole = bytearray(Path(write_emc(path, frames)).read_bytes())
    whole[1024 + 48 : 1024 + 52] = struct.pack("<i", place)
    path.write_bytes(whole)
    with pytest.raises(SourceError, match="frame 0 names a pixel outside"):
        read_all(describe(path))


def test_list_longer_than_the_frame_is_refused_before_it_is_read(tmp_path, frames):
    path = write_sparse_h5(tmp_path / "a.h5", frames)
    with h5py.File(path) as file:
        offset = file["place_multi"].id.get_offset()
    whole = bytearray(Path(path).read_bytes())
    for length in (257, 2**32 - 1):
        whole[offset : offset + 4] = struct.pack("<I", length)
        (tmp_path / "b.h5").write_bytes(whole)
        with pytest.raises(SourceError, match=f"a list of {length} numbers"):
            describe(tmp_path / "b.h5")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda file: file.__delitem__("num_pix"), "no .*frames|plain numbers"),
        (lambda file: file["num_pix"].__setitem__(0, 0), "0 pixels"),
        (lambda file: file["num_pix"].__setitem__(0, 2**40), "pixels"),
        (lambda file: file["num_pix"].__setitem__(0, 16), "a list of"),
        (lambda file: file.move("place_ones", "other"), "frames|plain numbers"),
        (lambda file: _replace(file, "count_multi", 5), "shape"),
        (lambda file: _replace(file, "count_multi", 6, compression="gzip", chunks=(2,)), "compressed"),
        (lambda file: _replace(file, "count_multi", 6, kind=h5py.string_dtype()), "frames|plain numbers"),
    ],
)
def test_sparse_hdf5_that_is_not_whole_is_refused(tmp_path, frames, spoil, words):
    path = write_sparse_h5(tmp_path / "a.h5", frames)
    with h5py.File(path, "r+") as file:
        spoil(file)
    with pytest.raises(SourceError, match=words):
        describe(path)


def _replace(file, name, length, kind=None, **options):
    del file[name]
    file.create_dataset(name, (length,), kind or h5py.vlen_dtype(np.int32), **options)


def test_lists_behind_an_external_link_are_refused(tmp_path, frames):
    (tmp_path / "root").mkdir()
    write_sparse_h5(tmp_path / "secret.h5", frames)
    path = write_sparse_h5(tmp_path / "root" / "a.h5", frames)
    with h5py.File(path, "r+") as file:
        del file["place_ones"]
        file["place_ones"] = h5py.ExternalLink("../secret.h5", "/place_ones")
    with pytest.raises(SourceError):
        describe(path)


def test_flipped_bytes_end_in_a_line_that_names_the_file_or_in_frames(tmp_path, frames):
    whole = Path(write_sparse_h5(tmp_path / "a.h5", frames)).read_bytes()
    random = np.random.default_rng(3)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), 8):
            damaged[place] ^= 1 << int(random.integers(8))
        (tmp_path / "b.h5").write_bytes(damaged)
        found, line = try_all(tmp_path / "b.h5")
        assert "b.h5" in line if found is None else found.ndim == 3
