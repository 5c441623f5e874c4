"""Frames with their classes as CXI 1.6: pointing at the raw files, or holding copies of the frames."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.export.frame_list import FrameList
from workers.science.export.virtual import create_virtual, runs
from workers.science.instrument import in_si
from workers.science.io import open_source
from workers.science.io.cxi_writer import CXI_VERSION, PixelFault
from workers.science.io.places import find_pieces
from workers.science.mask_reasons import REASONS

DETECTOR = "/entry_1/instrument_1/detector_1"
# EXtra-data's names, by which other programs look for them
ID_NAMES = {"train_id": "trainId", "pulse_id": "pulseId", "cell_id": "cellId"}
FAULTS = {
    "empty": PixelFault.MISSING,
    "file": PixelFault.INVALID,
    "dead": PixelFault.DEAD,
    "hot": PixelFault.HOT,
    "noisy": PixelFault.NOISY,
    "drawn": PixelFault.BAD,
    "hole": PixelFault.SHADOWED,
}
BLOCK_BYTES = 32 * 2**20
_TEXT_BLOCK = 1 << 16
_LIBVER = ("v110", "v110")  # what programs with HDF5 1.10 read, the first with virtual datasets


@dataclass(frozen=True)
class CxiSource:
    """What CXI files are written from, besides the list of frames.

    Parameters
    ----------
    description : dict
        The source description.
    mask : ndarray of shape (height, width), uint32, optional
        Bits of `PixelFault`.
    title : str
        Of the data set.
    """

    description: dict[str, Any]
    mask: NDArray[np.uint32] | None
    title: str


def mask_of(reasons: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return a CXI mask of the reasons for which pixels are masked (bits of `mask_reasons.REASONS`)."""
    mask = np.zeros(reasons.shape, np.uint32)
    for name, bit in REASONS.items():
        mask[reasons & bit != 0] |= np.uint32(FAULTS[name])
    return mask


def write_virtual(path: Path, frames: FrameList, source: CxiSource) -> str:
    """Write a CXI file whose frames are a virtual dataset, which points at the raw files.

    Returns
    -------
    words : str
        What is to be known of the file.

    Raises
    ------
    SourceError
        If the frames do not lie in HDF5 files, or none of the files can be opened.
    """
    lost: list[SourceError] = []
    pieces = list(find_pieces(source.description, frames.index, lost))
    if not pieces:
        raise lost[0] if lost else SourceError(path.name, "has no frames", "Choose other frames")
    n_modules = source.description.get("n_modules", 1) if pieces[0].module is not None else 0
    dtype = pieces[0].dtype.newbyteorder("=")
    with h5py.File(path, "w", libver=_LIBVER) as file:
        detector = _lay_out(file, frames, source, copied=False)
        data = create_virtual(detector, "data", len(frames), pieces, n_modules, dtype)
        _complete(file, data, source)
    there = np.zeros(len(frames), bool)
    for piece in pieces:
        there[piece.targets] = True
    n_lost = int((~there).sum())
    n_files = len({piece.file for piece in pieces})
    files = "one raw file" if n_files == 1 else f"{n_files} raw files"
    words = (
        f"{len(frames)} frames that point at {files}. They are read where the raw data lie now, or beside "
        "this file, or below HDF5_VDS_PREFIX; elsewhere they read as 0 or NaN."
    )
    return f"{words} {n_lost} of them could not be found: {lost[0]}" if n_lost and lost else words


