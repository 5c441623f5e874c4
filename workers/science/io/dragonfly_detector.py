"""Dragonfly's detector file: where each pixel lies in reciprocal space, and which are good.

Text (`.dat`): a line ``n_pixels detector_distance ewald_radius`` (distance in pixels), then for each pixel
``qx qy qz correction mask``. HDF5 (`.h5`): the same as datasets. Mask 2 is a pixel that is never used.
"""

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.audit import MAX_SIDE, check_stored, hdf5_errors
from workers.science.io.guard import Guard
from workers.science.io.links import GuardedFile

MAX_PIXELS = 32 * 2**20
MAX_TEXT_BYTES = 4 * 2**30
_MAX_LOOKED_AT = 20
_MAX_BAD = 2
_REMEDY = "Take the detector file away, or put the right one there"


@dataclass(frozen=True)
class Detector:
    """Where the pixels lie in a frame.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the smallest frame that holds all of them.
    places : ndarray of shape (n_pixels,), int64
        Row times width plus column of each pixel.
    good : ndarray of shape (height, width), bool
        True where a pixel lies that is used.
    """

    shape: tuple[int, int]
    places: NDArray
    good: NDArray


def find_detector(guard: Guard, path: str, n_pixels: int) -> tuple[str, Detector] | None:
    """Look for a detector file with as many pixels in the folder of the photons.

    Parameters
    ----------
    guard : Guard
        Opens the files.
    path : str
        The photons.
    n_pixels : int
        Number of pixels of a frame.

    Returns
    -------
    found : tuple of str and Detector, or None
        The first ``det_*.h5`` or ``det_*.dat`` that fits; what cannot be read is passed over.
    """
    folder = Path(os.path.realpath(path)).parent
    beside = sorted(str(file) for file in folder.glob("det_*") if file.suffix in (".h5", ".dat"))
    for candidate in beside[:_MAX_LOOKED_AT]:
        try:
            return candidate, read_detector(guard, candidate, n_pixels)
        except SourceError:
            guard.opened.pop(os.path.realpath(candidate), None)  # it does not belong to the data set
    return None


def read_detector(guard: Guard, path: str, n_pixels: int) -> Detector:
    """Read a detector file.

    Parameters
    ----------
    guard : Guard
        Opens the file.
    path : str
        The file.
    n_pixels : int
        Number of pixels that it must have.

    Returns
    -------
    detector : Detector
        Pixels at the distance of the detector, rounded to whole pixels; x runs along the rows.

    Raises
    ------
    SourceError
        If it is refused or damaged, if it has another number of pixels, or if two lie at one place.
    """
    if n_pixels > MAX_PIXELS:
        raise SourceError(path, f"would have {n_pixels} pixels, more than can be true", _REMEDY)
    if guard.read_head(path, 8) == b"\x89HDF\r\n\x1a\n":
        columns, distance, radius = _read_hdf5(guard, path, n_pixels)
    else:
        columns, distance, radius = _read_text(guard, path, n_pixels)
    qx, qy, qz, mask = columns
    with np.errstate(all="ignore"):
        depth = radius - np.abs(qz)  # both signs of qz are in use
        along = [q * distance / depth for q in (qx, qy)]
    if not np.isfinite(along).all():
        raise SourceError(path, "has pixels that lie nowhere", _REMEDY)
    spread = [float(position.max() - position.min()) for position in along]
    if max(spread) >= MAX_SIDE:
        raise SourceError(path, f"is {max(spread):.0f} pixels wide", _REMEDY)
    rows, columns_ = (np.round(position - position.min()).astype(np.int64) for position in along)
    height, width = int(rows.max()) + 1, int(columns_.max()) + 1
    places = rows * width + columns_
    if len(np.unique(places)) != n_pixels:
        raise SourceError(path, "has two pixels at one place", _REMEDY)
    good = np.zeros(height * width, bool)
    good[places] = mask < _MAX_BAD
    return Detector((height, width), places, good.reshape(height, width))


def _read_text(guard: Guard, path: str, n_pixels: int) -> tuple[NDArray, float, float]:
    opened = guard.open_file(path)
    with os.fdopen(opened.descriptor, "rb") as file:
        if opened.size > min(MAX_TEXT_BYTES, 512 * (n_pixels + 1)):
            raise SourceError(path, "is longer than its pixels need", _REMEDY)
        first = file.readline(1000).split()
        try:
            n_here, distance, radius = int(first[0]), float(first[1]), float(first[2])
            if n_here != n_pixels:
                raise SourceError(path, f"has {n_here} pixels, the photons {n_pixels}", _REMEDY)
            text = io.TextIOWrapper(file, "ascii")
            values = np.loadtxt(text, usecols=(0, 1, 2, 4), max_rows=n_pixels + 1, ndmin=2)
        except (ValueError, IndexError, UnicodeError) as error:
            raise SourceError(path, "is no detector file of Dragonfly", _REMEDY) from error
    if len(values) != n_pixels:
        raise SourceError(path, f"has {len(values)} lines for {n_pixels} pixels", _REMEDY)
    return values.T, distance, radius


def _read_hdf5(guard: Guard, path: str, n_pixels: int) -> tuple[NDArray, float, float]:
    with GuardedFile(guard, path) as file:
        columns = [_read_column(file, name, n_pixels) for name in ("qx", "qy", "qz", "mask")]
        distance, radius = (float(_read_column(file, name, 1)[0]) for name in ("detd", "ewald_rad"))
    return np.array(columns), distance, radius


def _read_column(file: GuardedFile, name: str, n_values: int) -> NDArray:
    node = file.locate(f"/{name}").node
    subject = file.subject(name)
    with hdf5_errors(subject):
        check_stored(node, subject)
        if node.is_virtual or node.size != n_values:
            raise SourceError(subject, f"has {node.size} values, not {n_values}", _REMEDY)
        return np.asarray(node[()], np.float64).reshape(-1)
