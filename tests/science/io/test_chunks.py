"""Frames read by their chunks are those that the HDF5 library reads; what is odd is left to the library."""

import h5py
import hdf5plugin
import numpy as np
import pytest

from workers.science.io.chunks import ChunkedFrames

FILTERS = {
    "gzip": {"compression": "gzip", "compression_opts": 4},
    "gzip and shuffle": {"compression": "gzip", "shuffle": True},
    "bitshuffle and LZ4": dict(hdf5plugin.Bitshuffle(cname="lz4")),
}
OTHERS = {
    "none": {},
    "fletcher": {"compression": "gzip", "fletcher32": True},
    "lzf": {"compression": "lzf"},
    "bitshuffle and zstd": dict(hdf5plugin.Bitshuffle(cname="zstd")),
    "zstd": dict(hdf5plugin.Zstd()),
}


def _frames(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).poisson(2, shape).astype(dtype)


def _write(path, frames, chunks, **filters):
    with h5py.File(path, "w") as file:
        file.create_dataset("frames", data=frames, chunks=chunks, **filters)
    return h5py.File(path, "a")["frames"]


def _decoded(dataset, start, stop):
    """Read by chunks alone: an odd chunk would raise."""
    return ChunkedFrames(dataset)._read_chunks(start, stop)


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "<i4", ">f4", "<f8"])
@pytest.mark.parametrize("span", [1, 4])
def test_every_range_is_as_the_library_reads_it(tmp_path, filters, dtype, span):
    frames = _frames(dtype, (10, 40, 72))
    dataset = _write(tmp_path / "a.h5", frames, (span, 40, 72), **FILTERS[filters])
    for start, stop in ((0, 10), (3, 4), (2, 9), (8, 10)):
        found = _decoded(dataset, start, stop)
        assert found.dtype == dataset.dtype
        assert np.array_equal(found, frames[start:stop])


def test_modules_are_read(tmp_path):
    frames = _frames("u2", (5, 3, 16, 24))
    dataset = _write(tmp_path / "a.h5", frames, (1, 3, 16, 24), **FILTERS["bitshuffle and LZ4"])
    assert np.array_equal(_decoded(dataset, 1, 5), frames[1:])


@pytest.mark.parametrize("userblock", [0, 512])
def test_chunks_lie_anywhere_in_the_file(tmp_path, userblock):
    frames = _frames("u2", (200, 16, 24))
    order = np.random.default_rng(1).permutation(200)
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=userblock) as file:
        dataset = file.create_dataset("frames", (200, 16, 24), "u2", chunks=(1, 16, 24), compression=1)
        for place, number in enumerate([*order[:100], *range(200)]):
            dataset[number] = frames[number]
            if place % 20 == 0:
                file[f"between {place}"] = np.zeros(3000)
    with h5py.File(tmp_path / "a.h5") as file:
        reader = ChunkedFrames(file["frames"])
        # the first are looked up one by one
        assert all(np.array_equal(reader._read_chunks(n, n + 3), frames[n : n + 3]) for n in range(0, 198, 3))
        assert np.array_equal(reader._read_chunks(0, 200), frames)


def test_file_that_was_closed_is_not_read(tmp_path):
    frames = _frames("u2", (9, 16, 16))
    dataset = _write(tmp_path / "a.h5", frames, (1, 16, 16), compression=1)
    reader = ChunkedFrames(dataset)
    assert np.array_equal(reader.read(0, 9), frames)
    dataset.file.close()
    with (tmp_path / "b").open("wb+"), pytest.raises((ValueError, RuntimeError)):
        reader.read(0, 9)


@pytest.mark.parametrize("filters", OTHERS)
def test_other_filters_are_left_to_the_library(tmp_path, filters):
    frames = _frames("u2", (4, 20, 20))
    reader = ChunkedFrames(_write(tmp_path / "a.h5", frames, (1, 20, 20), **OTHERS[filters]))
    assert reader.decode is None
    assert np.array_equal(reader.read(1, 4), frames[1:4])


