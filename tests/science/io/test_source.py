"""Files of each layout are described and read as one stack."""

import json
import os

import h5py
import numpy as np
import pytest

from tests.science.synthetic import diffraction_frames, write_cxi, write_entries
from workers.science.errors import SourceError
from workers.science.io import describe_source, iterate_blocks, open_source


def _describe(*paths, dataset_path=None):
    roots = [os.path.dirname(paths[0])]  # noqa: PTH120
    return describe_source(sources=[str(path) for path in paths], roots=roots, dataset_path=dataset_path)


def _read_all(description):
    with open_source(description) as reader:
        return reader.read(0, reader.n_frames)


@pytest.fixture
def frames():
    return diffraction_frames(10, 32)[0]


def test_stack_is_read_as_it_was_written(tmp_path, frames):
    description = _describe(write_cxi(tmp_path / "a.cxi", frames))
    assert description["format"] == "cxi"
    assert description["dataset_path"] == "/entry_1/instrument_1/detector_1/data"
    assert (description["n_frames"], description["height"], description["width"]) == (10, 32, 32)
    assert description["dtype"] == "uint16"
    assert description["mask_path"] is None
    assert np.array_equal(_read_all(description), frames)


def test_description_survives_json(tmp_path, frames):
    description = _describe(write_cxi(tmp_path / "a.cxi", frames))
    assert np.array_equal(_read_all(json.loads(json.dumps(description))), frames)


def test_any_range_is_the_same_as_a_slice(tmp_path, frames):
    description = _describe(write_cxi(tmp_path / "a.cxi", frames, chunks=(3, 16, 16), compression="gzip"))
    with open_source(description) as reader:
        for start in range(10):
            assert np.array_equal(reader.read(start, 10), frames[start:])
            blocks = list(iterate_blocks(reader, start, 10, block_bytes=4 * 2048))
            assert blocks[0][0] == start
            assert np.array_equal(np.concatenate([block for _, block in blocks]), frames[start:])


def test_blocks_end_at_chunks_so_that_none_is_decompressed_twice(tmp_path, frames):
    description = _describe(write_cxi(tmp_path / "a.cxi", frames, chunks=(3, 32, 32)))
    with open_source(description) as reader:
        assert [first for first, _ in iterate_blocks(reader, 1, 10, block_bytes=4 * 2048)] == [1, 3, 6, 9]


def test_blocks_are_no_longer_than_asked_for(tmp_path, frames):
    description = _describe(write_cxi(tmp_path / "a.cxi", frames))
    with open_source(description) as reader:
        assert [len(block) for _, block in iterate_blocks(reader, 0, 10, block_bytes=4 * 2048)] == [4, 4, 2]
        assert [len(block) for _, block in iterate_blocks(reader, 0, 3, block_bytes=1)] == [1, 1, 1]


def test_single_frame_is_a_stack_of_one(tmp_path, frames):
    description = _describe(write_cxi(tmp_path / "a.cxi", frames[1]))
    assert description["n_frames"] == 1
    assert np.array_equal(_read_all(description), frames[1:2])


def test_modules_are_stacked_along_y(tmp_path, frames):
    description = _describe(write_cxi(tmp_path / "a.cxi", frames.reshape(10, 4, 8, 32)))
    assert (description["n_frames"], description["height"], description["width"]) == (10, 32, 32)
    assert np.array_equal(_read_all(description), frames)


def test_one_entry_per_shot_is_read_in_the_order_of_numbers(tmp_path):
    frames, _ = diffraction_frames(12, 16)
    description = _describe(write_entries(tmp_path / "a.cxi", frames, np.arange(12) + 700))
    assert description["dataset_path"] == "/entry_{entry}/instrument_1/detector_1/data"
    assert description["segments"][0]["entries"] == list(range(1, 13))
    assert np.array_equal(_read_all(description), frames)
    with open_source(description) as reader:
        ids = reader.identify(9, 12)
    assert ids.path == [f"/entry_{entry}/instrument_1/detector_1/data" for entry in (10, 11, 12)]
    assert ids.train_id.tolist() == [709, 710, 711]
    assert ids.source_index.tolist() == [0, 0, 0]


