"""Read frames from HDF5 and CXI files as a source description names them."""

from bisect import bisect_right
from itertools import accumulate
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.audit import check_stored, hdf5_errors, native, split_shape
from workers.science.io.chunks import ChunkedFrames
from workers.science.io.file_labels import read_file_labels
from workers.science.io.guard import Guard
from workers.science.io.layout import locate_frames, static_or_stack
from workers.science.io.links import GuardedFile
from workers.science.io.plane_frames import PlaneFrames
from workers.science.io.protocol import FrameIds
from workers.science.io.source_columns import Rows, read_column

# 0x1000 says that the pixel has signal; all other bits are reasons not to use it (CXI 1.6, mask)
_HAS_SIGNAL = np.uint64(0x1000)
_MASK_SAMPLE = 32
_LARGEST_CHUNK_SPAN = 8


class Hdf5Reader:
    """Read the frames of a source description; files are opened when first needed, one at a time.

    Parameters
    ----------
    description : dict
        A source description.

    Raises
    ------
    SourceError
        By each method: if a file is missing, refused, damaged, or has changed since it was described.
    """

    def __init__(self, description: dict[str, Any]) -> None:
        fingerprints = {item["path"]: item["fingerprint"] for item in description["files"]}
        self.guard = Guard(description["roots"], fingerprints)
        self.segments: list[dict[str, Any]] = description["segments"]
        self.n_frames, self.dtype = description["n_frames"], np.dtype(description["dtype"])
        self.height, self.width = description["height"], description["width"]
        self.mask_path: str | None = description["mask_path"]
        self._more_masks: list[str] = description.get("more_masks", [])
        self._columns: dict[str, dict[str, Any]] = description.get("column_places", {})
        self._labels_path: str | None = description.get("labels_path")
        self._n_labels = len(description.get("label_names", []))
        self._offsets, self._file_lengths = _count_by_file(self.segments)
        self._starts = [0, *accumulate(segment["n_frames"] for segment in self.segments)]
        self._file: GuardedFile | None = None
        self._dataset: tuple[str, h5py.Dataset] | None = None
        self._chunks: ChunkedFrames | None = None
        self._n_expected = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the open file, if there is one."""
        self._dataset = self._chunks = None
        if self._file is not None:
            self._file.close()
        self._file = None

    def read(self, start: int, stop: int) -> NDArray:
        """Read the frames ``[start, stop)``.

        Parameters
        ----------
        start, stop : int
            Half-open range in the order of the data set.

        Returns
        -------
        frames : ndarray of shape (stop - start, height, width)
            In the type of the file and the byte order of this machine.

        Raises
        ------
        SourceError
            If they cannot be read, or if a file has changed.
        """
        pieces = [self._read_piece(segment, lo, hi) for segment, lo, hi in self._pieces(start, stop)]
        frames = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        return native(frames).astype(self.dtype, copy=False)

    def expect(self, n_frames: int) -> None:
        """Prepare for so many frames, which will be asked for in pieces."""
        self._n_expected = n_frames

    def read_planes(self, start: int, stop: int) -> PlaneFrames | None:
        """Read frames as bitshuffle has them, bits apart, for who can do with them.

        Parameters
        ----------
        start, stop : int
            Half-open range in the order of the data set.

        Returns
        -------
        frames : PlaneFrames or None
            None where only `read` can read them, or say why they cannot be read.

        Raises
        ------
        SourceError
            If a file is gone or has changed.
        """
        pieces = self._pieces(start, stop)
        if len(pieces) > 1 or "entries" in pieces[0][0]:
            return None
        segment, lo, hi = pieces[0]
        dataset = self._open_dataset(segment["file"], segment["path"])
        if dataset.ndim in (2, 5) or dataset.dtype != self.dtype:
            return None
        with hdf5_errors(f"{segment['file']} {segment['path']}"):
            return self._chunks_of(dataset).read_planes(lo, hi)

    def read_mask(self) -> NDArray | None:
        """Read the mask of the file.

        Returns
        -------
        mask : ndarray of shape (height, width), bool, or None
            True = good. Where the file has a mask per frame, a pixel is bad if at least half of a sample
            say so.

        Raises
        ------
        SourceError
            If it cannot be read.
        """
        if self.mask_path is None:
            return None
        masks = [self._read_one_mask(path) for path in (self.mask_path, *self._more_masks)]
        return np.logical_and.reduce(masks)

    def _read_one_mask(self, path: str) -> NDArray:
        file = self._open(self.segments[0]["file"])
        located = file.locate(path)
        subject = file.subject(path)
        with hdf5_errors(subject):
            check_stored(located.node, subject)
            shape = (self.height, self.width)
            n_masks = static_or_stack(located.node.shape, shape)
            if n_masks == 0:
                raise SourceError(subject, "does not fit the frames", "Choose another dataset")
            if n_masks == 1:
                return ~_is_bad(located.node[...].reshape(shape))
            sample = np.linspace(0, n_masks - 1, min(n_masks, _MASK_SAMPLE)).astype(int)
            votes = sum(
                _is_bad(located.node[number].reshape(shape)).astype(int) for number in np.unique(sample)
            )
        return 2 * votes < len(np.unique(sample))

    def identify(self, start: int, stop: int) -> FrameIds:
        """Say where the frames ``[start, stop)`` come from.

        Parameters
        ----------
        start, stop : int
            Half-open range in the order of the data set.

        Returns
        -------
        ids : FrameIds
            One item a frame.

        Raises
        ------
        SourceError
            If an identifier that was there cannot be read.
        """
        parts = [self._identify_piece(segment, lo, hi) for segment, lo, hi in self._pieces(start, stop)]
        return FrameIds(
            source=[item for part in parts for item in part.source],
            path=[item for part in parts for item in part.path],
            source_index=np.concatenate([part.source_index for part in parts]),
            train_id=np.ma.concatenate([part.train_id for part in parts]),
            pulse_id=np.ma.concatenate([part.pulse_id for part in parts]),
            cell_id=np.ma.concatenate([part.cell_id for part in parts]),
        )

    def read_columns(self, start: int, stop: int) -> dict[str, NDArray]:
        """Read the source columns.

        Parameters
        ----------
        start, stop : int
            Half-open range in the order of the data set.

        Returns
        -------
        columns : dict of str to ndarray of shape (stop - start,), float64
            In the units that the description names; NaN where a file does not tell.

        Raises
        ------
        SourceError
            If a file is gone or has changed.
        """
        parts: dict[str, list[NDArray]] = {name: [] for name in self._columns}
        for segment, rows in self._rows(start, stop):
            file = self._open(segment["file"])
            for name, place in self._columns.items():
                parts[name].append(read_column(file, place, rows))
        return {name: np.concatenate(values) for name, values in parts.items()}

    def read_labels(self, start: int, stop: int) -> NDArray | None:
        """Read the labels that the files hold.

        Parameters
        ----------
        start, stop : int
            Half-open range in the order of the data set.

        Returns
        -------
        labels : ndarray of shape (stop - start, n_labels), bool, or None
            True where a label applies; all False in a file without labels. None if no file has any.

        Raises
        ------
        SourceError
            If a file is gone or has changed.
        """
        if self._labels_path is None:
            return None
        return np.concatenate(
            [
                read_file_labels(self._open(segment["file"]), self._labels_path, self._n_labels, rows)
                for segment, rows in self._rows(start, stop)
            ]
        )

    def block_length(self, start: int, block_bytes: int) -> int:
        """Say how many frames from `start` on are best read at once.

        Parameters
        ----------
        start : int
            First frame.
        block_bytes : int
            Rough size in memory; up to eight times as much where one chunk of the file spans so many frames.

        Returns
        -------
        n_frames : int
            At least 1, and up to the end of a chunk, because a chunk is decompressed as a whole.
        """
        frame_bytes = self.height * self.width * self.dtype.itemsize
        wanted = max(1, block_bytes // frame_bytes)
        number = bisect_right(self._starts, start) - 1
        segment = self.segments[number]
        if "entries" in segment:
            return wanted
        chunks = self._open_dataset(segment["file"], segment["path"]).chunks
        span = chunks[0] if chunks and len(chunks) > 2 else 1
        if span * frame_bytes > _LARGEST_CHUNK_SPAN * block_bytes:
            return wanted
        offset = (start - self._starts[number]) % span
        return max(wanted // span, 1) * span - offset

    def _pieces(self, start: int, stop: int) -> list[tuple[dict[str, Any], int, int]]:
        if not 0 <= start < stop <= self.n_frames:
            raise ValueError(f"frames [{start}, {stop}) of {self.n_frames}")
        pieces = []
        for number in range(bisect_right(self._starts, start) - 1, len(self.segments)):
            segment, first = self.segments[number], self._starts[number]
            if first >= stop:
                break
            lo, hi = max(start - first, 0), min(stop - first, segment["n_frames"])
            if lo < hi:
                pieces.append((segment, lo, hi))
        return pieces

    def _rows(self, start: int, stop: int) -> list[tuple[dict[str, Any], Rows]]:
        rows = []
        for segment, lo, hi in self._pieces(start, stop):
            offset = self._offsets[segment["file"], segment["path"]]
            entries = segment["entries"][lo:hi] if "entries" in segment else None
            n_file = self._file_lengths[segment["file"]]
            rows.append((segment, Rows(offset + lo, offset + hi, n_file, entries)))
        return rows

    def _open(self, path: str) -> GuardedFile:
        if self._file is None or self._file.path != path:
            self.close()
            self._file = GuardedFile(self.guard, path)
        return self._file

    def _open_dataset(self, path: str, dataset_path: str) -> h5py.Dataset:
        file = self._open(path)
        if self._dataset is None or self._dataset[0] != dataset_path:
            dataset = locate_frames(file, dataset_path).node
            if split_shape(dataset.shape)[1:] != (self.height, self.width):
                cause = f"has frames of shape {dataset.shape}, not {self.height} x {self.width}"
                raise SourceError(
                    file.subject(dataset_path),
                    cause,
                    "Register frames of another size as a data set of their own",
                )
            self._dataset = dataset_path, dataset
        return self._dataset[1]

    def _read_piece(self, segment: dict[str, Any], lo: int, hi: int) -> NDArray:
        if "entries" in segment:
            paths = [segment["path"].replace("{entry}", str(entry)) for entry in segment["entries"][lo:hi]]
            return np.concatenate([self._read_dataset(segment["file"], path, 0, 1) for path in paths])
        return self._read_dataset(segment["file"], segment["path"], lo, hi)

    def _read_dataset(self, path: str, dataset_path: str, lo: int, hi: int) -> NDArray:
        dataset = self._open_dataset(path, dataset_path)
        with hdf5_errors(f"{path} {dataset_path}"):
            if dataset.ndim == 5:  # the first gain channel of raw data
                frames = dataset[lo:hi, :, 0]
            else:
                frames = dataset[()] if dataset.ndim == 2 else self._chunks_of(dataset).read(lo, hi)
        return frames.reshape(hi - lo, self.height, self.width)

    def _chunks_of(self, dataset: h5py.Dataset) -> ChunkedFrames:
        if self._chunks is None or self._chunks.dataset is not dataset:
            self._chunks = ChunkedFrames(dataset)
            self._chunks.expect(self._n_expected)
        return self._chunks

    def _identify_piece(self, segment: dict[str, Any], lo: int, hi: int) -> FrameIds:
        n_frames, ids = hi - lo, segment.get("ids", {})
        if "entries" in segment:
            entries = segment["entries"][lo:hi]
            paths = [segment["path"].replace("{entry}", str(entry)) for entry in entries]
            index = np.zeros(n_frames, np.int64)
        else:
            entries, paths, index = None, [segment["path"]] * n_frames, np.arange(lo, hi)
        columns = {
            name: self._read_ids(segment["file"], ids.get(name), lo, hi, entries)
            for name in ("train_id", "pulse_id", "cell_id")
        }
        return FrameIds([segment["file"]] * n_frames, paths, index, **columns)

    def _read_ids(
        self, path: str, template: str | None, lo: int, hi: int, entries: list[int] | None
    ) -> np.ma.MaskedArray:
        if template is None:
            return np.ma.masked_all(hi - lo, np.int64)
        if entries is not None and template == "{entry}":  # the number of the group is the identifier
            return np.ma.array(np.asarray(entries, np.int64))
        file = self._open(path)
        if entries is None or "{entry}" not in template:
            return np.ma.array(_read_column(file, template, lo, hi))
        values = [_read_column(file, template.replace("{entry}", str(entry)), 0, 1)[0] for entry in entries]
        return np.ma.array(np.asarray(values, np.int64))


def _read_column(file: GuardedFile, path: str, lo: int, hi: int) -> NDArray:
    node = file.locate(path).node
    with hdf5_errors(file.subject(path)):
        check_stored(node, file.subject(path))
        values = np.atleast_1d(node[()]) if node.ndim == 0 else node[lo:hi]
    return values.reshape(hi - lo).astype(np.int64)


def _count_by_file(segments: list[dict[str, Any]]) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Say where each segment begins among the frames of its file, and how many frames each file has."""
    offsets, lengths = {}, {}
    for segment in segments:
        file = segment["file"]
        offsets[file, segment["path"]] = lengths.get(file, 0)
        lengths[file] = lengths.get(file, 0) + segment["n_frames"]
    return offsets, lengths


def _is_bad(values: NDArray) -> NDArray:
    if values.dtype.kind == "f":
        return ~np.isfinite(values) | (values != 0)
    return (values.astype(np.uint64) & ~_HAS_SIGNAL) != 0
