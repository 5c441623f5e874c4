"""Dragonfly's photons in HDF5: lists of varying length, the one place where such are read.

A list's length stands in the file beside a pointer to its values, and the HDF5 library would allocate
whatever it says. So the lengths are read here first, as the format lays them down (length in 4 bytes, then
address and index of the global heap), and compared with the number of pixels.
"""

import math
import os

import h5py
import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.audit import MAX_FRAMES, check_stored, hdf5_errors
from workers.science.io.guard import Guard
from workers.science.io.links import GuardedFile
from workers.science.io.npy import read_exactly

LISTS = ("place_ones", "place_multi", "count_multi")
_REFERENCE_BYTES = 16
_REFERENCE = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])
_REMEDY = "Check what wrote the file, or write it as .emc"


def is_sparse_hdf5(guard: Guard, path: str) -> bool:
    """Whether an HDF5 file has the datasets of sparse photons, by their names and types alone."""
    try:
        with GuardedFile(guard, path) as file, hdf5_errors(path):
            links = file.handle.id.links
            if not all(links.exists(name.encode()) for name in ("num_pix", *LISTS)):
                return False
            nodes = [file.locate(f"/{name}").node for name in LISTS]
            return all(isinstance(node, h5py.Dataset) and _is_list(node) for node in nodes)
    except SourceError:
        return False  # whoever reads HDF5 says what is wrong with it


class SparseHdf5:
    """An open file of sparse photons.

    Parameters
    ----------
    guard : Guard
        Opens the file.
    path : str
        The file.

    Raises
    ------
    SourceError
        If it is refused or damaged, or if a list claims to be longer than there are pixels.
    """

    def __init__(self, guard: Guard, path: str) -> None:
        self.path, self._file = path, GuardedFile(guard, path)
        try:
            self.n_pixels = self._read_n_pixels()
            self._lists = [self._find(name) for name in LISTS]
        except BaseException:
            self.close()
            raise
        self.n_frames = self._lists[0].shape[0]

    def read(self, frame: int) -> tuple[NDArray, NDArray, NDArray]:
        """Read one frame: pixels with one photon, pixels with more, and how many these have."""
        with hdf5_errors(f"{self.path} frame {frame}"):
            ones, multi, counts = (np.asarray(node[frame], np.int32) for node in self._lists)
        return ones, multi, counts

    def close(self) -> None:
        """Close the file."""
        self._lists = []
        self._file.close()

    def _read_n_pixels(self) -> int:
        node = self._file.locate("/num_pix").node
        subject = self._file.subject("num_pix")
        with hdf5_errors(subject):
            check_stored(node, subject)
            if node.size != 1 or node.dtype.kind not in "iu" or node.is_virtual:
                raise SourceError(subject, "is not one whole number", _REMEDY)
            n_pixels = int(np.asarray(node[()]).reshape(()))
        if not 0 < n_pixels < 2**31:
            raise SourceError(subject, f"says {n_pixels} pixels", _REMEDY)
        return n_pixels

    def _find(self, name: str) -> h5py.Dataset:
        located = self._file.locate(f"/{name}")
        node, subject = located.node, self._file.subject(name)
        if located.file is not self._file:
            raise SourceError(subject, "is a link to another file", _REMEDY)
        with hdf5_errors(subject):
            plist = node.id.get_create_plist()
            if not _is_list(node) or node.is_virtual or plist.get_external_count():
                raise SourceError(subject, "is no plain list of whole numbers for each frame", _REMEDY)
            if plist.get_nfilters():
                raise SourceError(subject, "is compressed, which lists are not", _REMEDY)
            if node.shape[0] > MAX_FRAMES or (name != LISTS[0] and node.shape != self._n_lists):
                raise SourceError(subject, f"has the shape {node.shape}", _REMEDY)
            self._n_lists = node.shape
            longest = _longest(node, self._file, subject)
        if longest > self.n_pixels:
            cause = f"claims a list of {longest} numbers in a frame of {self.n_pixels} pixels"
            raise SourceError(subject, cause, _REMEDY)
        return node


def _is_list(node: h5py.Dataset) -> bool:
    kind = h5py.check_vlen_dtype(node.dtype)
    return node.ndim == 1 and isinstance(kind, np.dtype) and kind.kind in "iu" and kind.itemsize <= 8


def _longest(node: h5py.Dataset, file: GuardedFile, subject: str) -> int:
    """Return the greatest length that a dataset of lists claims, without reading a list."""
    descriptor, size = file.opened.descriptor, os.fstat(file.opened.descriptor).st_size
    longest = 0
    for offset, n_lists in _pieces(node, subject):
        if offset + n_lists * _REFERENCE_BYTES > size:
            raise SourceError(subject, "lies behind the end of the file", _REMEDY)
        references = np.empty(n_lists, _REFERENCE)
        read_exactly(descriptor, references, offset, subject)
        longest = max(longest, int(references["length"].max(initial=0)))
    return longest


def _pieces(node: h5py.Dataset, subject: str) -> list[tuple[int, int]]:
    n_lists = node.shape[0]
    stored = node.id.get_storage_size()
    if node.chunks is None:
        offset = node.id.get_offset()
        if n_lists and (offset is None or stored != n_lists * _REFERENCE_BYTES):
            raise SourceError(subject, "is stored in a way that is not read", _REMEDY)
        return [(offset, n_lists)] if n_lists else []
    n_chunks = node.id.get_num_chunks()
    if n_chunks > math.ceil(n_lists / node.chunks[0]):
        raise SourceError(subject, "has more chunks than lists", _REMEDY)
    chunks: list = []
    if n_chunks:
        node.id.chunk_iter(chunks.append)
    if any(chunk.size != node.chunks[0] * _REFERENCE_BYTES for chunk in chunks):
        raise SourceError(subject, "is stored in a way that is not read", _REMEDY)
    return [(chunk.byte_offset, node.chunks[0]) for chunk in chunks]