def write_copy(path: Path, frames: FrameList, source: CxiSource, on_frames: Callable[[int], None]) -> str:
    """Write a CXI file that holds the frames themselves, in their own type, compressed with gzip.

    Parameters
    ----------
    path, frames, source
        As for `write_virtual`.
    on_frames : callable
        Called with the number of frames that are written.

    Returns
    -------
    words : str
        What is to be known of the file.
    """
    told = source.description
    frame_shape, dtype = (told["height"], told["width"]), np.dtype(told["dtype"])
    with h5py.File(path, "w", libver=_LIBVER) as file:
        detector = _lay_out(file, frames, source, copied=True)
        data = detector.create_dataset(
            "data",
            (len(frames), *frame_shape),
            dtype,
            chunks=(1, *frame_shape),  # one frame is what a reader asks for
            compression="gzip",
            compression_opts=1,
            shuffle=True,
            track_times=False,
        )
        lost, done = [], 0
        with open_source(told) as reader:
            for start, place, length in _blocks(frames, int(np.prod(frame_shape)) * dtype.itemsize):
                try:
                    data[place : place + length] = reader.read(start, start + length)
                except SourceError as error:
                    lost += _copy_one_by_one(reader, data, start, place, length, error)
                done += length
                on_frames(done)
        if len(lost) == len(frames):
            raise lost[0]
        _complete(file, data, source)
    words = f"{len(frames)} frames, copied."
    return f"{words} {len(lost)} of them could not be read and are empty: {lost[0]}" if lost else words


def _copy_one_by_one(
    reader: Any, data: h5py.Dataset, start: int, place: int, length: int, error: SourceError
) -> list[SourceError]:
    """Copy the frames of a block of which one at least cannot be read; return what is wrong with those."""
    if length == 1:
        return [error]
    lost = []
    for offset in range(length):
        try:
            data[place + offset] = reader.read(start + offset, start + offset + 1)[0]
        except SourceError as other:
            lost.append(other)
    return lost


