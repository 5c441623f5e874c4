"""Describe files as a data set, and open what was described."""

import re
from collections.abc import Sequence
from typing import Any

from workers.science.errors import SourceError
from workers.science.io.guard import Guard
from workers.science.io.hdf5 import Hdf5Reader
from workers.science.io.layout import (
    Candidate,
    Survey,
    choose_candidate,
    find_ids,
    find_mask,
    inspect_dataset,
    split_shape,
    survey_file,
)
from workers.science.io.links import GuardedFile
from workers.science.io.protocol import FrameReader

# Eiger masters link to their frames as data_000001, data_000002, ... (NXmx)
_NUMBERED = re.compile(r"(.*/data_)\d{6}")


def describe_source(
    *, sources: Sequence[str], roots: Sequence[str], dataset_path: str | None = None
) -> dict[str, Any]:
    """Look at files without reading frames: what is in them, and which dataset holds the frames.

    Parameters
    ----------
    sources : sequence of str
        Files in the order of the data set.
    roots : sequence of str
        Folders below which files may be opened.
    dataset_path : str, optional
        Path of the frames in the files; proposed if not given.

    Returns
    -------
    description : dict
        A source description, plain JSON values.

    Raises
    ------
    SourceError
        If a file is refused or damaged, holds no frames, or if frames differ in shape.
    """
    if not sources:
        raise SourceError("sources", "no file was named", "Choose at least one file")
    guard, segments, surveys, is_proposed = Guard(roots), [], [], dataset_path is None
    for source in sources:
        with GuardedFile(guard, source) as file:
            survey = survey_file(file)
            candidate = _pick(file, survey, dataset_path)
            dataset_path = candidate.path
            surveys.append((survey, candidate))
            parts = _numbered_parts(survey, candidate) if is_proposed else [candidate]
            segments += [_segment(file, survey, part) for part in parts]
    _, height, width = _check_same(sources, [candidate for _, candidate in surveys])
    survey, candidate = surveys[0]
    mask_path = find_mask(survey, candidate)
    return {
        "format": survey.format,
        "files": _list_files(guard, sources),
        "candidates": [item.describe() for item in survey.candidates],
        "dataset_path": candidate.path,
        "n_frames": sum(segment["n_frames"] for segment in segments),
        "height": height,
        "width": width,
        "dtype": candidate.dtype.newbyteorder("=").name,
        "mask_path": mask_path,
        "warnings": _collect_warnings(surveys, mask_path),
        "roots": [str(root) for root in roots],
        "segments": segments,
    }


def open_source(description: dict[str, Any]) -> FrameReader:
    """Open what a source description names.

    Parameters
    ----------
    description : dict
        A source description.

    Returns
    -------
    reader : FrameReader
        Opens each file when it is first needed, and then checks its fingerprint.

    Raises
    ------
    SourceError
        If the format is not known.
    """
    if description["format"] not in ("cxi", "hdf5"):
        raise SourceError(description["format"], "is no known format", "Register the data set again")
    return Hdf5Reader(description)


def _pick(file: GuardedFile, survey: Survey, dataset_path: str | None) -> Candidate:
    if dataset_path is None:
        return choose_candidate(file, survey)
    if "{entry}" in dataset_path:
        found = next((item for item in survey.candidates if item.path == dataset_path), None)
        if found is None:
            raise SourceError(
                file.subject(dataset_path), "there is no such dataset", "Choose one of the listed datasets"
            )
        return found
    candidate = inspect_dataset(file, dataset_path)
    survey.entries = []  # one dataset was named, so it is not the whole series of entries
    return candidate


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


def _segment(file: GuardedFile, survey: Survey, candidate: Candidate) -> dict[str, Any]:
    entries = survey.entries if "{entry}" in candidate.path else None
    segment: dict[str, Any] = {
        "file": file.path,
        "path": candidate.path,
        "n_frames": split_shape(candidate.shape)[0],
        "ids": find_ids(file, candidate, entries[0] if entries else None),
    }
    if entries:
        segment["entries"] = entries
    return segment


def _check_same(sources: Sequence[str], candidates: list[Candidate]) -> tuple[int, int, int]:
    first = candidates[0]
    for source, candidate in zip(sources, candidates, strict=True):
        if split_shape(candidate.shape)[1:] != split_shape(first.shape)[1:] or candidate.dtype != first.dtype:
            cause = (
                f"has frames {candidate.dtype} {candidate.shape}, the first file {first.dtype} {first.shape}"
            )
            raise SourceError(f"{source} {candidate.path}", cause, "Register them as two data sets")
    return split_shape(first.shape)


def _list_files(guard: Guard, sources: Sequence[str]) -> list[dict[str, Any]]:
    own = {opened.path: opened for opened in guard.opened.values()}
    linked = [path for path in own if path not in set(sources)]
    return [
        {"path": path, "size": own[path].size, "fingerprint": own[path].fingerprint, "linked": path in linked}
        for path in [*dict.fromkeys(sources), *linked]
    ]


def _collect_warnings(surveys: list[tuple[Survey, Candidate]], mask_path: str | None) -> list[str]:
    warnings = [text for survey, _ in surveys for text in survey.warnings]
    warnings += [f"Left out: {error}" for survey, _ in surveys for size, error in survey.refused if size]
    survey, candidate = surveys[0]
    same = sum(item.shape == candidate.shape for item in survey.candidates)
    if same > 1 and not _NUMBERED.fullmatch(candidate.path):
        warnings.append(
            f"{same} datasets have the same shape as the chosen one; check that it is the right one."
        )
    if mask_path and len(survey.masks[mask_path]) > 2 and survey.masks[mask_path][0] > 1:
        warnings.append(
            "The mask is given per frame; a pixel that is bad in half of the frames is left out everywhere."
        )
    return warnings
