"""Good files of every format, cut off or with flipped bits."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import tifffile
from numpy.typing import NDArray

from tests.science.io.hostile.cases import EITHER, Case, Cases, from_bytes, numbered_frames
from tests.science.io.layouts import write_emc, write_sparse_h5

N_CUTS, N_FLIPS = 8, 10
FLIPPED_BITS = 12


def _stack(path: Path, frames: NDArray, **options: object) -> None:
    with h5py.File(path, "w") as file:
        data = file.create_dataset("entry_1/instrument_1/detector_1/data", data=frames, **options)
        file["entry_1/data_1/data"] = h5py.SoftLink(data.name)
        file["entry_1/instrument_1/detector_1/mask"] = np.zeros(frames.shape[1:], "u4")
        file["entry_1/experiment_identifier"] = np.arange(len(frames)) + 700


def _entries(path: Path, frames: NDArray) -> None:
    with h5py.File(path, "w") as file:
        for number, frame in enumerate(frames, start=1):
            file[f"entry_{number}/instrument_1/detector_1/data"] = frame


def _latest(path: Path, frames: NDArray) -> None:
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("entry/data/data", data=frames, chunks=(1, *frames.shape[1:]), compression="gzip")


def _archive(path: Path, frames: NDArray) -> None:
    np.savez_compressed(path, data=frames)


def _tiff(path: Path, frames: NDArray) -> None:
    tifffile.imwrite(path, frames, compression="zlib")


def _photons(write: Callable[[Path, NDArray], object]) -> Callable[[Path, NDArray], object]:
    return lambda path, frames: write(path, (frames % 3).astype("i4"))


_BASES: dict[str, Callable[[Path, NDArray], object]] = {
    "plain.h5": lambda path, frames: _stack(path, frames),
    "gzip.cxi": lambda path, frames: _stack(path, frames, chunks=(1, 32, 32), compression="gzip"),
    "lz4.h5": lambda path, frames: _stack(
        path, frames, chunks=(2, 32, 32), **hdf5plugin.Bitshuffle(cname="lz4")
    ),
    "summed.h5": lambda path, frames: _stack(path, frames, chunks=(1, 32, 32), fletcher32=True),
    "entries.cxi": _entries,
    "latest.nxs": _latest,
    "stack.npy": lambda path, frames: np.save(path, frames),
    "packed.npz": _archive,
    "pages.tif": _tiff,
    "photons.emc": _photons(write_emc),
    "photons.h5": _photons(write_sparse_h5),
}
# HDF5 notices a file that ends too early; the others have to.
_FRAMES = numbered_frames(6, 32)


@functools.cache
def _content(name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        _BASES[name](path, _FRAMES)
        return path.read_bytes()


def damage_cases() -> Cases:
    """Yield cut and flipped copies of good files."""
    for number, name in enumerate(_BASES):
        content, random = _content(name), np.random.default_rng(number)
        frames = (_FRAMES % 3).astype("i4") if name.startswith("photons") else _FRAMES
        cuts = {1, 100, len(content) - 1, *random.integers(0, len(content), N_CUTS).tolist()}
        for cut in sorted(cuts):
            # what is read from a cut file must be what was there
            yield Case(f"cut_{cut}_{name}", from_bytes(content[:cut]), EITHER, frames)
        for flip in range(N_FLIPS):
            # the beginning is where structure lies in most formats; the other half goes anywhere
            end = len(content) if flip % 2 else min(len(content), 4096)
            damaged = bytearray(content)
            for place in random.integers(0, end, FLIPPED_BITS).tolist():
                damaged[place] ^= 1 << int(random.integers(8))
            yield Case(f"flip_{flip}_{name}", from_bytes(bytes(damaged)), EITHER)
    yield from _damage_under_a_checksum()


def _damage_under_a_checksum() -> Cases:
    """Yield files of which a sum is kept for each chunk: what is damaged there must be refused."""
    content = _content("summed.h5")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "summed.h5"
        path.write_bytes(content)
        with h5py.File(path) as file:
            data = file["entry_1/instrument_1/detector_1/data"].id
            chunks = [data.get_chunk_info(number) for number in range(data.get_num_chunks())]
    for number, chunk in enumerate(chunks):
        damaged = bytearray(content)
        damaged[chunk.byte_offset + 7 * number] ^= 4
        yield Case(f"sum_{number}_summed.h5", from_bytes(bytes(damaged)))
