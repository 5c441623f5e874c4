"""NumPy files are read as they were written, and damaged or hostile ones are refused in a line."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from tests.science.io.layouts import assert_reads, describe, read_all
from tests.science.synthetic import diffraction_frames
from workers.science.errors import SourceError
from workers.science.io import npy, open_source


@pytest.fixture
def frames():
    return diffraction_frames(8, 16)[0]


class Trap:
    """Unpickling this creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mknod, (str(self.path),))


@pytest.mark.parametrize("kind", ["uint8", ">u2", "<i4", "int64", "float32", ">f8", "float16"])
def test_array_of_each_type_is_read_as_it_was_written(tmp_path, frames, kind):
    np.save(tmp_path / "a.npy", (frames % 200).astype(kind))
    description = describe(tmp_path / "a.npy")
    assert (description["reader"], description["dataset_path"]) == ("npy", "array")
    assert_reads(description, (frames % 200).astype(kind))


def test_array_of_one_frame_is_a_stack_of_one(tmp_path, frames):
    np.save(tmp_path / "a.npy", frames[0, :10])
    assert_reads(describe(tmp_path / "a.npy"), frames[:1, :10])


@pytest.mark.parametrize("plane_bytes", [0, npy._PLANE_BYTES])
def test_fortran_order_is_turned_round_and_told_of(tmp_path, frames, monkeypatch, plane_bytes):
    monkeypatch.setattr(npy, "_PLANE_BYTES", plane_bytes)
    np.save(tmp_path / "a.npy", np.asfortranarray(frames[:, :12]))
    description = describe(tmp_path / "a.npy")
    assert "Fortran" in description["warnings"][0]
    assert_reads(description, frames[:, :12])


def test_one_frame_in_fortran_order_is_turned_round(tmp_path, frames):
    np.save(tmp_path / "a.npy", np.asfortranarray(frames[3, :9]))
    np.savez_compressed(tmp_path / "a.npz", frames=np.asfortranarray(frames[3, :9]))
    assert_reads(describe(tmp_path / "a.npy"), frames[3:4, :9])
    assert_reads(describe(tmp_path / "a.npz"), frames[3:4, :9])


def test_identity_says_file_name_and_index(tmp_path, frames):
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, frames)
    with open_source(describe(tmp_path / "a.npy", tmp_path / "b.npy")) as reader:
        ids = reader.identify(6, 10)
    assert [os.path.basename(source) for source in ids.source] == ["a.npy"] * 2 + ["b.npy"] * 2  # noqa: PTH119
    assert ids.path == ["array"] * 4
    assert list(ids.source_index) == [6, 7, 0, 1]
    assert ids.train_id.mask.all()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 16, 16), complex), "square of their magnitude"),
        (np.zeros((4, 16, 16), bool), "not plain numbers"),
        (np.zeros((4, 16, 16), "S4"), "not plain numbers"),
        (np.zeros((4, 16, 16), [("a", "f4")]), "not plain numbers"),
        (np.zeros((4, 16, 16), "M8[s]"), "not plain numbers"),
        (np.zeros(400), "no stack of frames"),
        (np.zeros((2, 2, 16, 16)), "no stack of frames"),
        (np.zeros((0, 16, 16)), "0 frames"),
        (np.zeros((4, 3, 16)), "3 x 16 pixels"),
    ],
)
def test_what_is_no_stack_of_counts_is_refused(tmp_path, array, words):
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", frames=array)
    with pytest.raises(SourceError, match=words):
        describe(tmp_path / "a.npy")
    with pytest.raises(SourceError, match=r"a\.npz"):
        describe(tmp_path / "a.npz")


def test_pickled_objects_are_never_loaded(tmp_path):
    trap = np.full((4, 16, 16), Trap(tmp_path / "sprung"), dtype=object)
    np.save(tmp_path / "a.npy", trap, allow_pickle=True)
    np.savez(tmp_path / "a.npz", frames=trap)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    for name, words in (("a.npy", "never read"), ("a.npz", "never read"), ("b.npy", "in no format")):
        with pytest.raises(SourceError, match=words):
            describe(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def header_of(text):
    body = text.encode("latin-1") + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(body)) + body


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<u2', 'fortran_order': False, 'shape': (4000000000, 16, 16)}",
        "{'descr': '<u2', 'fortran_order': False, 'shape': (4, 9999999999, 16)}",
        "{'descr': '<u2', 'fortran_order': False, 'shape': (-4, 16, 16)}",
        "{'descr': '<u2', 'fortran_order': False, 'shape': (4, 16.0, 16)}",
        "{'descr': '<u2', 'fortran_order': False}",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (4, 16, 16)}",
        "__import__('os').mknod('sprung')",
        "(" * 3000,
        "[" * 9000,
        "{'descr': '<u2', 'fortran_order': False, 'shape': (4, 16, 16)}" + " " * 20_000,
        "",
    ],
)
def test_header_that_makes_no_sense_is_refused(tmp_path, text):
    (tmp_path / "a.npy").write_bytes(header_of(text) + bytes(2048))
    with pytest.raises(SourceError, match=r"a\.npy"):
        describe(tmp_path / "a.npy")