def _blocks(frames: FrameList, frame_bytes: int) -> Iterator[tuple[int, int, int]]:
    """Yield first frame, its place and their number of stretches that fit into memory."""
    most = max(1, BLOCK_BYTES // frame_bytes)
    for start, place, length in runs(frames.index, np.arange(len(frames))):
        for offset in range(0, length, most):
            yield start + offset, place + offset, min(most, length - offset)


def _lay_out(file: h5py.File, frames: FrameList, source: CxiSource, *, copied: bool) -> h5py.Group:
    """Write all but the frames and what depends on their shape; return the detector."""
    file["cxi_version"], file["number_of_entries"] = CXI_VERSION, 1
    entry = file.create_group("entry_1")
    entry["title"] = np.bytes_(source.title.encode())
    entry["program_name"] = np.bytes_(b"Fringe")
    entry["experiment_identifier"] = identifiers(frames)
    for name, called in ID_NAMES.items():
        if (frames.ids[name] >= 0).all():
            entry[called] = frames.ids[name]
    _write_origin(entry.create_group("origin_1"), frames, source, copied=copied)
    detector = entry.create_group("instrument_1/detector_1")
    detector["experiment_identifier"] = h5py.SoftLink("/entry_1/experiment_identifier")
    _write_instrument(entry["instrument_1"], frames, source)
    headings = np.array([name.encode() for name in frames.classes], "S") if frames.classes else None
    if headings is not None:
        detector["tags"] = frames.decided.T.astype(np.int8)
        detector["tags"].attrs["headings"] = headings
    if frames.scores is not None:
        detector["score"] = frames.scores.T
        detector["score"].attrs["headings"] = headings
    return detector


def _write_instrument(instrument: h5py.Group, frames: FrameList, source: CxiSource) -> None:
    """Write photon energy, distance and pixel size in SI units, as far as the source tells them."""
    told = source.description.get("columns", {})
    found = in_si(frames.instrument, {name: told.get(name, {}).get("unit", "") for name in frames.instrument})
    if "energy" in found and np.isfinite(found["energy"]).all():
        light = instrument.create_group("source_1")
        light["energy"] = found["energy"]
        light["energy"].attrs["axes"] = "experiment_identifier"
        light["experiment_identifier"] = h5py.SoftLink("/entry_1/experiment_identifier")
    for name, called in (("distance", ("distance",)), ("pixel_size", ("x_pixel_size", "y_pixel_size"))):
        values = np.unique(found.get(name, np.zeros(0)))
        for member in called if len(values) == 1 and np.isfinite(values[0]) else ():
            instrument["detector_1"][member] = values[0]


def _write_origin(origin: h5py.Group, frames: FrameList, source: CxiSource, *, copied: bool) -> None:
    """Say of each frame where it is from: by this, labels find their frames again."""
    sizes = {item["path"]: item["size"] for item in source.description["files"]}
    fingerprints = {item["path"]: item["fingerprint"] for item in source.description["files"]}
    origin["files"] = _texts(frames.sources)
    origin["sizes"] = np.array([sizes.get(name, -1) for name in frames.sources], np.int64)
    origin["fingerprints"] = _texts([str(fingerprints.get(name, "")) for name in frames.sources])
    origin["paths"] = _texts(frames.paths)
    origin["file"], origin["path"] = frames.source, frames.path
    origin["index"], origin["frame"] = frames.source_index, frames.index
    words = "The frames are copies" if copied else "The frames lie in these files"
    origin["description"] = np.bytes_(
        f"{words}; files and paths say where frame, counted in the data set, is from. "
        "A frame of a virtual dataset whose file is gone reads as 0 or NaN.".encode()
    )


def _complete(file: h5py.File, data: h5py.Dataset, source: CxiSource) -> None:
    """Write what depends on the shape of the frames: axes, mask, and the link by which they are found."""
    detector, has_modules = file[DETECTOR], data.ndim == 4
    axes = ["experiment_identifier", *(["module_identifier"] if has_modules else []), "y", "x"]
    data.attrs["axes"] = ":".join(axes)  # as text: the CXI project's validator splits it
    entry = file["entry_1"].create_group("data_1")
    entry["data"] = h5py.SoftLink(f"{DETECTOR}/data")
    entry["experiment_identifier"] = h5py.SoftLink("/entry_1/experiment_identifier")
    if has_modules:
        detector["module_identifier"] = _texts([f"module {number}" for number in range(data.shape[1])])
        entry["module_identifier"] = h5py.SoftLink(f"{DETECTOR}/module_identifier")
    mask, shape = source.mask, data.shape[1:]
    if mask is None or mask.size != np.prod(shape):
        mask = np.zeros(shape, np.uint32)
    detector.create_dataset("mask", data=mask.reshape(shape), compression="gzip", track_times=False)


def identifiers(frames: FrameList) -> NDArray[np.bytes_]:
    """Return a name for each frame: train and pulse where they are known, else file and number."""
    train, pulse = (pa.array(frames.ids[name]).cast(pa.string()) for name in ("train_id", "pulse_id"))
    if (frames.ids["train_id"] >= 0).all():
        has_pulses = bool((frames.ids["pulse_id"] >= 0).all())
        texts = pc.binary_join_element_wise(train, pulse, ":") if has_pulses else train
        if has_pulses or len(np.unique(frames.ids["train_id"])) == len(frames):
            return _bytes(texts)
    files = np.array([*(Path(name).name for name in frames.sources), ""], object)
    names = pa.array(files[frames.source], pa.string())
    return _bytes(pc.binary_join_element_wise(names, pa.array(frames.index).cast(pa.string()), " "))


def _bytes(texts: pa.Array) -> NDArray[np.bytes_]:
    """Return texts as bytes of one length, a block at a time, since there may be millions."""
    width = max(1, pc.max(pc.binary_length(texts)).as_py() or 1)
    found = np.zeros((len(texts), width), np.uint8)
    for start in range(0, len(texts), _TEXT_BLOCK):
        part = pa.concat_arrays([texts.slice(start, _TEXT_BLOCK).cast(pa.large_binary())])
        offsets = np.frombuffer(part.buffers()[1], np.int64)[: len(part) + 1]
        values = np.frombuffer(part.buffers()[2] or b"", np.uint8)[: offsets[-1]]
        row = np.repeat(np.arange(len(part)), np.diff(offsets))
        found[start + row, np.arange(len(values)) - offsets[row]] = values
    return found.view(f"S{width}").ravel()


def _texts(texts: list[str]) -> NDArray[np.bytes_]:
    return np.array([text.encode() for text in texts] or [b""], "S")
