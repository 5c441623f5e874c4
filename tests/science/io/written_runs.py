"""Small runs of the European XFEL, in format 1.0 of its files."""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

AGIPD = "SPB_DET_AGIPD1M-1"
MODULE = (512, 128)


def write_module(
    path: Path, module: int, trains: Sequence[int], pulses: Sequence[Sequence[int]], images: NDArray
) -> str:
    """Write the file of one AGIPD module.

    Parameters
    ----------
    path : Path
        The file.
    module : int
        Number of the module.
    trains : sequence of int
        Train ids, in the order of the file.
    pulses : sequence of sequence of int
        Pulse ids of each train; the cell is the pulse divided by two.
    images : ndarray
        Raw ``(rows, 2, 512, 128)`` or corrected ``(rows, 512, 128)``, in the order of the pulses.

    Returns
    -------
    path : str
        The file.
    """
    source = f"{AGIPD}/DET/{module}CH0:xtdf"
    counts = [len(item) for item in pulses]
    with h5py.File(path, "w") as file:
        _write_base(file, trains, [f"INSTRUMENT/{source}/image"])
        _write_index(file, f"{source}/image", counts)
        group = file.create_group(f"INSTRUMENT/{source}/image")
        flat = np.concatenate([np.asarray(item, "u8") for item in pulses])
        group["trainId"] = np.repeat(np.asarray(trains, "u8"), counts)
        group["pulseId"] = flat[:, None] if images.ndim == 4 else flat
        group["cellId"] = (flat // 2).astype("u2")
        group.create_dataset("data", data=images, chunks=(1, *images.shape[1:]), compression="lzf")
    return str(path)


def write_camera(path: Path, source: str, key: str, trains: Sequence[int], images: NDArray) -> str:
    """Write the file of a detector in one piece, with one image a train, such as a pnCCD."""
    with h5py.File(path, "w") as file:
        group = key.split("/")[0]
        _write_base(file, trains, [f"INSTRUMENT/{source}/{group}"])
        _write_index(file, f"{source}/{group}", [1] * len(trains))
        file[f"INSTRUMENT/{source}/{group}/trainId"] = np.asarray(trains, "u8")
        file[f"INSTRUMENT/{source}/{key}"] = images
    return str(path)


def write_gas_monitor(path: Path, device: str, trains: Sequence[int], energies: NDArray) -> str:
    """Write slow control data with the pulse energy, in µJ, of each train."""
    with h5py.File(path, "w") as file:
        _write_base(file, trains, [f"CONTROL/{device}"])
        _write_index(file, device, [1] * len(trains))
        topic = f"{device}/pulseEnergy/photonFlux"
        file[f"CONTROL/{topic}/value"] = np.asarray(energies, "f4")
        file[f"CONTROL/{topic}/timestamp"] = np.zeros(len(trains), "u8")
        file[f"RUN/{topic}/value"] = np.asarray(energies[:1], "f4")
    return str(path)


def _write_base(file: h5py.File, trains: Sequence[int], sources: list[str]) -> None:
    text = h5py.special_dtype(vlen=bytes)
    names = [name.encode() for name in sources] + [b""] * 3  # the list is padded
    file.create_dataset("METADATA/dataSources/dataSourceId", data=names, dtype=text)
    file["METADATA/dataFormatVersion"] = [b"1.0"]
    file["INDEX/trainId"] = np.asarray(trains, "u8")
    file["INDEX/flag"] = np.ones(len(trains), "i4")
    file["INDEX/timestamp"] = np.zeros(len(trains), "u8")


def _write_index(file: h5py.File, source: str, counts: list[int]) -> None:
    first = np.concatenate([[0], np.cumsum(counts)[:-1]]) if counts else np.zeros(0)
    file[f"INDEX/{source}/first"] = first.astype("u8")
    file[f"INDEX/{source}/count"] = np.asarray(counts, "u8")