def test_every_truncation_is_refused(tmp_path, frames):
    whole = io.BytesIO()
    np.save(whole, frames)
    for length in (0, 5, 8, 9, 40, 128, 129, len(whole.getvalue()) - 1):
        (tmp_path / "a.npy").write_bytes(whole.getvalue()[:length])
        with pytest.raises(SourceError, match=r"a\.npy"):
            describe(tmp_path / "a.npy")


def test_array_that_is_cut_short_after_the_look_is_refused(tmp_path, frames):
    path = tmp_path / "a.npy"
    np.save(path, frames)
    with open_source(describe(path)) as reader:
        reader.read(0, 1)
        os.truncate(path, 1000)
        with pytest.raises(SourceError, match="truncated"):
            reader.read(6, 8)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archive_lists_its_arrays_and_proposes_the_largest_stack(tmp_path, frames, save):
    save(tmp_path / "a.npz", dark=frames[0], labels=np.arange(8), **{"group/images": frames})
    description = describe(tmp_path / "a.npz")
    assert [item["path"] for item in description["candidates"]] == ["group/images", "dark"]
    assert_reads(description, frames)
    assert_reads(describe(tmp_path / "a.npz", dataset_path="dark"), frames[:1])
    with pytest.raises(SourceError, match="group/images, dark"):
        describe(tmp_path / "a.npz", dataset_path="labels")


@pytest.mark.parametrize(
    ("name", "kind", "is_good"), [("mask", "u1", False), ("good", bool, True), ("pixel_mask", bool, False)]
)
def test_mask_of_an_archive_is_read(tmp_path, frames, name, kind, is_good):
    bad = np.zeros((16, 16), bool)
    bad[3, :4] = True
    np.savez_compressed(tmp_path / "a.npz", frames=frames, **{name: (bad ^ is_good).astype(kind)})
    description = describe(tmp_path / "a.npz")
    assert description["mask_path"] == name
    assert bool(description["warnings"]) is not is_good
    with open_source(description) as reader:
        assert np.array_equal(reader.read_mask(), ~bad)


def test_mask_of_another_shape_is_not_taken(tmp_path, frames):
    np.savez(tmp_path / "a.npz", frames=frames, mask=np.zeros((15, 16), np.uint8))
    assert describe(tmp_path / "a.npz")["mask_path"] is None


def test_stored_fortran_array_is_read_and_a_compressed_one_refused(tmp_path, frames):
    np.savez(tmp_path / "a.npz", frames=np.asfortranarray(frames))
    assert_reads(describe(tmp_path / "a.npz"), frames)
    np.savez_compressed(tmp_path / "a.npz", frames=np.asfortranarray(frames))
    with pytest.raises(SourceError, match="Fortran"):
        read_all(describe(tmp_path / "a.npz"))


def test_bomb_is_refused_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        header = header_of("{'descr': '<u2', 'fortran_order': False, 'shape': (4000000, 1024, 1024)}")
        archive.writestr("frames.npy", header + bytes(2**20))
    with pytest.raises(SourceError, match="says 8388608000000 bytes"):
        describe(tmp_path / "a.npz")


def test_directory_that_lies_about_sizes_is_refused(tmp_path, frames):
    np.savez_compressed(tmp_path / "a.npz", frames=frames)
    whole = bytearray((tmp_path / "a.npz").read_bytes())
    place = whole.rindex(b"PK\x01\x02")
    for field, value in ((20, 2**31), (24, 2**31)):  # compressed and full size
        damaged = bytearray(whole)
        damaged[place + field : place + field + 4] = struct.pack("<I", value)
        (tmp_path / "a.npz").write_bytes(damaged)
        with pytest.raises(SourceError, match=r"a\.npz"):
            describe(tmp_path / "a.npz")


def test_archive_of_too_many_members_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for number in range(1001):
            archive.writestr(f"{number}.npy", b"")
    with pytest.raises(SourceError, match="1001 members"):
        describe(tmp_path / "a.npz")


def test_damage_in_the_middle_of_an_archive_is_seen_when_it_is_read(tmp_path, frames):
    np.savez_compressed(tmp_path / "a.npz", frames=frames)
    whole = bytearray((tmp_path / "a.npz").read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 40] = bytes(40)
    (tmp_path / "a.npz").write_bytes(whole)
    with pytest.raises(SourceError, match=r"damaged|truncated"):
        read_all(describe(tmp_path / "a.npz"))


def test_encrypted_and_foreign_archives_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "no arrays here")
    with pytest.raises(SourceError, match="no array"):
        describe(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", frames=np.zeros((2, 16, 16)))
    whole = bytearray((tmp_path / "a.npz").read_bytes())
    whole[whole.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.npz").write_bytes(whole)
    with pytest.raises(SourceError, match="encrypted"):
        describe(tmp_path / "a.npz")
