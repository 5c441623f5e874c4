"""European XFEL runs, raw and corrected: the files of a run are one data set, its modules joined to images.

EXtra-data finds out what the files hold, and EXtra-geom puts modules into their places. Both are given only
files that went through the guard and the audit before. A run directory is the list of its files.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workers.science.errors import SourceError
from workers.science.io.euxfel_audit import GAS_MONITOR, is_run_file
from workers.science.io.euxfel_reader import EuxfelReader
from workers.science.io.euxfel_run import Detector, Run, open_run
from workers.science.io.geometry import find_geometry
from workers.science.io.guard import Guard
from workers.science.io.protocol import FrameReader

_FILE_NAME = re.compile(r"[A-Z]+-R\d{4}-\w+-S\d{5}\.h5")
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_NAMED = 8  # trains that are named where modules miss some


class EuxfelFormat:
    """The files that the data acquisition and the calibration of the European XFEL write."""

    name, title = "euxfel", "European XFEL runs (RAW-R0001-….h5, CORR-R0001-….h5)"
    words = "European XFEL run"

    def recognises(self, head: bytes, path: str, guard: Guard) -> bool:
        """Whether a HDF5 file has trains and a list of data sources."""
        if not head.startswith(_SIGNATURE):
            return False
        may_be = bool(_FILE_NAME.fullmatch(Path(path).name)) or (b"METADATA" in head and b"INDEX" in head)
        return may_be and is_run_file(guard, path)

    def describe(self, guard: Guard, sources: Sequence[str], dataset_path: str | None) -> dict[str, Any]:
        """Describe the files of a run; the detector with most modules is proposed if no path is given."""
        with open_run(guard, sources) as run:
            return _describe(run, dataset_path)

    def open(self, description: dict[str, Any]) -> FrameReader:
        """Open what was described."""
        return EuxfelReader(description)


FORMAT = EuxfelFormat()


def _describe(run: Run, dataset_path: str | None) -> dict[str, Any]:
    detectors = run.detectors()
    detector = _choose(run, detectors, dataset_path)
    joined = run.join(detector)
    geometry, warnings = find_geometry(
        run.guard, run.first_file, detector.name, detector.module_shape, detector.n_modules
    )
    columns = (
        {"missing_modules": {"unit": "", "title": "Modules that are missing"}}
        if detector.n_modules > 1
        else {}
    )
    energies = run.pulse_energies(joined.train_ids)
    columns |= {_column_of(monitor): _tell_energy(monitor) for monitor in energies}
    return {
        "format": "euxfel",
        "candidates": [_candidate(run, item) for item in detectors],
        "dataset_path": detector.path,
        "n_frames": int(joined.counts.sum()),
        "height": geometry.height,
        "width": geometry.width,
        "dtype": "float32" if detector.n_modules > 1 else detector.dtype.newbyteorder("=").name,
        "mask_path": None,
        "columns": columns,
        "states": run.states + run.unordered(detector) + _incomplete(run, detector, joined),
        "warnings": warnings,
        "segments": run.segments(detector),
        "n_modules": detector.n_modules,
        "trains": {
            "train_ids": joined.train_ids.tolist(),
            "counts": joined.counts.tolist(),
            "columns": {_column_of(monitor): values.tolist() for monitor, values in energies.items()},
        },
        "geometry": geometry.describe(),
    }


def _column_of(monitor: str) -> str:
    return f"pulse_energy_{monitor.lower()}"


def _tell_energy(monitor: str) -> dict[str, str]:
    """Name the place of the monitor: of several along the beam, each reads another energy."""
    place = monitor.removesuffix(GAS_MONITOR).replace("_", " ")
    return {"unit": "µJ", "title": f"Pulse energy at {place}"}


def _choose(run: Run, detectors: list[Detector], dataset_path: str | None) -> Detector:
    if not detectors:
        cause = "holds no detector: no source of the run has images"
        raise SourceError(run.subject, cause, "Choose a run with detector files")
    if dataset_path is None:
        return detectors[0]
    found = next((item for item in detectors if item.path == dataset_path), None)
    if found is None:
        raise SourceError(
            f"{run.subject} {dataset_path}", "there is no such detector", "Choose one of the listed ones"
        )
    return found


def _candidate(run: Run, detector: Detector) -> dict[str, Any]:
    n_frames = run.count_frames(detector)
    module = list(detector.module_shape)
    shape = [n_frames, detector.n_modules, *module] if detector.n_modules > 1 else [n_frames, *module]
    return {"path": detector.path, "shape": shape, "dtype": detector.dtype.name, "n_frames": n_frames}


def _incomplete(run: Run, detector: Detector, joined: Any) -> list[dict[str, str]]:
    states = []
    for module in range(detector.n_modules if detector.n_modules > 1 else 0):
        missed = joined.missed_by(module)
        if module not in detector.sources:
            words = f"module {module} is missing in the whole run"
        elif len(missed.trains):
            named = ", ".join(str(train) for train in missed.trains[:_NAMED])
            more = ", …" if len(missed.trains) > _NAMED else ""
            of_all = f"{len(missed.trains)} of {len(joined.train_ids)} trains"
            words = f"module {module} misses {of_all}: {named}{more}"
        elif missed.n_frames:
            words = f"module {module} misses {missed.n_frames} of {joined.counts.sum()} frames"
        else:
            continue
        states.append({"file": run.file_of(detector, module), "state": "incomplete", "words": words})
    return states