@pytest.mark.parametrize("filters", FILTERS)
def test_chunks_smaller_than_a_frame_are_left_to_the_library(tmp_path, filters):
    frames = _frames("u2", (4, 20, 30))
    reader = ChunkedFrames(_write(tmp_path / "a.h5", frames, (2, 16, 16), **FILTERS[filters]))
    assert reader.decode is None
    assert np.array_equal(reader.read(0, 3), frames[:3])


def test_chunks_that_were_never_written_hold_the_fill_value(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset(
            "frames", (6, 16, 16), "u2", chunks=(1, 16, 16), fillvalue=9, compression=4
        )
        dataset[2] = 5
        found = ChunkedFrames(dataset).read(1, 4)
        assert found[:, 0, 0].tolist() == [9, 5, 9]


def test_noise_that_does_not_compress_is_read(tmp_path):
    frames = np.random.default_rng(0).integers(0, 2**16, (4, 64, 64)).astype("u2")
    for name, filters in FILTERS.items():
        reader = ChunkedFrames(_write(tmp_path / f"{name}.h5", frames, (1, 64, 64), **filters))
        assert np.array_equal(reader.read(0, 4), frames)


def test_chunk_of_which_a_filter_was_left_out_is_read(tmp_path):
    frames = _frames("u2", (3, 16, 16))
    dataset = _write(tmp_path / "a.h5", frames, (1, 16, 16), compression="gzip")
    dataset.id.write_direct_chunk((1, 0, 0), (frames[1] + 7).tobytes(), filter_mask=1)
    assert np.array_equal(ChunkedFrames(dataset).read(0, 3)[1], frames[1] + 7)


def _damage(good: bytes, number: int, random: np.random.Generator) -> bytes:
    stored = bytearray(good)
    if number % 3 == 0:
        return bytes(stored[: random.integers(1, len(good))])
    if number % 3 == 1:
        return bytes(stored) + random.bytes(random.integers(1, 50))
    stored[random.integers(0, 16 if number % 2 else len(good))] ^= 1 << random.integers(0, 8)
    return bytes(stored)


@pytest.mark.parametrize("filters", ["gzip", "gzip and shuffle"])
def test_damaged_chunk_gives_no_other_frames_than_the_library(tmp_path, filters):
    frames = _frames("u2", (1, 64, 64))
    dataset = _write(tmp_path / "a.h5", frames, (1, 64, 64), **FILTERS[filters])
    good, random = bytes(dataset.id.read_direct_chunk((0, 0, 0))[1]), np.random.default_rng(0)
    for number in range(60):
        dataset.id.write_direct_chunk((0, 0, 0), _damage(good, number, random))
        assert _outcome(ChunkedFrames(dataset).read) == _outcome(lambda start, stop: dataset[start:stop])


def test_damaged_bitshuffle_chunk_is_refused_or_read_and_nothing_crashes(tmp_path):
    frames = _frames("u2", (1, 100, 100))
    dataset = _write(tmp_path / "a.h5", frames, (1, 100, 100), **FILTERS["bitshuffle and LZ4"])
    good, random = bytes(dataset.id.read_direct_chunk((0, 0, 0))[1]), np.random.default_rng(0)
    outcomes = []
    for number in range(300):
        dataset.id.write_direct_chunk((0, 0, 0), _damage(good, number, random))
        outcomes.append(_outcome(ChunkedFrames(dataset).read))
    assert all(outcomes[number] == b"refused" for number in range(300) if number % 3 < 2)
    # LZ4 has no checksum: a flipped bit of a value is a value
    assert {len(outcome) for outcome in outcomes} <= {len(b"refused"), 20_000}


def _outcome(read) -> bytes:
    try:
        return read(0, 1).tobytes()
    except OSError:
        return b"refused"