def test_one_entry_that_is_missing_or_of_another_shape_is_named(tmp_path):
    frames, _ = diffraction_frames(4, 16)
    write_entries(tmp_path / "a.cxi", frames)
    with h5py.File(tmp_path / "a.cxi", "a") as file:
        del file["entry_3/instrument_1/detector_1/data"]
        file["entry_3/instrument_1/detector_1/data"] = np.zeros((8, 8), "u2")
    description = _describe(tmp_path / "a.cxi")
    with open_source(description) as reader:
        reader.read(0, 2)
        with pytest.raises(SourceError, match=r"entry_3.*not 16 x 16"):
            reader.read(0, 4)


def test_look_up_follows_the_order_of_cxi(tmp_path, frames):
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file["entry_1/instrument_1/detector_1/data"] = frames.repeat(2, axis=0)
        file["entry_1/image_1/data"] = frames + 1
    assert _describe(tmp_path / "a.cxi")["dataset_path"] == "/entry_1/image_1/data"
    with h5py.File(tmp_path / "a.cxi", "a") as file:
        file["entry_1/elsewhere/data"] = frames + 2
        file["entry_1/data_1"] = h5py.SoftLink("elsewhere")
    description = _describe(tmp_path / "a.cxi")
    assert description["dataset_path"] == "/entry_1/elsewhere/data"
    assert np.array_equal(_read_all(description), frames + 2)
    assert len(description["candidates"]) == 3


def test_plain_file_proposes_the_largest_dataset_and_lists_all(tmp_path, frames):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["vmi/camera"] = frames
        file["traces"] = np.zeros((10, 50), "i2")
        file["positions"] = np.zeros((200, 3))
        file["names"] = ["a", "b"]
    description = _describe(tmp_path / "a.h5")
    assert description["format"] == "hdf5"
    assert description["dataset_path"] == "/vmi/camera"
    assert [item["path"] for item in description["candidates"]] == ["/vmi/camera", "/traces"]
    assert description["candidates"][0]["shape"] == [10, 32, 32]
    assert _describe(tmp_path / "a.h5", dataset_path="/traces")["n_frames"] == 1


def test_named_dataset_that_is_missing_or_a_group_is_refused(tmp_path, frames):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["vmi/camera"] = frames
    for path, cause in (
        ("/vmi/cam", "no such dataset"),
        ("/vmi", "not a dataset"),
        ("/vmi/camera/x", "no such"),
    ):
        with pytest.raises(SourceError, match=cause):
            _describe(tmp_path / "a.h5", dataset_path=path)


def test_file_without_frames_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.zeros(5)
    with pytest.raises(SourceError, match="no dataset that can be frames"):
        _describe(tmp_path / "a.h5")
    with pytest.raises(SourceError, match="0 frames"):
        _describe(write_cxi(tmp_path / "b.cxi", np.zeros((0, 32, 32), "u2")))


def test_mask_bits_other_than_has_signal_are_bad(tmp_path, frames):
    mask = np.zeros((32, 32), "u4")
    mask[0, :4] = (0x1, 0x8, 0x1000, 0x1200)
    description = _describe(write_cxi(tmp_path / "a.cxi", frames, mask))
    assert description["mask_path"] == "/entry_1/instrument_1/detector_1/mask"
    with open_source(description) as reader:
        good = reader.read_mask()
    assert good[0, :4].tolist() == [False, False, True, False]
    assert good.sum() == 32 * 32 - 3


def test_mask_per_frame_takes_what_is_bad_in_half_of_them(tmp_path, frames):
    mask = np.zeros((10, 32, 32), "u2")
    mask[:5, 0, 0] = 1
    mask[:4, 0, 1] = 1
    description = _describe(write_cxi(tmp_path / "a.cxi", frames, mask))
    assert any("per frame" in warning for warning in description["warnings"])
    with open_source(description) as reader:
        good = reader.read_mask()
    assert not good[0, 0]
    assert good[0, 1]


