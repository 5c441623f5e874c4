"""Small frames of a few clearly different classes, and small files, made within milliseconds for tests."""

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy import special

CLASSES = ("empty", "round", "elliptical", "streak")


def diffraction_frames(n: int, size: int = 64, seed: int = 0) -> tuple[NDArray, NDArray]:
    """Make frames that look like diffraction patterns, of four classes in turn.

    Parameters
    ----------
    n : int
        Number of frames.
    size : int, default=64
        Side of a frame, in pixels; the beam is in the middle, at ``(size - 1) / 2``.
    seed : int, default=0
        Seed of the particles' sizes and directions and of the Poisson noise.

    Returns
    -------
    frames : ndarray of shape (n, size, size), uint16
        Counts.
    classes : ndarray of shape (n,), int64
        Index into `CLASSES`.
    """
    random = np.random.default_rng(seed)
    classes = np.arange(n) % len(CLASSES)
    axis = np.arange(size) - (size - 1) / 2
    angle = random.uniform(0, np.pi, n)[:, None, None]
    along = np.cos(angle) * axis[None, None, :] + np.sin(angle) * axis[None, :, None]
    across = -np.sin(angle) * axis[None, None, :] + np.cos(angle) * axis[None, :, None]
    squeeze = np.choose(classes, (1, 1, 0.6, 0.15))[:, None, None]
    n_rings = random.uniform(3, 6, n)[:, None, None]
    q = 2 * np.pi * n_rings * np.hypot(along * squeeze, across) / size
    # the far field of a disc: (2 J1(q) / q)^2
    airy = (2 * special.j1(q) / np.maximum(q, 1e-6)) ** 2
    brightness = np.where(classes == 0, 0, 10 ** random.uniform(3.5, 4.5, n))[:, None, None]
    frames = random.poisson(np.minimum(brightness * airy, 60_000) + 0.05)
    return frames.astype(np.uint16), classes


def write_cxi(path: Path | str, frames: NDArray, mask: NDArray | None = None, **chunking: object) -> str:
    """Write a CXI file with one stack of frames.

    Parameters
    ----------
    path : Path or str
        The file.
    frames : ndarray of shape (n, h, w), (n, module, y, x) or (h, w)
        Counts.
    mask : ndarray of uint32, optional
        CXI mask, 0 = good.
    **chunking
        Passed to h5py, for instance ``chunks`` or ``compression``.

    Returns
    -------
    path : str
        The file.
    """
    with h5py.File(path, "w") as file:
        file["cxi_version"] = 160
        file["number_of_entries"] = 1
        detector = file.create_group("entry_1/instrument_1/detector_1")
        detector.create_dataset("data", data=frames, **chunking)
        if mask is not None:
            detector["mask"] = mask
        file["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
    return str(path)


def write_entries(path: Path | str, frames: NDArray, bunches: NDArray | None = None) -> str:
    """Write a CXI file with one entry per shot, as CXIDB 94.

    Parameters
    ----------
    path : Path or str
        The file.
    frames : ndarray of shape (n, h, w)
        Counts.
    bunches : ndarray of shape (n,), int, optional
        Bunch numbers.

    Returns
    -------
    path : str
        The file.
    """
    with h5py.File(path, "w") as file:
        file["cxi_version"] = 130
        for number, frame in enumerate(frames, start=1):
            file[f"entry_{number}/instrument_1/detector_1/data"] = frame
            if bunches is not None:
                file[f"entry_{number}/experimental_identifier"] = int(bunches[number - 1])
    return str(path)
