"""Judge one HDF5 dataset before a byte of it is read: what it stores, how, and how much it claims to be."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import h5py
import hdf5plugin  # noqa: F401  importing it registers the filters
import numpy as np

from workers.science.errors import SourceError

# deflate, shuffle, fletcher32, lzf, blosc, lz4, bitshuffle, zstd. Left out on purpose: szip (4), nbit (5) and
# scale-offset (6), whose decoders have had memory errors on hostile input.
ALLOWED_FILTERS = frozenset({1, 2, 3, 32000, 32001, 32004, 32008, 32015})
# Without bitshuffle, which may stand before another one and compresses only if it is told to.
_COMPRESSORS = ALLOWED_FILTERS - {2, 3, 32008}
MAX_GAIN_CHANNELS = 2  # AGIPD keeps the counts and how they were amplified
MIN_SIDE = 8
MAX_SIDE = 32_768
MAX_FRAMES = 100_000_000
MAX_FRAME_BYTES = 256 * 2**20
# One pixel costs a whole chunk, decoded, and another one for the filter before it.
MAX_CHUNK_BYTES = 128 * 2**20
MAX_LOGICAL_BYTES = 8 * 2**40
# A dataset of which almost nothing is stored is all fill values. Compressed blank frames reach a few
# thousand to one.
MAX_EXPANSION = 20_000
_EXPANSION_MATTERS_BYTES = 64 * 2**30


@contextmanager
def hdf5_errors(subject: str) -> Iterator[None]:
    """Turn what h5py raises on a damaged file into one error for the user.

    Parameters
    ----------
    subject : str
        File and dataset that are being read.

    Raises
    ------
    SourceError
        In place of any error of the HDF5 library.
    """
    try:
        yield
    except MemoryError as error:
        cause = "needs more memory than its reader may take"
        raise SourceError(subject, cause, "Write smaller chunks or frames") from error
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, UnicodeError) as error:
        text = str(error)
        if "signature not found" in text:
            raise SourceError(subject, "is not an HDF5 file", "Choose an HDF5 or CXI file") from error
        if "already open for" in text:
            cause = "is open for writing, or was left so by its writer"
            remedy = "Wait until it is closed, or clear its mark with h5clear -s"
            raise SourceError(subject, cause, remedy) from error
        if "truncated file" in text:
            raise SourceError(
                subject, "the file is truncated", "Copy it again, or wait until it is written"
            ) from error
        cause = f"cannot be read, it may be damaged ({text[:200]})"
        raise SourceError(subject, cause, "Check the file with h5dump, or copy it again") from error


def split_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Read a dataset's shape as (number of frames, height, width).

    Parameters
    ----------
    shape : tuple of int
        ``(y, x)`` one frame, ``(n, y, x)`` a stack, ``(n, module, y, x)`` modules that are stacked along y,
        ``(n, module, gain, y, x)`` modules of raw data, of which the first gain channel is read.

    Returns
    -------
    n_frames, height, width : int
        As the readers present the dataset.
    """
    if len(shape) == 2:
        return 1, shape[0], shape[1]
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    return shape[0], shape[1] * shape[-2], shape[-1]


def check_stored(dataset: h5py.Dataset, subject: str) -> None:
    """Refuse what is dangerous to read: raw data in other files, unknown filters, huge chunks, objects.

    Parameters
    ----------
    dataset : h5py.Dataset
        Any dataset; nothing of its content is read.
    subject : str
        What the error names.

    Raises
    ------
    SourceError
        If the dataset is refused.
    """
    plist = dataset.id.get_create_plist()
    if plist.get_external_count():
        _refuse(subject, "keeps its data in another file of any kind (external raw storage)")
    if dataset.dtype.kind not in "iufb" or dataset.dtype.itemsize > 8 or dataset.dtype.subdtype:
        _refuse(subject, f"holds values of type {dataset.dtype}, not plain numbers")
    if dataset.shape is None:
        _refuse(subject, "is an empty dataspace")
    codes = [plist.get_filter(number)[0] for number in range(plist.get_nfilters())]
    for code in codes:
        if code not in ALLOWED_FILTERS:
            _refuse(subject, f"is compressed with the filter {code}, which is not on the list")
    if sum(code in _COMPRESSORS for code in codes) > 1:
        _refuse(subject, "is compressed twice, so that a small file could grow without bound")
    if dataset.chunks and math.prod(dataset.chunks) * dataset.dtype.itemsize > MAX_CHUNK_BYTES:
        size = math.prod(dataset.chunks) * dataset.dtype.itemsize
        _refuse(
            subject,
            f"is stored in chunks of {size / 2**20:.0f} MiB, more than {MAX_CHUNK_BYTES // 2**20} MiB",
        )


def check_frames(dataset: h5py.Dataset, subject: str) -> None:
    """Refuse a dataset that cannot be frames of a detector.

    Parameters
    ----------
    dataset : h5py.Dataset
        A dataset that `check_stored` accepted.
    subject : str
        What the error names.

    Raises
    ------
    SourceError
        If rank, shape or size are out of bounds, or if there is no frame.
    """
    # EXtra-data puts the modules of a raw run together so; elsewhere five axes can mean anything
    is_raw = dataset.ndim == 5 and dataset.is_virtual and dataset.shape[2] <= MAX_GAIN_CHANNELS
    if not (dataset.ndim in (2, 3, 4) or is_raw) or dataset.dtype.kind == "b":
        _refuse(subject, f"is no stack of frames: {dataset.dtype} of shape {dataset.shape}")
    n_frames, height, width = split_shape(dataset.shape)
    if n_frames == 0:
        raise SourceError(
            subject, "holds no frame (0 frames)", "Choose another file, or wait until it is written"
        )
    if not (MIN_SIDE <= height <= MAX_SIDE and MIN_SIDE <= width <= MAX_SIDE):
        _refuse(subject, f"has frames of {height} x {width} pixels")
    frame_bytes = height * width * dataset.dtype.itemsize
    logical = n_frames * frame_bytes
    if n_frames > MAX_FRAMES or frame_bytes > MAX_FRAME_BYTES or logical > MAX_LOGICAL_BYTES:
        _refuse(subject, f"claims {n_frames} frames of {frame_bytes / 2**20:.1f} MiB, more than can be true")
    stored = dataset.id.get_storage_size()
    if not dataset.is_virtual and logical > max(_EXPANSION_MATTERS_BYTES, MAX_EXPANSION * stored):
        _refuse(subject, f"claims {logical / 2**30:.0f} GiB but stores {stored} bytes")


def native(frames: np.ndarray) -> np.ndarray:
    """Give an array the byte order of this machine, without a copy where it has it."""
    return frames.astype(frames.dtype.newbyteorder("="), copy=False)


def _refuse(subject: str, cause: str) -> None:
    raise SourceError(
        subject, cause, "Choose another dataset, or write the frames as plain numbers of shape (n, y, x)"
    )