def test_identifiers_beside_and_above_the_data_are_found(tmp_path, frames):
    write_cxi(tmp_path / "a.cxi", frames)
    with h5py.File(tmp_path / "a.cxi", "a") as file:
        file["entry_1/trainId"] = np.arange(10, dtype="u8") + 1_000_000
        file["entry_1/instrument_1/detector_1/pulseId"] = np.arange(10)[:, None]
        file["entry_1/cellId"] = np.arange(7)  # another length: belongs to something else
    with open_source(_describe(tmp_path / "a.cxi")) as reader:
        ids = reader.identify(8, 10)
    assert ids.train_id.tolist() == [1_000_008, 1_000_009]
    assert ids.pulse_id.tolist() == [8, 9]
    assert ids.cell_id.mask.all()


def test_several_files_follow_each_other(tmp_path, frames):
    first = write_cxi(tmp_path / "a.cxi", frames[:3])
    second = write_cxi(tmp_path / "b.cxi", frames[3:])
    description = _describe(second, first)
    assert [segment["n_frames"] for segment in description["segments"]] == [7, 3]
    assert np.array_equal(_read_all(description), np.concatenate([frames[3:], frames[:3]]))
    with open_source(description) as reader:
        ids = reader.identify(6, 8)
    assert ids.source == [second, first]
    assert ids.source_index.tolist() == [6, 0]


def test_files_of_different_shape_are_refused(tmp_path, frames):
    first = write_cxi(tmp_path / "a.cxi", frames)
    second = write_cxi(tmp_path / "b.cxi", frames[:, :16])
    with pytest.raises(SourceError, match="two data sets"):
        _describe(first, second)


def test_numbered_links_of_a_master_are_joined(tmp_path, frames):
    for number, part in ((1, frames[:6]), (2, frames[6:])):
        with h5py.File(tmp_path / f"data_{number}.h5", "w") as file:
            file["entry/data/data"] = part
    with h5py.File(tmp_path / "master.h5", "w") as file:
        for number in (2, 1):
            file[f"entry/data/data_{number:06d}"] = h5py.ExternalLink(f"data_{number}.h5", "/entry/data/data")
    description = _describe(tmp_path / "master.h5")
    assert np.array_equal(_read_all(description), frames)
    assert [item["linked"] for item in description["files"]] == [False, True, True]


def test_big_endian_data_come_in_native_order(tmp_path, frames):
    description = _describe(write_cxi(tmp_path / "a.cxi", frames.astype(">u2")))
    read = _read_all(description)
    assert read.dtype == np.dtype("u2")
    assert np.array_equal(read, frames)


@pytest.mark.parametrize("compression", ["gzip", "lzf", "bitshuffle", "lz4", "zstd", "blosc"])
def test_filters_on_the_list_are_read(tmp_path, frames, compression):
    import hdf5plugin

    plugins = {
        "bitshuffle": hdf5plugin.Bitshuffle(),
        "lz4": hdf5plugin.LZ4(),
        "zstd": hdf5plugin.Zstd(),
        "blosc": hdf5plugin.Blosc(),
    }
    options = plugins.get(compression, {"compression": compression})
    description = _describe(write_cxi(tmp_path / "a.cxi", frames, chunks=(1, 32, 32), **options))
    assert np.array_equal(_read_all(description), frames)


def test_file_that_changed_after_it_was_described_is_refused(tmp_path, frames):
    path = write_cxi(tmp_path / "a.cxi", frames)
    description = _describe(path)
    write_cxi(path, frames + 1)
    with open_source(description) as reader, pytest.raises(SourceError, match="has changed"):
        reader.read(0, 1)


def test_no_file_is_refused():
    with pytest.raises(SourceError, match="no file"):
        describe_source(sources=[], roots=["/"])
