"""Frames are measured in the planes that bitshuffle made of their bits as they are when put together."""

import h5py
import hdf5plugin
import numpy as np
import pytest

from workers.science.frame_columns import FrameColumns
from workers.science.io.chunks import ChunkedFrames

SHAPE = (100, 128)  # blocks of 4096 or 8192 pixels, of which the last is shorter
PACKED = dict(hdf5plugin.Bitshuffle(cname="lz4"))


def _frames(dtype: str, n: int = 12, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    random = np.random.default_rng(0)
    brightness = random.choice([0.02, 1, 30], (n, 1, 1)) * random.exponential(1, shape)
    frames = random.poisson(brightness)
    frames[1] = 0
    frames[2, 5:9, 7] = np.iinfo(dtype).max
    return frames.clip(0, np.iinfo(dtype).max).astype(dtype)


def _reader(path, frames: np.ndarray, span: int = 1, **filters) -> ChunkedFrames:
    with h5py.File(path, "w") as file:
        file.create_dataset("frames", data=frames, chunks=(span, *frames.shape[1:]), **(filters or PACKED))
    return ChunkedFrames(h5py.File(path, "a")["frames"])


def _assert_same(found: FrameColumns, expected: FrameColumns) -> None:
    for name, column in expected.columns().items():
        assert np.array_equal(found.columns()[name], column), name
    patterns = found.patterns()
    for name, pattern in expected.patterns().items():
        assert np.array_equal(patterns[name], pattern), name
        assert patterns[name].dtype == pattern.dtype


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("threshold", [-1.0, 0.0, 5.5, 20.0, 100_000.0])
@pytest.mark.parametrize("has_mask", [False, True])
def test_numbers_and_patterns_are_those_of_the_frames(tmp_path, dtype, threshold, has_mask):
    frames = _frames(dtype)
    good = np.random.default_rng(1).random(SHAPE) < 0.9 if has_mask else None
    reader = _reader(tmp_path / "a.h5", frames)
    expected, found = (FrameColumns(SHAPE, good, threshold, variance_step=3) for _ in range(2))
    for first, last in ((0, 5), (5, 12)):
        expected.add(first, frames[first:last])
        found.add_planes(first, reader.read_planes(first, last))
    _assert_same(found, expected)


def test_blocks_of_any_kind_are_added_to_the_same_patterns(tmp_path):
    frames = _frames("u2")
    other = _reader(tmp_path / "b.h5", frames, **hdf5plugin.Bitshuffle(nelems=1024, cname="lz4"))
    reader = _reader(tmp_path / "a.h5", frames)
    expected, found = FrameColumns(SHAPE, None, 0.0), FrameColumns(SHAPE, None, 0.0)
    expected.add(0, frames)
    found.add_planes(0, reader.read_planes(0, 3))
    found.add(3, frames[3:6])
    found.add_planes(6, other.read_planes(6, 9))
    found.add_planes(9, reader.read_planes(9, 12))
    _assert_same(found, expected)


def test_sums_over_many_frames_are_exact(tmp_path):
    frames = np.full((64, 8, 8), 65_535, np.uint16)
    planes = _reader(tmp_path / "a.h5", frames).read_planes(0, 64)
    found = FrameColumns((8, 8), None, 0.0)
    for turn in range(1030):  # more than 65 536 frames
        found.add_planes(64 * turn, planes)
    assert (found.patterns()["total"] == 64 * 1030 * 65_535).all()


@pytest.mark.parametrize("dtype", [">u2", "<i2", "<u4", "<f4"])
def test_other_numbers_are_not_given_in_planes(tmp_path, dtype):
    assert _reader(tmp_path / "a.h5", _frames("u1").astype(dtype)).read_planes(0, 3) is None


def test_other_layouts_are_not_given_in_planes(tmp_path):
    frames = _frames("u2")
    assert _reader(tmp_path / "a.h5", frames, compression="gzip").read_planes(0, 3) is None
    assert _reader(tmp_path / "b.h5", frames, span=4).read_planes(0, 4) is None
    assert _reader(tmp_path / "c.h5", _frames("u2", shape=(20, 30))).read_planes(0, 3) is None


def test_damaged_frame_is_left_to_who_says_what_is_wrong(tmp_path):
    reader = _reader(tmp_path / "a.h5", _frames("u2"))
    stored = bytes(reader.dataset.id.read_direct_chunk((1, 0, 0))[1])
    reader.dataset.id.write_direct_chunk((1, 0, 0), stored[:-9])
    assert reader.read_planes(0, 3) is None
    with pytest.raises(OSError, match="chunk"):
        reader.read(0, 3)
