"""Small HDF5 files in the layouts of facilities, written from what their formats say."""

from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray

JOULE = 1.602176634e-19  # of one eV


def write_cxidb94(path: Path, frames: NDArray, labels: NDArray, first_bunch: int = 700) -> str:
    """Write one entry per shot, as CXIDB 94: labels in a note, the photon energy in joule."""
    with h5py.File(path, "w") as file:
        file["cxi_version"] = 150
        for number, (frame, row) in enumerate(zip(frames, labels, strict=True), start=1):
            entry = file.create_group(f"entry_{number}")
            entry["instrument_1/detector_1/data"] = frame
            entry["instrument_1/source_1/energy"] = (20 + number) * JOULE
            entry["note_1/data"] = row.astype("i8")
            entry["experimental_identifier"] = first_bunch + number
            entry["data_1/data"] = h5py.SoftLink(f"/entry_{number}/instrument_1/detector_1/data")
    return str(path)


def write_cheetah(path: Path, frames: NDArray, mask: NDArray, mask_shared: NDArray, n_unused: int = 0) -> str:
    """Write a Cheetah stack, with slots at its end that no event came for."""
    n_frames = len(frames)
    n_slots = n_frames + n_unused
    stack = np.concatenate([frames, np.zeros((n_unused, *frames.shape[1:]), frames.dtype)])
    with h5py.File(path, "w") as file:
        file["cxi_version"] = 140
        detector = file.create_group("entry_1/instrument_1/detector_1/detector_corrected")
        detector["data"] = stack
        detector["mask"] = mask
        detector["mask_shared"] = mask_shared
        names = [f"LCLS_2013_Mar20_r0135_{n:06d}".encode() for n in range(n_frames)] + [b""] * n_unused
        file["entry_1/experiment_identifier"] = np.array(names, "S128")
        file["entry_1/data_1"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/detector_corrected")
        file["LCLS"] = h5py.SoftLink("/instrument")
        file["instrument/photon_energy_eV"] = np.full(n_slots, 1500.0)
        file["instrument/machineTime"] = np.r_[np.arange(n_frames) + 1_363_840_000, np.zeros(n_unused, int)]
        file["instrument/fiducial"] = np.arange(n_slots) * 3
        file["instrument/eventTimeString"] = np.array([b"Wed Mar 20"] * n_slots, "S26")
        file["instrument/electronBeamEnergy"] = np.linspace(3000, 3010, n_slots)
    return str(path)


def write_psocake(path: Path, frames: NDArray) -> str:
    """Write what psocake and btx export: modules one above the other in one plane."""
    with h5py.File(path, "w") as file:
        file["entry_1/data_1/data"] = frames
        file["entry_1/experimental_identifier"] = np.arange(len(frames)) + 5000
        file["entry_1/result_1/nPeaksAll"] = np.arange(len(frames))
        file["LCLS/photon_energy_eV"] = np.full(len(frames), 9500.0)
    return str(path)


def write_eiger(folder: Path, frames: NDArray, mask: NDArray, n_parts: int = 2) -> str:
    """Write an Eiger master with external links to bitshuffle-LZ4 files, and return the master."""
    parts = np.array_split(frames, n_parts)
    with h5py.File(folder / "series_7_master.h5", "w") as file:
        file["entry/definition"] = "NXmx"
        file["entry/instrument/detector/detectorSpecific/pixel_mask"] = mask
        file["entry/instrument/detector/count_time"] = 0.01
        file["entry/instrument/detector/count_time"].attrs["units"] = "s"
        file["entry/instrument/beam/incident_wavelength"] = 1.5
        file["entry/instrument/beam/incident_wavelength"].attrs["units"] = "angstrom"
        file["entry/data/omega"] = np.arange(len(frames)) * 0.1
        for number, part in enumerate(parts, start=1):
            name = f"series_7_data_{number:06d}.h5"
            file[f"entry/data/data_{number:06d}"] = h5py.ExternalLink(name, "/entry/data/data")
            with h5py.File(folder / name, "w") as of_part:
                of_part.create_dataset(
                    "entry/data/data",
                    data=part,
                    chunks=(1, *part.shape[1:]),
                    **hdf5plugin.Bitshuffle(cname="lz4"),
                )
    return str(folder / "series_7_master.h5")


def write_virtual_nexus(folder: Path, frames: NDArray) -> str:
    """Write a NXmx master whose frames are a virtual dataset over two files."""
    layout = h5py.VirtualLayout(frames.shape, frames.dtype)
    first = 0
    for number, part in enumerate(np.array_split(frames, 2), start=1):
        with h5py.File(folder / f"part_{number}.h5", "w") as file:
            file["data"] = part
        layout[first : first + len(part)] = h5py.VirtualSource(f"part_{number}.h5", "data", part.shape)
        first += len(part)
    with h5py.File(folder / "virtual.nxs", "w") as file:
        file["entry/definition"] = "NXmx"
        file.create_virtual_dataset("entry/data/data", layout)
    return str(folder / "virtual.nxs")


def write_lambda(path: Path, frame: NDArray, mask: NDArray) -> str:
    """Write a single frame of a Lambda module, with the arrays of the same shape that stand beside it."""
    with h5py.File(path, "w") as file:
        detector = file.create_group("entry/instrument/detector")
        detector["data"] = frame[None]
        detector["flatfield"] = np.ones((1, *frame.shape), "f4")
        detector["pixel_mask"] = mask[None]
        detector["collection/beam_energy"] = np.array([12000.0])
        detector["collection/beam_energy"].attrs["units"] = "eV"
        detector["collection/operating_mode"] = "TwentyFourBit"
    return str(path)


def write_fermi(path: Path, frames: NDArray, first_bunch: int, camera: str = "vmi/andor") -> str:
    """Write one file of a run of the LDM endstation at FERMI."""
    n_frames = len(frames)
    with h5py.File(path, "w") as file:
        file["bunches"] = np.arange(n_frames) + first_bunch
        file["Background_Period"] = 5
        file[camera] = frames
        file["digitizer/channel1"] = np.zeros((n_frames, 20000), "i2")  # larger than the frames
        file["photon_diagnostics/FEL01/I0_monitor/iom_sh_a"] = np.arange(n_frames) / 10 + first_bunch
        file["photon_source/FEL01/wavelength"] = 52.5
        file["user_laser/delay_line/position"] = np.arange(n_frames) * 2.0
    return str(path)


def write_sacla(path: Path, frames: NDArray, run: int = 266702, n_lost: int = 0) -> str:
    """Write a run of SACLA: one dataset per tag, two detectors, tags whose image was lost at the end."""
    tags = 121_943_650 + 2 * np.arange(len(frames) + n_lost)
    with h5py.File(path, "w") as file:
        of_run = file.create_group(f"run_{run}")
        of_run["event_info/tag_number_list"] = tags
        of_run["event_info/bl_3/oh_2/bm_1_pulse_energy_in_joule"] = tags * 1e-12
        of_run["run_info/sacla_config/photon_energy_in_eV"] = 4000.0
        for number, factor in ((1, 1), (2, 3)):
            detector = of_run.create_group(f"detector_2d_{number}")
            detector["detector_info/absolute_gain"] = 17.5 * factor
            detector["detector_info/pixel_size_in_micro_meter"] = [50.0, 50.0]
            for tag, frame in zip(tags, frames, strict=False):
                detector[f"tag_{tag}/detector_data"] = frame.astype("f4") * factor
    return str(path)


def tagged_stack(path: Path, frames: NDArray, tags: NDArray, headings: list[str]) -> str:
    """Write a CXI stack with the tags of the specification, one row for each heading."""
    with h5py.File(path, "w") as file:
        file["cxi_version"] = 160
        detector = file.create_group("entry_1/instrument_1/detector_1")
        detector["data"] = frames
        detector["tags"] = tags.astype("i1")
        detector["tags"].attrs["headings"] = np.array([name.encode() for name in headings])
        file["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
    return str(path)
