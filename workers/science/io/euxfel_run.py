"""What a run of the European XFEL holds, found out with EXtra-data: detectors, trains, who misses what."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.io.audit import MAX_SIDE, MIN_SIDE
from workers.science.io.euxfel_audit import GAS_MONITOR, audit_run_file
from workers.science.io.euxfel_join import Joined, join_modules
from workers.science.io.guard import Guard

if TYPE_CHECKING:
    from extra_data import DataCollection, FileAccess

_MODULE = re.compile(r"(?P<name>.+)/(?:DET|CORR)/(?P<number>\d{1,3})CH\d+:(?:xtdf|output)")
_IMAGE = "image.data"
_N_MODULES = {"AGIPD1M": 16, "LPD1M": 16, "DSSC1M": 16, "AGIPD500K": 8}
_OPEN_FILES = 64
_ENERGY = "pulseEnergy.photonFlux.value"  # µJ, the mean over the train


@dataclass(frozen=True)
class Detector:
    """A detector of a run.

    Parameters
    ----------
    name : str
        Device, such as ``SPB_DET_AGIPD1M-1``.
    path : str
        As a HDF5 path, with ``*`` for the number of a module.
    key : str
        EXtra-data's key of the images.
    sources : dict of int to str
        EXtra-data's source of each module that is there.
    n_modules : int
        Number of modules that there should be.
    module_shape : tuple of int
        (slow scan, fast scan) pixels of a module.
    dtype : numpy.dtype
        Of the images in the files.
    """

    name: str
    path: str
    key: str
    sources: dict[int, str]
    n_modules: int
    module_shape: tuple[int, int]
    dtype: np.dtype


@dataclass
class Run:
    """Files of a run, opened with EXtra-data."""

    guard: Guard
    data: "DataCollection"
    names: dict[str, str]  # path as it was asked for, by real path
    states: list[dict[str, str]]  # files that were left out, and why

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        for file in self.data.files:
            file.close()
        if kind is None:
            self._check_unchanged()

    @property
    def first_file(self) -> str:
        """First file of the run."""
        return next(iter(self.names.values()))

    @property
    def subject(self) -> str:
        """Name the run, for an error."""
        return os.path.dirname(self.first_file)  # noqa: PTH120  as it was asked for

    def _check_unchanged(self) -> None:
        # EXtra-data opens by name: what it read must be what was audited
        audited = {opened.path: opened.fingerprint for opened in self.guard.opened.values()}
        again = Guard(self.guard.roots, audited)
        for path in self.names.values():
            os.close(again.open_file(path).descriptor)

    def detectors(self) -> list[Detector]:
        """List the detectors, those of many modules first, then by the size of their images."""
        modules: dict[str, dict[int, str]] = {}
        single: list[Detector] = []
        for source in sorted(self.data.instrument_sources):
            with _library_errors(self.subject):
                if (match := _MODULE.fullmatch(source)) and _IMAGE in self.data[source]:
                    modules.setdefault(match["name"], {})[int(match["number"])] = source
                    continue
                single += [
                    found for key in sorted(self.data[source].keys()) if (found := self._single(source, key))
                ]
        with _library_errors(self.subject):
            large = [found for name, sources in modules.items() if (found := self._large(name, sources))]
        single.sort(key=lambda item: -np.prod(item.module_shape))
        return large + single

    def _large(self, name: str, sources: dict[int, str]) -> Detector | None:
        images = self.data[next(iter(sources.values())), _IMAGE]
        shape = images.entry_shape
        if len(shape) not in (2, 3) or not _is_image(shape[-2:], images.dtype):
            return None
        known = next((count for kind, count in _N_MODULES.items() if kind in name), 0)
        n_modules = max(known, max(sources) + 1)
        if 0 < known < n_modules:
            cause = f"has a file of module {max(sources)}, and {name} has only {known}"
            raise SourceError(self.subject, cause, "Leave that file out")
        path = re.sub(r"/\d+(CH\d+:)", r"/*\1", f"/INSTRUMENT/{next(iter(sources.values()))}/image/data")
        ordered = dict(sorted(sources.items()))
        return Detector(name, path, _IMAGE, ordered, n_modules, tuple(shape[-2:]), images.dtype)

    def _single(self, source: str, key: str) -> Detector | None:
        images = self.data[source, key]
        shape = images.entry_shape
        if len(shape) != 2 or not _is_image(shape, images.dtype) or not images.shape[0]:
            return None
        path = f"/INSTRUMENT/{source}/{key.replace('.', '/')}"
        return Detector(source, path, key, {0: source}, 1, tuple(shape), images.dtype)

    def count_frames(self, detector: Detector) -> int:
        """Count the frames of the module that has most of them."""
        with _library_errors(self.subject):
            return max(self.data[source, detector.key].shape[0] for source in detector.sources.values())

    def join(self, detector: Detector) -> Joined:
        """Join the modules of a detector on train and pulse id."""
        rows = {}
        with _library_errors(self.subject):
            for module, source in detector.sources.items():
                images = self.data[source, detector.key]
                trains = images.train_id_coordinates()
                has_pulses = detector.n_modules > 1 and "image.pulseId" in self.data[source]
                pulses = (
                    self.data[source, "image.pulseId"].ndarray().ravel() if has_pulses else _count_up(trains)
                )
                rows[module] = trains, pulses
        return join_modules(rows, self.subject)

    def segments(self, detector: Detector) -> list[dict[str, Any]]:
        """List the files of each module, with the first and the last train of each."""
        segments = []
        for module in detector.sources:
            for file in self._files(detector, module):
                trains = file.train_ids
                if not len(trains):
                    continue
                segments.append(
                    {
                        "file": self.names[os.path.realpath(file.filename)],
                        "module": module,
                        "source": detector.sources[module],
                        "key": detector.key,
                        "trains": [int(trains.min()), int(trains.max())],
                    }
                )
        return segments

    def _files(self, detector: Detector, module: int) -> list["FileAccess"]:
        with _library_errors(self.subject):
            source = detector.sources.get(module)
            return list(self.data[source, detector.key].files) if source else []

    def unordered(self, detector: Detector) -> list[dict[str, str]]:
        """Tell of files whose train ids do not increase; their frames are read in the order of the ids."""
        states, seen = [], set()
        for module in detector.sources:
            for file in self._files(detector, module):
                n_back = int(np.count_nonzero(np.diff(file.train_ids.astype(np.int64)) <= 0))
                if n_back and file.filename not in seen:
                    seen.add(file.filename)
                    words = f"train ids go back or repeat at {n_back} of {len(file.train_ids)} places"
                    name = self.names[os.path.realpath(file.filename)]
                    states.append({"file": name, "state": "unordered", "words": words})
        return states

    def file_of(self, detector: Detector, module: int) -> str:
        """Name the first file of a module, or of the run if there is none."""
        files = self._files(detector, module)
        return self.names[os.path.realpath(files[0].filename)] if files else self.first_file

    def pulse_energies(self, train_ids: NDArray) -> dict[str, NDArray[np.float64]]:
        """Read the mean pulse energy of each train, in µJ, from each gas monitor of the run, by its name."""
        energies = {}
        with _library_errors(self.subject):
            for source in sorted(self.data.control_sources):
                monitor = source.split("/")[0]
                if not monitor.endswith(GAS_MONITOR) or _ENERGY not in self.data[source]:
                    continue
                energy = self.data[source, _ENERGY]
                values = dict(
                    zip(energy.train_id_coordinates().tolist(), energy.ndarray().tolist(), strict=True)
                )
                energies[monitor] = np.array([values.get(int(train), np.nan) for train in train_ids])
        return energies


def open_run(guard: Guard, sources: Sequence[str]) -> Run:
    """Audit the files of a run and open them with EXtra-data.

    Parameters
    ----------
    guard : Guard
        Opens them first.
    sources : sequence of str
        The files.

    Returns
    -------
    run : Run
        All that can be read; a context manager, which in the end checks that no file has changed.

    Raises
    ------
    SourceError
        If no file is left.
    """
    from extra_data import DataCollection
    from extra_data.file_access import open_files_limiter

    open_files_limiter.maxfiles = _OPEN_FILES  # else as many as half of what this process may have
    names: dict[str, str] = {}
    states, last = [], None
    for source in sources:
        try:
            audit_run_file(guard, source)
            # one by one, since EXtra-data passes over what it cannot open
            with _library_errors(source):
                DataCollection.from_path(os.path.realpath(source))
            names[os.path.realpath(source)] = source
        except SourceError as error:
            last = error
            state = "unreadable" if os.path.lexists(source) else "missing"
            states.append({"file": source, "state": state, "words": f"left out: {error.cause}"})
    if not names:
        raise last
    with _library_errors(sources[0]):
        data = DataCollection.from_paths(list(names), inc_suspect_trains=False, parallelize=False)
    opened = {os.path.realpath(file.filename) for file in data.files}
    if lost := set(names) - opened:  # it only prints what it could not open a second time
        raise SourceError(names[min(lost)], "could not be opened a second time", "Try again")
    return Run(guard, data, names, states)


def _is_image(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    return dtype.kind in "iuf" and all(MIN_SIDE <= side <= MAX_SIDE for side in shape)


def _count_up(trains: NDArray) -> NDArray[np.int64]:
    """Number the entries of each train from 0."""
    starts = np.flatnonzero(np.r_[True, trains[1:] != trains[:-1]]) if len(trains) else np.zeros(0, int)
    lengths = np.diff(np.r_[starts, len(trains)])
    return np.arange(len(trains)) - np.repeat(starts, lengths)


@contextmanager
def _library_errors(subject: str) -> Iterator[None]:
    """Turn what EXtra-data raises on a file that is not as it should be into one error for the user."""
    try:
        yield
    except SourceError:
        raise
    except Exception as error:  # its errors have no common class
        cause = f"cannot be read as a run ({type(error).__name__}: {str(error)[:160]})"
        raise SourceError(
            subject, cause, "Check the files with extra-data-validate, or copy them again"
        ) from error
