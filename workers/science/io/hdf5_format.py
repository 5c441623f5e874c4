"""HDF5 in all its layouts: which dataset of a file holds the frames, and the description of them."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.science.errors import SourceError
from workers.science.io.audit import split_shape
from workers.science.io.file_labels import find_labels, find_unused_slots
from workers.science.io.guard import Guard
from workers.science.io.hdf5 import Hdf5Reader
from workers.science.io.layout import Candidate, find_ids, find_masks, inspect_dataset
from workers.science.io.links import GuardedFile
from workers.science.io.protocol import FrameReader
from workers.science.io.source_columns import Rows, find_columns, read_numbers
from workers.science.io.survey import Survey, choose_candidate, survey_file

# Eiger masters link to their frames as data_000001, data_000002, ... (NXmx)
_NUMBERED = re.compile(r"(.*/data_)\d{6}")
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# The superblock may stand behind a user block, whose size doubles from 512 (HDF5 file format, II.A).
_SIGNATURE_OFFSETS = (0, 512, 1024, 2048)


class Hdf5Format:
    """HDF5: CXI, NeXus, and stacks at any path."""

    name, title = "hdf5", "HDF5, CXI and NeXus (.h5, .hdf5, .cxi, .nxs)"
    words = "HDF5 stack"

    def recognises(self, head: bytes, path: str, guard: Guard) -> bool:
        """Whether the HDF5 signature is there."""
        return any(head[offset:].startswith(_SIGNATURE) for offset in _SIGNATURE_OFFSETS)

    def describe(self, guard: Guard, sources: Sequence[str], dataset_path: str | None) -> dict[str, Any]:
        """Describe HDF5 files; the frames are proposed by convention and size if no path is given."""
        states: list[dict[str, str]] = []
        looks: list[_Look] = []
        lenders: set[str] = set()
        first_error = None
        for source in sources:
            try:
                with GuardedFile(guard, source) as file:
                    if looks:
                        look = _look_again(file, looks[0], is_proposed=dataset_path is None)
                    else:
                        look = _look(file, dataset_path)
                        found = _describe_first(file, look)
                    lenders |= _lenders(file, look)
            except SourceError as error:
                first_error = first_error or error
                states.append(_left_out(source, error))
                continue
            _check_same(source, look.candidate, (looks or [look])[0].candidate)
            looks.append(look)
            states += look.states
        if not looks:
            raise first_error
        own = [source for source in sources if os.path.realpath(source) not in lenders]
        if 0 < len(own) < len(sources):  # else frames that others link to would come twice
            found = self.describe(guard, own, dataset_path)
            words = f"{len(sources) - len(own)} of the files are read by way of others that link to them."
            return {**found, "warnings": [words, *found["warnings"]]}
        segments = [segment for look in looks for segment in look.segments]
        return {
            **found,
            "n_frames": sum(segment["n_frames"] for segment in segments),
            "states": states,
            "segments": segments,
        }

    def open(self, description: dict[str, Any]) -> FrameReader:
        """Open what was described."""
        return Hdf5Reader(description)


FORMAT = Hdf5Format()


@dataclass(frozen=True)
class _Look:
    """What one file is taken to hold."""

    survey: Survey
    candidate: Candidate
    segments: list[dict[str, Any]]
    states: list[dict[str, str]]

    @property
    def rows(self) -> Rows:
        """All frames of the file."""
        n_frames = sum(segment["n_frames"] for segment in self.segments)
        return Rows(0, n_frames, n_frames, self.segments[0].get("entries"))


def _look(file: GuardedFile, dataset_path: str | None) -> _Look:
    survey = survey_file(file)
    candidate = choose_candidate(file, survey) if dataset_path is None else _named(file, survey, dataset_path)
    parts = _numbered_parts(survey, candidate) if dataset_path is None else [candidate]
    return _Look(
        survey, candidate, [_segment(file, survey, part) for part in parts], _states(file, survey, candidate)
    )


def _look_again(file: GuardedFile, first: _Look, *, is_proposed: bool) -> _Look:
    """Look into another file of the data set: only where frames of the first one lie, if that is known."""
    path = first.candidate.path
    if "{entry}" not in path and not (is_proposed and _NUMBERED.fullmatch(path)):
        candidate = inspect_dataset(file, path)
        survey = Survey(first.survey.convention)
        segment = _segment(file, survey, candidate, first.segments[0]["ids"])
        return _Look(survey, candidate, [segment], _states(file, survey, candidate))
    if "{entry}" not in path:
        return _look(file, None)
    survey = survey_file(file)
    alike = [
        shots.candidate.path for shots in survey.shots if _any_run(shots.candidate.path) == _any_run(path)
    ]
    return _look(file, alike[0] if alike else path)


def _lenders(file: GuardedFile, look: _Look) -> set[str]:
    """Return the real paths of other files in which frames of this one lie."""
    found: set[str] = set()
    for segment in look.segments:
        if "entries" in segment:
            continue
        located = file.locate(segment["path"])
        place = located.file.opened.real_path
        found.add(place)
        if located.node.is_virtual:
            names = {source.file_name for source in located.node.virtual_sources()}
            found |= {os.path.realpath(Path(place).parent / name) for name in names if name != "."}
    return found - {file.opened.real_path}


def _any_run(path: str) -> str:
    return re.sub(r"/run_\d+/", "/run_*/", path)


def _named(file: GuardedFile, survey: Survey, dataset_path: str) -> Candidate:
    if "{entry}" not in dataset_path:
        return inspect_dataset(file, dataset_path)
    found = next((item for item in survey.candidates if item.path == dataset_path), None)
    if found is None:
        raise SourceError(
            file.subject(dataset_path), "there is no such dataset", "Choose one of the listed datasets"
        )
    return found


def _describe_first(file: GuardedFile, look: _Look) -> dict[str, Any]:
    survey, candidate = look.survey, look.candidate
    shots = survey.shots_of(candidate)
    masks = find_masks(survey.masks, candidate, shots.masked_by if shots else candidate.path)
    columns = find_columns(file, survey.convention, candidate.path, look.rows)
    columns = {name: place for name, place in columns.items() if not _is_known(look, place)}
    labels = find_labels(file, survey.convention, candidate.path, look.rows)
    _, height, width = split_shape(candidate.shape)
    return {
        "format": survey.convention.name,
        "format_words": survey.convention.words,
        "candidates": [item.describe() for item in survey.candidates],
        "dataset_path": candidate.path,
        "height": height,
        "width": width,
        "dtype": candidate.dtype.newbyteorder("=").name,
        "mask_path": masks[0] if masks else None,
        "more_masks": masks[1:],
        "columns": {
            name: {"unit": place["unit"], "title": place["title"]} for name, place in columns.items()
        },
        "column_places": columns,
        "label_names": labels[1] if labels else [],
        "labels_path": labels[0] if labels else None,
        "warnings": _collect_warnings(survey, candidate, masks, labels),
    }


def _is_known(look: _Look, place: dict[str, Any]) -> bool:
    """Whether a column only repeats who a frame is."""
    ids = {path for segment in look.segments for path in segment["ids"].values()}
    return not place["period"] and place["path"] in ids


def _numbered_parts(survey: Survey, candidate: Candidate) -> list[Candidate]:
    match = _NUMBERED.fullmatch(candidate.path)
    if match is None:
        return [candidate]
    frame_shape = split_shape(candidate.shape)[1:]
    return sorted(
        (
            part
            for part in survey.candidates
            if (other := _NUMBERED.fullmatch(part.path))
            and other[1] == match[1]
            and (split_shape(part.shape)[1:], part.dtype) == (frame_shape, candidate.dtype)
        ),
        key=lambda part: part.path,
    )


def _segment(
    file: GuardedFile, survey: Survey, candidate: Candidate, likely_ids: dict[str, str] | None = None
) -> dict[str, Any]:
    shots = survey.shots_of(candidate)
    ids = find_ids(file, candidate, shots.entries[0] if shots else None, likely_ids)
    if shots and survey.convention.numbered_by:
        ids = {survey.convention.numbered_by: "{entry}", **ids}
    segment: dict[str, Any] = {
        "file": file.path,
        "path": candidate.path,
        "n_frames": split_shape(candidate.shape)[0],
        "ids": ids,
    }
    return {**segment, "entries": shots.entries} if shots else segment


def _states(file: GuardedFile, survey: Survey, candidate: Candidate) -> list[dict[str, str]]:
    shots = survey.shots_of(candidate)
    if shots:
        return shots.states + _lost(file, survey, shots.entries)
    n_frames = split_shape(candidate.shape)[0]
    unused = find_unused_slots(file, survey.convention, n_frames)
    if not len(unused):
        return []
    words = f"{len(unused)} of {n_frames} slots hold no event, the first is frame {unused[0]} of the file"
    return [{"file": file.path, "state": "incomplete", "words": words}]


def _lost(file: GuardedFile, survey: Survey, entries: list[int]) -> list[dict[str, str]]:
    """Tell of shots that the file lists and has no frame of."""
    if not survey.convention.number_list:
        return []
    try:
        listed = set(read_numbers(file, survey.convention.number_list).tolist())
    except SourceError:  # not every file lists them
        return []
    n_lost = len(listed.difference(entries))
    words = f"{n_lost} of {len(listed)} shots that the file lists have no frame"
    return [{"file": file.path, "state": "incomplete", "words": words}] if n_lost else []


def _left_out(source: str, error: SourceError) -> dict[str, str]:
    state = "unreadable" if os.path.lexists(source) else "missing"
    return {"file": source, "state": state, "words": f"left out: {error.subject}: {error.cause}"}


def _check_same(source: str, candidate: Candidate, first: Candidate) -> None:
    if split_shape(candidate.shape)[1:] != split_shape(first.shape)[1:] or candidate.dtype != first.dtype:
        cause = f"has frames {candidate.dtype} {candidate.shape}, the first file {first.dtype} {first.shape}"
        raise SourceError(f"{source} {candidate.path}", cause, "Register them as two data sets")


def _collect_warnings(
    survey: Survey, candidate: Candidate, masks: list[str], labels: tuple[str, list[str]] | None
) -> list[str]:
    warnings = list(survey.warnings)
    warnings += [f"Left out: {error}" for size, error in survey.refused if size]
    same = sum((item.shape, item.dtype) == (candidate.shape, candidate.dtype) for item in survey.candidates)
    if same > 1 and not _NUMBERED.fullmatch(candidate.path):
        warnings.append(
            f"{same} datasets have the same shape as the chosen one; check that it is the right one."
        )
    if any(len(survey.masks[path]) > 2 and survey.masks[path][0] > 1 for path in masks):
        warnings.append(
            "The mask is given per frame; a pixel that is bad in half of the frames is left out everywhere."
        )
    if labels and labels[1] == [f"label {number}" for number in range(1, len(labels[1]) + 1)]:
        warnings.append("The file does not name its labels; give them names when you take them over.")
    return warnings
