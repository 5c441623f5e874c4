"""Small files of the formats that are not HDF5, written byte by byte or with the usual libraries."""

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io import describe_source, open_source


def describe(*sources: Path | str, dataset_path: str | None = None, root: Path | str | None = None) -> dict:
    """Describe sources below the folder of the first."""
    roots = [str(root or Path(sources[0]).parent)]
    return describe_source(sources=[str(item) for item in sources], roots=roots, dataset_path=dataset_path)


def read_all(description: dict) -> NDArray:
    """Read all frames at once."""
    with open_source(description) as reader:
        return reader.read(0, reader.n_frames)


def assert_reads(description: dict, frames: NDArray) -> None:
    """Compare the whole and ranges, forwards and backwards, with what was written."""
    assert (description["n_frames"], description["height"], description["width"]) == frames.shape
    assert np.dtype(description["dtype"]) == frames.dtype.newbyteorder("=")
    with open_source(description) as reader:
        assert np.array_equal(reader.read(0, len(frames)), frames)
        assert reader.read(0, 1).dtype == frames.dtype.newbyteorder("=")
        for start in [*range(len(frames)), *reversed(range(len(frames)))]:
            stop = min(start + 3, len(frames))
            assert np.array_equal(reader.read(start, stop), frames[start:stop])


def try_all(path: Path | str) -> tuple[NDArray | None, str]:
    """Read a file that may be damaged; return its frames, or None and the line of the refusal."""
    try:
        return read_all(describe(path)), ""
    except SourceError as error:
        return None, str(error)


def write_emc(path: Path | str, frames: NDArray) -> str:
    """Write photon counts as Dragonfly's `.emc`."""
    flat = frames.reshape(len(frames), -1)
    ones = [np.flatnonzero(frame == 1) for frame in flat]
    multi = [np.flatnonzero(frame > 1) for frame in flat]
    header = np.zeros(256, "<i4")
    header[:2] = flat.shape
    words = [header, [len(item) for item in ones], [len(item) for item in multi], *ones, *multi]
    words += [frame[places] for frame, places in zip(flat, multi, strict=True)]
    Path(path).write_bytes(b"".join(np.asarray(item, "<i4").tobytes() for item in words))
    return str(path)


def write_sparse_h5(path: Path | str, frames: NDArray, **chunking: object) -> str:
    """Write photon counts as Dragonfly's `.h5`."""
    flat = frames.reshape(len(frames), -1)
    kind = h5py.vlen_dtype(np.int32)
    with h5py.File(path, "w") as file:
        file["num_pix"] = np.array([flat.shape[1]])
        lists = {
            name: file.create_dataset(name, (len(flat),), kind, **chunking)
            for name in ("place_ones", "place_multi", "count_multi")
        }
        for number, frame in enumerate(flat):
            lists["place_ones"][number] = np.flatnonzero(frame == 1).astype(np.int32)
            lists["place_multi"][number] = np.flatnonzero(frame > 1).astype(np.int32)
            lists["count_multi"][number] = frame[frame > 1].astype(np.int32)
    return str(path)


def detector_columns(rows: NDArray, columns: NDArray, distance: float, radius: float) -> NDArray:
    """Return qx, qy, qz of pixels at whole positions about the beam, on the Ewald sphere."""
    scale = radius / np.sqrt(rows**2 + columns**2 + distance**2)
    return np.array([rows * scale, columns * scale, distance * scale - radius])
