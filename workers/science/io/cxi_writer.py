"""Write a stack of frames as CXI 1.6, the format of the Coherent X-ray Imaging data bank."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntFlag
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py
import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError

CXI_VERSION = 160
PLANCK_TIMES_LIGHT_J_M = 6.62607015e-34 * 299792458


class PixelFault(IntFlag):
    """Bits of a CXI mask, as in the detector class of the specification; no bit set is a good pixel."""

    INVALID = 0x1
    SATURATED = 0x2
    HOT = 0x4
    DEAD = 0x8
    SHADOWED = 0x10
    BAD = 0x80
    MISSING = 0x200
    NOISY = 0x400
    HAS_SIGNAL = 0x1000


@dataclass(frozen=True)
class CxiHeader:
    """What holds for all frames of a file.

    Parameters
    ----------
    n_frames : int
        Number of frames, at least 1.
    mask : ndarray of shape (height, width), uint32
        Bits of `PixelFault`; its shape is that of the frames.
    distance_m, pixel_size_m : float
        Distance of the detector and side of its pixels, in metres.
    headings : sequence of str
        Names of the tags.
    title, description : str
        For the reader of the file; where the frames are simulated, both should say so.
    source_name, program_name : str
        What made the light, and what wrote the file.
    """

    n_frames: int
    mask: NDArray[np.uint32]
    distance_m: float
    pixel_size_m: float
    headings: Sequence[str]
    title: str
    description: str
    source_name: str
    program_name: str = "Fringe"


class CxiWriter:
    """Write frames, tags and photon energies; the file appears under its name when all is written.

    Use it as a context manager. The file grows under a temporary name beside `path` and is renamed at the
    end; after an exception nothing is left.

    Parameters
    ----------
    path : Path
        The file to write; one of that name is replaced.
    header : CxiHeader
        What holds for all frames.

    Raises
    ------
    SourceError
        If there is no frame to write or, at the end, if not all frames were written.
    """

    def __init__(self, path: Path, header: CxiHeader) -> None:
        if header.n_frames < 1:
            raise SourceError(path.name, "a CXI file needs at least one frame", "Ask for one frame or more")
        self._path, self._header, self._n_written = path, header, 0
        self._partial = path.with_name(f".{path.name}.partial")

    def __enter__(self) -> Self:
        self._file = h5py.File(self._partial, "w")
        try:
            self._lay_out()
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        if self._n_written != self._header.n_frames:
            self._discard()
            cause = f"{self._n_written} of {self._header.n_frames} frames were written"
            raise SourceError(self._path.name, cause, "Write the file again")
        self._file["entry_1/end_time"] = np.bytes_(_now())
        self._file.close()
        self._partial.replace(self._path)

    def append(
        self, frames: NDArray[np.uint16], tags: NDArray[np.int8], wavelengths_nm: NDArray[np.float64]
    ) -> None:
        """Write the next frames with what belongs to each.

        Parameters
        ----------
        frames : ndarray of shape (m, height, width), uint16
            Detector counts.
        tags : ndarray of shape (m, n_headings), int8
            1 where the tag applies, else 0.
        wavelengths_nm : ndarray of shape (m,), float64
            Wavelength of each pulse, in nm; stored as photon energy in joule.

        Raises
        ------
        SourceError
            If the frames have another shape than the mask, or are more than announced.
        """
        stop = self._n_written + len(frames)
        if frames.shape[1:] != self._header.mask.shape or stop > self._header.n_frames:
            cause = f"{len(frames)} frames of shape {frames.shape[1:]} do not fit after {self._n_written}"
            raise SourceError(self._path.name, cause, "Write frames of the announced shape and number")
        detector = self._file["entry_1/instrument_1/detector_1"]
        for offset, frame in enumerate(frames):
            detector["data"][self._n_written + offset] = frame
        detector["tags"][:, self._n_written : stop] = tags.T
        energy = PLANCK_TIMES_LIGHT_J_M / (np.asarray(wavelengths_nm) * 1e-9)
        self._file["entry_1/instrument_1/source_1/energy"][self._n_written : stop] = energy
        self._n_written = stop

    def _lay_out(self) -> None:
        header, file = self._header, self._file
        file["cxi_version"], file["number_of_entries"] = CXI_VERSION, 1
        entry = file.create_group("entry_1")
        for name, text in (
            ("title", header.title),
            ("experiment_description", header.description),
            ("program_name", header.program_name),
            ("start_time", _now()),
        ):
            entry[name] = np.bytes_(text.encode())
        entry["experiment_identifier"] = np.array([f"frame_{i:07d}" for i in range(header.n_frames)], "S13")
        instrument = entry.create_group("instrument_1")
        instrument["name"] = np.bytes_(header.source_name.encode())
        self._lay_out_source(instrument.create_group("source_1"))
        self._lay_out_detector(instrument.create_group("detector_1"))
        data = entry.create_group("data_1")
        data["data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
        data["experiment_identifier"] = h5py.SoftLink("/entry_1/experiment_identifier")

    def _lay_out_source(self, source: h5py.Group) -> None:
        source["name"] = np.bytes_(self._header.source_name.encode())
        energy = source.create_dataset("energy", (self._header.n_frames,), np.float64)
        energy.attrs["axes"] = "experiment_identifier"
        source["experiment_identifier"] = h5py.SoftLink("/entry_1/experiment_identifier")

    def _lay_out_detector(self, detector: h5py.Group) -> None:
        header = self._header
        height, width = header.mask.shape
        data = detector.create_dataset(
            "data",
            (header.n_frames, height, width),
            np.uint16,
            chunks=(1, height, width),  # one frame is what a reader asks for
            compression="gzip",
            compression_opts=1,
            shuffle=True,
        )
        # A str attribute, not bytes: the CXI project's validator splits it as text.
        data.attrs["axes"] = "experiment_identifier:y:x"
        detector["experiment_identifier"] = h5py.SoftLink("/entry_1/experiment_identifier")
        detector.create_dataset("mask", data=header.mask, dtype=np.uint32, compression="gzip", shuffle=True)
        detector["distance"] = header.distance_m
        detector["x_pixel_size"] = detector["y_pixel_size"] = header.pixel_size_m
        tags = detector.create_dataset("tags", (len(header.headings), header.n_frames), np.int8)
        tags.attrs["headings"] = np.array([h.encode() for h in header.headings], "S")
        # Columns run along -x and rows along -y (CXI's default), so the first corner has both positive.
        pixel = header.pixel_size_m
        detector["basis_vectors"] = np.array([[0, -pixel, 0], [-pixel, 0, 0]])
        detector["corner_position"] = np.array([width * pixel / 2, height * pixel / 2, header.distance_m])

    def _discard(self) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
