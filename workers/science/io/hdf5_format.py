"""HDF5 in all its layouts: which dataset of a file holds the frames, and the description of them."""

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
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# The superblock may stand behind a user block, whose size doubles from 512 (HDF5 file format, II.A).
_SIGNATURE_OFFSETS = (0, 512, 1024, 2048)


class Hdf5Format:
    """HDF5: CXI, NeXus, and stacks at any path."""

    name, title = "hdf5", "HDF5, CXI and NeXus (.h5, .hdf5, .cxi, .nxs)"

    def recognises(self, head: bytes, path: str, guard: Guard) -> bool:
        """Whether the HDF5 signature is there."""
        return any(head[offset:].startswith(_SIGNATURE) for offset in _SIGNATURE_OFFSETS)

    def describe(self, guard: Guard, sources: Sequence[str], dataset_path: str | None) -> dict[str, Any]:
        """Describe HDF5 files; the frames are proposed by convention and size if no path is given."""
        segments, surveys, is_proposed = [], [], dataset_path is None
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
            "candidates": [item.describe() for item in survey.candidates],
            "dataset_path": candidate.path,
            "n_frames": sum(segment["n_frames"] for segment in segments),
            "height": height,
            "width": width,
            "dtype": candidate.dtype.newbyteorder("=").name,
            "mask_path": mask_path,
            "warnings": _collect_warnings(surveys, mask_path),
            "segments": segments,
        }

    def open(self, description: dict[str, Any]) -> FrameReader:
        """Open what was described."""
        return Hdf5Reader(description)


FORMAT = Hdf5Format()


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
