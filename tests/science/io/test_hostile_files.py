"""Files made to harm are refused with one clear error, before anything of them is read."""

import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.science.synthetic import diffraction_frames, write_cxi
from workers.science.errors import SourceError
from workers.science.io import describe_source, open_source


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def secret(tmp_path):
    """A file that lies outside the root and must never be read."""
    (tmp_path / "passwords").write_bytes(bytes(range(256)) * 64)
    return tmp_path / "passwords"


def _describe(path: Path, dataset_path: str | None = None, root: Path | None = None) -> dict:
    roots = [str(root or path.parent)]
    return describe_source(sources=[str(path)], roots=roots, dataset_path=dataset_path)


def _source_file(path: Path, n: int = 5) -> Path:
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(1, n * 256 + 1, dtype="u2").reshape(n, 16, 16)
    return path


def _virtual_file(path: Path, source: str, name: str = "data", n: int = 5) -> Path:
    layout = h5py.VirtualLayout((n, 16, 16), "u2")
    layout[:] = h5py.VirtualSource(source, name, (n, 16, 16))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("frames", layout)
    return path


def test_external_raw_storage_is_never_read(root, secret):
    with h5py.File(root / "a.h5", "w") as file:
        file.create_dataset("data", (4, 16, 16), "u2", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
    for dataset_path in (None, "/data"):
        with pytest.raises(SourceError, match="external raw storage"):
            _describe(root / "a.h5", dataset_path)


def test_external_raw_storage_in_a_mask_is_never_read(root, secret):
    write_cxi(root / "a.cxi", np.ones((4, 16, 16), "u2"))
    with h5py.File(root / "a.cxi", "a") as file:
        external = [(str(secret), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("entry_1/instrument_1/detector_1/mask", (16, 16), "u4", external=external)
    description = _describe(root / "a.cxi")
    assert description["mask_path"] is None
    # a description made by hand does not get around the guard either
    description["mask_path"] = "/entry_1/instrument_1/detector_1/mask"
    with open_source(description) as reader, pytest.raises(SourceError, match="external raw storage"):
        reader.read_mask()


@pytest.mark.parametrize("place", ["data", "group/inner/data"])
def test_external_link_out_of_the_root_is_refused(root, tmp_path, place):
    _source_file(tmp_path / "other.h5")
    with h5py.File(root / "a.h5", "w") as file:
        file["data" if place == "data" else "group/inner"] = h5py.ExternalLink(
            str(tmp_path / "other.h5"), "/data" if place == "data" else "/"
        )
    for dataset_path in (None, place):
        with pytest.raises(SourceError, match="outside the folders"):
            _describe(root / "a.h5", dataset_path)


def test_soft_link_to_an_external_link_out_of_the_root_is_refused(root, tmp_path):
    _source_file(tmp_path / "other.h5")
    with h5py.File(root / "a.h5", "w") as file:
        file["out"] = h5py.ExternalLink("../other.h5", "/")
        file["data"] = h5py.SoftLink("/out/data")
    with pytest.raises(SourceError, match="outside the folders"):
        _describe(root / "a.h5", "/data")


def test_external_link_inside_the_root_is_read(root):
    _source_file(root / "frames.h5")
    with h5py.File(root / "master.h5", "w") as file:
        file["entry/data/data_000001"] = h5py.ExternalLink("frames.h5", "/data")
    description = _describe(root / "master.h5")
    assert [Path(item["path"]).name for item in description["files"]] == ["master.h5", "frames.h5"]
    with open_source(description) as reader:
        assert reader.read(1, 2)[0, 0, 0] == 257


def test_links_through_two_files_are_refused(root):
    _source_file(root / "frames.h5")
    for name, target in (("middle.h5", "frames.h5"), ("master.h5", "middle.h5")):
        with h5py.File(root / name, "w") as file:
            file["data"] = h5py.ExternalLink(target, "/data")
    with pytest.raises(SourceError, match="one file deep"):
        _describe(root / "master.h5", "/data")


def test_virtual_dataset_with_a_missing_source_is_an_error_and_not_zeros(root):
    _source_file(root / "frames.h5")
    _virtual_file(root / "virtual.h5", "frames.h5")
    with open_source(_describe(root / "virtual.h5")) as reader:
        assert reader.read(0, 1)[0, 0, 0] == 1
    description = _describe(root / "virtual.h5")
    (root / "frames.h5").unlink()
    with pytest.raises(SourceError, match=r"frames\.h5.*does not exist"):
        _describe(root / "virtual.h5")
    with open_source(description) as reader, pytest.raises(SourceError, match="does not exist"):
        reader.read(0, 1)


def test_virtual_source_is_looked_for_beside_the_file_and_not_in_the_working_folder(
    root, tmp_path, monkeypatch
):
    _source_file(root / "frames.h5")
    _virtual_file(root / "virtual.h5", "frames.h5")
    (tmp_path / "elsewhere").mkdir()
    with h5py.File(tmp_path / "elsewhere" / "frames.h5", "w") as file:
        file["data"] = np.full((5, 16, 16), 9, "u2")
    monkeypatch.chdir(tmp_path / "elsewhere")
    with open_source(_describe(root / "virtual.h5")) as reader:
        assert reader.read(0, 1)[0, 0, 0] == 1


def test_virtual_source_out_of_the_root_is_refused(root, tmp_path):
    _source_file(tmp_path / "other.h5")
    _virtual_file(root / "virtual.h5", str(tmp_path / "other.h5"))
    with pytest.raises(SourceError, match="outside the folders"):
        _describe(root / "virtual.h5")


@pytest.mark.parametrize("is_part", [True, False])
def test_virtual_source_that_is_too_short_is_refused(root, is_part):
    _source_file(root / "frames.h5", n=3)
    source = h5py.VirtualSource("frames.h5", "data", (5, 16, 16))
    layout = h5py.VirtualLayout((4 if is_part else 5, 16, 16), "u2")
    layout[:] = source[1:5] if is_part else source
    with h5py.File(root / "virtual.h5", "w") as file:
        file.create_virtual_dataset("frames", layout)
    with pytest.raises(SourceError, match="shorter"):
        _describe(root / "virtual.h5")


def test_virtual_source_with_external_raw_storage_is_refused(root, secret):
    with h5py.File(root / "frames.h5", "w") as file:
        file.create_dataset("data", (5, 16, 16), "u2", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
    _virtual_file(root / "virtual.h5", "frames.h5")
    with pytest.raises(SourceError, match="external raw storage"):
        _describe(root / "virtual.h5")


def test_virtual_sources_by_pattern_are_refused(root):
    unlimited = h5py.h5s.UNLIMITED
    _source_file(root / "frames_0.h5", n=1)
    target = h5py.h5s.create_simple((1, 16, 16), (unlimited, 16, 16))
    target.select_hyperslab((0, 0, 0), (unlimited, 1, 1), (1, 1, 1), (1, 16, 16))
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_virtual(target, b"frames_%b.h5", b"data", h5py.h5s.create_simple((1, 16, 16)))
    with h5py.File(root / "virtual.h5", "w") as file:
        h5py.h5d.create(file.id, b"frames", h5py.h5t.NATIVE_UINT16, target, plist)
    with pytest.raises(SourceError, match="pattern"):
        _describe(root / "virtual.h5", "/frames")


def test_soft_links_in_a_circle_end(root):
    with h5py.File(root / "a.h5", "w") as file:
        file["a"] = h5py.SoftLink("/b")
        file["b"] = h5py.SoftLink("/a")
    with pytest.raises(SourceError, match="circle"):
        _describe(root / "a.h5", "/a")
    with pytest.raises(SourceError, match="no dataset"):
        _describe(root / "a.h5")


def test_soft_link_that_grows_with_each_hop_ends(root):
    with h5py.File(root / "a.h5", "w") as file:
        file["a"] = h5py.SoftLink("/a/a/a")
    with pytest.raises(SourceError, match="circle"):
        _describe(root / "a.h5", "/a")


def test_external_link_whose_path_is_not_text_is_refused(root):
    _source_file(root / "frames.h5")
    with h5py.File(root / "a.h5", "w") as file:
        file["link"] = h5py.ExternalLink("frames.h5", "/data")
    data = (root / "a.h5").read_bytes()
    assert data.count(b"/data") == 1
    (root / "a.h5").write_bytes(data.replace(b"/data", b"/d\xff\xfea"))
    with pytest.raises(SourceError, match="unknown kind"):
        _describe(root / "a.h5", "/link")


def test_hard_links_in_a_circle_end(root):
    with h5py.File(root / "a.h5", "w") as file:
        group = file.create_group("group")
        group["again"] = file["/"]
        group["data"] = np.ones((2, 16, 16), "u2")
    assert _describe(root / "a.h5")["n_frames"] == 2


@pytest.mark.parametrize("name", ["text.h5", "empty.h5"])
def test_file_that_is_not_hdf5_is_refused(root, name):
    (root / name).write_text("this is no HDF5 file\n" if name == "text.h5" else "")
    with pytest.raises(SourceError, match=f"{name}: is (empty|in no format)"):
        _describe(root / name)


def test_truncated_file_is_refused(root):
    write_cxi(root / "a.cxi", diffraction_frames(8)[0])
    data = (root / "a.cxi").read_bytes()
    (root / "a.cxi").write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match="truncated"):
        _describe(root / "a.cxi")


def test_damaged_chunk_is_an_error_for_the_user(root):
    write_cxi(root / "a.cxi", diffraction_frames(2)[0], chunks=(1, 64, 64), compression="gzip")
    with h5py.File(root / "a.cxi", "a") as file:
        file["entry_1/instrument_1/detector_1/data"].id.write_direct_chunk((1, 0, 0), b"no deflate stream")
    with open_source(_describe(root / "a.cxi")) as reader:
        reader.read(0, 1)
        with pytest.raises(SourceError, match="damaged"):
            reader.read(1, 2)


@pytest.mark.parametrize(
    "dtype", [h5py.vlen_dtype("i4"), h5py.string_dtype(), "c8", "S8", [("r", "f4"), ("i", "f4")]]
)
def test_values_that_are_no_plain_numbers_are_refused(root, dtype):
    with h5py.File(root / "a.h5", "w") as file:
        file.create_dataset("data", (4, 16, 16), dtype)
    with pytest.raises(SourceError, match="not plain numbers"):
        _describe(root / "a.h5", "/data")
    with pytest.raises(SourceError, match="no dataset"):
        _describe(root / "a.h5")


def test_chunk_that_inflates_to_too_much_is_refused_before_it_is_read(root):
    side = 12_288
    with h5py.File(root / "bomb.h5", "w") as file:
        data = file.create_dataset("data", (1, side, side), "u2", chunks=(1, side, side), compression="gzip")
        packer = zlib.compressobj(1)
        zeros = bytes(2 * side)
        stream = b"".join([*(packer.compress(zeros) for _ in range(side)), packer.flush()])
        data.id.write_direct_chunk((0, 0, 0), stream)
    assert (root / "bomb.h5").stat().st_size < 5e6
    with pytest.raises(SourceError, match="chunks of 288 MiB"):
        _describe(root / "bomb.h5")


def test_terabytes_that_are_not_there_are_refused(root):
    with h5py.File(root / "a.h5", "w") as file:
        file.create_dataset("data", (8_000_000, 1024, 1024), "u2", chunks=(1, 1024, 1024))
    with pytest.raises(SourceError, match="8000000 frames"):
        _describe(root / "a.h5")


def test_large_dataset_of_which_nothing_is_stored_is_refused(root):
    with h5py.File(root / "a.h5", "w") as file:
        file.create_dataset("data", (100_000, 1024, 1024), "u2", chunks=(1, 1024, 1024))
    with pytest.raises(SourceError, match="claims 195 GiB but stores 0 bytes"):
        _describe(root / "a.h5")


def test_filter_that_is_not_on_the_list_is_refused(root):
    with h5py.File(root / "a.h5", "w") as file:
        file.create_dataset("data", data=np.ones((2, 16, 16), "u2"), chunks=(1, 16, 16), scaleoffset=0)
    with pytest.raises(SourceError, match="filter 6"):
        _describe(root / "a.h5")


def test_random_damage_gives_frames_or_one_clear_error(root):
    path = root / "a.cxi"
    write_cxi(path, diffraction_frames(4, 32)[0], chunks=(1, 32, 32), compression="gzip")
    whole, random = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        data = bytearray(whole)
        for place in random.integers(0, min(len(data), 4096), 8):
            data[place] = random.integers(256)
        path.write_bytes(data)
        try:
            with open_source(_describe(path)) as reader:
                assert reader.read(0, reader.n_frames).shape[1:] == (reader.height, reader.width)
        except SourceError:
            refused += 1
    assert refused > 10
