"""The first bytes of a file decide who reads it; files of two formats are no data set."""

import h5py
import numpy as np
import pytest
import tifffile
from fabio.cbfimage import CbfImage
from fabio.edfimage import EdfImage

from tests.science.io.layouts import assert_reads, describe, write_emc, write_sparse_h5
from tests.science.synthetic import write_cxi
from workers.science.errors import SourceError
from workers.science.io.formats import format_named, known_formats

FRAMES = np.arange(3 * 16 * 16, dtype=np.int32).reshape(3, 16, 16) % 5


def write_each(folder):
    """Write the same frames in each format; return the path and the name of its reader."""
    np.save(folder / "npy", FRAMES)
    np.savez(folder / "npz", frames=FRAMES)
    CbfImage(data=FRAMES[0]).write(str(folder / "cbf"))
    EdfImage(data=FRAMES[0]).write(str(folder / "edf"))
    tifffile.imwrite(folder / "tiff", FRAMES, photometric="minisblack")
    write_cxi(folder / "hdf5", FRAMES)
    write_emc(folder / "dragonfly.emc", FRAMES)
    write_sparse_h5(folder / "dragonfly", FRAMES)
    (folder / "npy.npy").rename(folder / "npy")
    (folder / "npz.npz").rename(folder / "npz")
    return sorted(folder.iterdir())


def test_content_decides_and_not_the_name(tmp_path):
    (tmp_path / "plain").mkdir()
    for path in write_each(tmp_path / "plain"):
        if path.suffix:
            continue
        wrong = tmp_path / "wrong.h5" if path.name != "hdf5" else tmp_path / "wrong.tif"
        wrong.write_bytes(path.read_bytes())
        description = describe(wrong)
        assert description["reader"] == path.name
        assert_reads(description, FRAMES[: description["n_frames"]])
        assert description["n_frames"] == (1 if path.name in ("cbf", "edf") else 3)


def test_each_has_a_name_for_people(tmp_path):
    words = {path.name: describe(path)["format_words"] for path in write_each(tmp_path)}
    assert words == {
        "npy": "NumPy array",
        "npz": "NumPy archive",
        "cbf": "CBF images",
        "edf": "EDF or SMV images",
        "tiff": "TIFF images",
        "hdf5": "CXI stack",
        "dragonfly": "Dragonfly photon file",
        "dragonfly.emc": "Dragonfly photon file",
    }


def test_any_two_formats_in_one_list_are_refused(tmp_path):
    paths = [path for path in write_each(tmp_path) if path.suffix == ""]
    for first in paths:
        for second in paths:
            if first != second:
                with pytest.raises(SourceError, match="files of one format") as error:
                    describe(first, second)
                assert error.value.subject == str(second)


@pytest.mark.parametrize("content", [b"", b"no", bytes(5000), b"\x89PNG\r\n\x1a\n" + bytes(100), b"%PDF-1.4"])
def test_what_no_reader_knows_is_refused_and_what_is_readable_is_told(tmp_path, content):
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(SourceError) as error:
        describe(tmp_path / "a.h5")
    assert all(title in str(error.value) for title in known_formats())


def test_unreadable_files_beside_readable_ones_are_states(tmp_path):
    write_cxi(tmp_path / "b.h5", FRAMES)
    (tmp_path / "a.h5").write_bytes(b"")
    (tmp_path / "c.h5").write_bytes(b"text")
    description = describe(tmp_path)
    assert [item["state"] for item in description["states"]] == ["unreadable", "unreadable"]
    assert_reads(description, FRAMES)


def test_each_format_is_found_by_its_name():
    for name in ("hdf5", "npy", "npz", "tiff", "cbf", "edf", "dragonfly"):
        assert format_named(name).name == name
    with pytest.raises(SourceError, match="no known format"):
        format_named("xtc")


def test_hdf5_behind_a_user_block_is_recognised(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=1024) as file:
        file["frames"] = FRAMES
    assert_reads(describe(tmp_path / "a.h5"), FRAMES)
