"""Read frames of a European XFEL run: each train's modules are joined on pulse id and put into an image."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.audit import native
from workers.science.io.euxfel_files import ModuleFile, TrainRows
from workers.science.io.geometry import open_geometry
from workers.science.io.guard import Guard
from workers.science.io.protocol import FrameIds

_OPEN_FILES = 40
_REMEMBERED_TRAINS = 4


@dataclass(frozen=True)
class _Train:
    """The frames of one train, and in which file and row each module has them."""

    number: int
    pulse_ids: NDArray[np.int64]
    modules: dict[int, tuple[dict[str, Any], TrainRows]]

    def rows_of(self, module: int, lo: int, hi: int) -> tuple[NDArray, NDArray]:
        """Return which of the frames [lo, hi) a module has, and their rows in its file, increasing."""
        _, found = self.modules[module]
        wanted = self.pulse_ids[lo:hi]
        order = np.argsort(found.pulse_ids, kind="stable")
        at = np.searchsorted(found.pulse_ids, wanted, sorter=order)
        at = np.minimum(at, len(order) - 1)
        is_there = found.pulse_ids[order[at]] == wanted
        frames, rows = np.flatnonzero(is_there), order[at[is_there]]
        by_row = np.argsort(rows)
        return frames[by_row], rows[by_row] + found.first


class EuxfelReader:
    """Read the frames of a run as if they were one stack; see `FrameReader`.

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
        self.n_frames, self.dtype = description["n_frames"], np.dtype(description["dtype"])
        self.height, self.width = description["height"], description["width"]
        self._segments: list[dict[str, Any]] = description["segments"]
        self._n_modules: int = description["n_modules"]
        self._train_ids: list[int] = description["trains"]["train_ids"]
        self._per_train: dict[str, list[float]] = description["trains"]["columns"]
        self._starts = np.concatenate([[0], np.cumsum(description["trains"]["counts"])])
        place = description["geometry"]
        shape = tuple(place["module_shape"])
        self._geometry = open_geometry(self.guard, place["kind"], place["path"], self._n_modules, shape)
        self._files: OrderedDict[tuple[str, int], ModuleFile] = OrderedDict()
        self._trains: OrderedDict[int, _Train] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()
        self._trains.clear()

    def read(self, start: int, stop: int) -> NDArray:
        """Read the frames ``[start, stop)``, NaN where a module is missing or where none lies."""
        shape = (stop - start, self._n_modules, *self._geometry.module_shape)
        modules = np.full(shape, np.nan, np.float32) if self._n_modules > 1 else np.zeros(shape, self.dtype)
        for segment, frames, rows in self.gather(start, stop):
            images = native(self.open_module(segment).read(rows))
            if images.shape[1:] != shape[2:]:
                cause = f"has modules of shape {images.shape[1:]}, not {shape[2:]}"
                raise SourceError(segment["file"], cause, "Register the data set again")
            modules[frames, segment["module"]] = images
        return self._geometry.assemble(modules)

    def gather(self, start: int, stop: int) -> Iterator[tuple[dict[str, Any], NDArray, NDArray]]:
        """Yield for each file of each module which of the frames it has, and their rows, increasing.

        So a file is asked once for all trains of a block, and no chunk is decompressed for each train.
        """
        parts: dict[tuple[str, int], tuple[dict[str, Any], list[NDArray], list[NDArray]]] = {}
        done = 0
        for train, lo, hi in self._pieces(start, stop):
            for module, (segment, _) in train.modules.items():
                frames, rows = train.rows_of(module, lo, hi)
                _, all_frames, all_rows = parts.setdefault((segment["file"], module), (segment, [], []))
                all_frames.append(frames + done)
                all_rows.append(rows)
            done += hi - lo
        for segment, all_frames, all_rows in parts.values():
            frames, rows = np.concatenate(all_frames), np.concatenate(all_rows)
            order = np.argsort(rows)
            if len(rows):
                yield segment, frames[order], rows[order]

    def read_mask(self) -> NDArray | None:
        """Return where modules lie, bool (height, width); None for a detector in one piece."""
        return self._geometry.covered() if self._n_modules > 1 else None

    def identify(self, start: int, stop: int) -> FrameIds:
        """Say where the frames come from: file and row of the first module that has the frame."""
        source: list[str] = []
        path: list[str] = []
        columns: dict[str, list[NDArray]] = {name: [] for name in ("row", "train", "pulse", "cell")}
        for train, lo, hi in self._pieces(start, stop):
            files, paths, rows, cells = self._place(train, lo, hi)
            source += files
            path += paths
            has_pulses = self._n_modules > 1
            columns["row"].append(rows)
            columns["train"].append(np.full(hi - lo, self._train_ids[train.number]))
            columns["pulse"].append(train.pulse_ids[lo:hi] if has_pulses else np.full(hi - lo, -1))
            columns["cell"].append(cells)
        joined = {name: np.concatenate(values) for name, values in columns.items()}
        return FrameIds(
            source,
            path,
            joined["row"],
            train_id=np.ma.array(joined["train"], np.int64),
            pulse_id=np.ma.masked_less(joined["pulse"], 0),
            cell_id=np.ma.masked_less(joined["cell"], 0),
        )

    def read_columns(self, start: int, stop: int) -> dict[str, NDArray]:
        """Read how many modules each frame misses, and what the run knows of its train."""
        numbers, missing = [], []
        for train, lo, hi in self._pieces(start, stop):
            numbers.append(np.full(hi - lo, train.number))
            has = np.zeros(hi - lo)
            for module in train.modules:
                has[train.rows_of(module, lo, hi)[0]] += 1
            missing.append(self._n_modules - has)
        trains = np.concatenate(numbers)
        columns = {name: np.array(values, np.float64)[trains] for name, values in self._per_train.items()}
        if self._n_modules > 1:
            columns["missing_modules"] = np.concatenate(missing)
        return columns

    def read_labels(self, start: int, stop: int) -> NDArray | None:
        """Runs hold no labels."""
        return None

    def block_length(self, start: int, block_bytes: int) -> int:
        """Say how many frames are best read at once: as modules and as images they take memory twice."""
        frame_bytes = self.height * self.width * self.dtype.itemsize
        copies = 2 if self._n_modules > 1 else 1
        return max(1, block_bytes // (copies * frame_bytes))

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[_Train, int, int]]:
        if not 0 <= start < stop <= self.n_frames:
            raise ValueError(f"frames [{start}, {stop}) of {self.n_frames}")
        number = bisect_right(self._starts, start) - 1
        while number < len(self._train_ids) and self._starts[number] < stop:
            first = int(self._starts[number])
            lo, hi = max(start - first, 0), min(stop, int(self._starts[number + 1])) - first
            if lo < hi:
                yield self._train(number), lo, hi
            number += 1

    def _train(self, number: int) -> _Train:
        if number not in self._trains:
            self._trains[number] = self._join(number)
            while len(self._trains) > _REMEMBERED_TRAINS:
                self._trains.popitem(last=False)
        return self._trains[number]

    def _join(self, number: int) -> _Train:
        train_id = self._train_ids[number]
        modules = {}
        for segment in self._segments:
            first, last = segment["trains"]
            if segment["module"] in modules or not first <= train_id <= last:
                continue
            rows = self.open_module(segment).rows_of(train_id)
            if rows is not None:
                modules[segment["module"]] = segment, rows
        found = [rows.pulse_ids for _, rows in modules.values()]
        pulses = np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)
        if len(pulses) != self._starts[number + 1] - self._starts[number]:
            cause = f"train {train_id} has {len(pulses)} frames, and had others when the run was registered"
            raise SourceError(self._segments[0]["file"], cause, "Register the data set again")
        return _Train(number, pulses, modules)

    def open_module(self, segment: dict[str, Any]) -> ModuleFile:
        """Return the open file of a segment of the description."""
        key = segment["file"], segment["module"]
        if key not in self._files:
            while len(self._files) >= _OPEN_FILES:
                self._files.popitem(last=False)[1].close()
            self._files[key] = ModuleFile(self.guard, segment["file"], segment["source"], segment["key"])
        self._files.move_to_end(key)
        return self._files[key]

    def _place(self, train: _Train, lo: int, hi: int) -> tuple[list[str], list[str], NDArray, NDArray]:
        files, paths = [""] * (hi - lo), [""] * (hi - lo)
        rows, cells = np.full(hi - lo, -1), np.full(hi - lo, -1)
        for module in sorted(train.modules):
            segment, found = train.modules[module]
            frames, of_module = train.rows_of(module, lo, hi)
            for frame, row in zip(frames, of_module, strict=True):
                if rows[frame] < 0:
                    files[frame], paths[frame] = segment["file"], self.open_module(segment).data_path
                    rows[frame], cells[frame] = row, found.cell_ids[row - found.first]
            if (rows >= 0).all():
                break
        return files, paths, rows, cells
