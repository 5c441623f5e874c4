"""Look through an HDF5 file for all that could be frames or masks, without following a link unguarded."""

from dataclasses import dataclass, field
from math import prod

import h5py

from workers.science.errors import SourceError
from workers.science.io.audit import MIN_SIDE, check_frames, check_stored, hdf5_errors, split_shape
from workers.science.io.conventions import (
    MASK_NAMES,
    Convention,
    convention_named,
    match_paths,
    recognise_convention,
)
from workers.science.io.layout import Candidate, inspect_dataset
from workers.science.io.links import GuardedFile, child_names
from workers.science.io.shots import Shots, find_shots, is_frame_group

MAX_OBJECTS = 20_000
MAX_DEPTH = 32


@dataclass
class Survey:
    """What was found in one file: frames, masks, what was refused and why."""

    convention: Convention
    candidates: list[Candidate] = field(default_factory=list)
    masks: dict[str, tuple[int, ...]] = field(default_factory=dict)
    refused: list[tuple[int, SourceError]] = field(default_factory=list)
    shots: list[Shots] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    n_objects: int = 0

    def shots_of(self, candidate: Candidate) -> Shots | None:
        """Return the groups that a candidate is made of, if it has one group per frame."""
        return next((shots for shots in self.shots if shots.candidate.path == candidate.path), None)


def survey_file(file: GuardedFile) -> Survey:
    """List all that could be frames or masks in a file.

    Parameters
    ----------
    file : GuardedFile
        An open file.

    Returns
    -------
    survey : Survey
        Candidates from the largest to the smallest.

    Raises
    ------
    SourceError
        If the file is damaged.
    """
    with hdf5_errors(file.path):
        survey = Survey(recognise_convention(file))
        survey.shots = find_shots(file, survey.convention)
    if survey.convention.name == "cxi_entries" and not survey.shots:
        survey.convention = convention_named("cxi")  # several entries, but none of them is a single frame
    for shots in survey.shots:
        survey.candidates.append(shots.candidate)
        _find_masks_beside(file, shots.masked_by, survey)
    _scan(file, file.handle["/"], "", survey, set())
    if survey.n_objects > MAX_OBJECTS:
        survey.warnings.append(
            f"The file holds more than {MAX_OBJECTS} objects; only the first were looked at."
        )
    survey.candidates.sort(key=lambda candidate: -candidate.n_bytes)
    return survey


def choose_candidate(file: GuardedFile, survey: Survey) -> Candidate:
    """Propose the dataset that holds the frames.

    Parameters
    ----------
    file : GuardedFile
        An open file.
    survey : Survey
        What is in it.

    Returns
    -------
    candidate : Candidate
        By the order of look-up of its layout, else the largest.

    Raises
    ------
    SourceError
        If there is none, or if the one that was meant is refused.
    """
    if survey.shots:
        return survey.shots[0].candidate
    for pattern in survey.convention.frames:
        for path in match_paths(file, pattern):
            located = file.locate(path)
            if getattr(located.node, "ndim", 0) > 1:  # the name may be that of a spectrum
                return inspect_dataset(file, located.path)
        # a link that is there and leads nowhere allowed is what was meant, and says why it is refused
        _raise_refused(file, pattern)
    largest = max(survey.refused, key=lambda item: item[0], default=None)
    if largest and (not survey.candidates or largest[0] > survey.candidates[0].n_bytes):
        raise largest[1]
    if not survey.candidates:
        cause = "holds no dataset that can be frames (numbers, at least 2-D)"
        raise SourceError(file.path, cause, "Choose another file")
    return survey.candidates[0]


def _raise_refused(file: GuardedFile, path: str) -> None:
    if "*" in path:
        return
    try:
        file.locate(path)
    except SourceError as error:
        if "no such dataset" not in error.cause:
            raise


def _find_masks_beside(file: GuardedFile, path: str, survey: Survey) -> None:
    for name in MASK_NAMES:
        try:
            located = file.locate(f"{path.rsplit('/', 1)[0]}/{name}")
        except SourceError:
            continue
        _judge(located.file, located.node, located.path, survey)


def _scan(
    file: GuardedFile, group: h5py.Group, path: str, survey: Survey, seen: set[tuple[str, int]]
) -> None:
    if path.count("/") > MAX_DEPTH:
        survey.warnings.append(f"Groups more than {MAX_DEPTH} deep are left out.")
        return
    with hdf5_errors(file.subject(path)):
        address = h5py.h5o.get_info(group.id).addr
        names = child_names(group)
    if (file.path, address) in seen:  # hard links can run in a circle
        return
    seen.add((file.path, address))
    for name in names:
        if survey.shots and is_frame_group(name, path, survey.shots):
            continue
        survey.n_objects += 1
        if survey.n_objects > MAX_OBJECTS:
            return
        try:
            found = _child(file, group, name)
        except SourceError as error:
            survey.refused.append((0, error))
            survey.warnings.append(str(error))
            continue
        if found is None:
            continue
        owner, node = found
        if isinstance(node, h5py.Group):
            _scan(owner, node, f"{path}/{name}", survey, seen)
        elif isinstance(node, h5py.Dataset):
            _judge(owner, node, f"{path}/{name}", survey)


def _child(file: GuardedFile, group: h5py.Group, name: str) -> tuple[GuardedFile, object] | None:
    with hdf5_errors(file.subject(name)):
        link = group.get(name, getlink=True)
    if isinstance(link, h5py.SoftLink):  # its target is found where it lies
        return None
    if isinstance(link, h5py.HardLink):
        return file, file.child(group, name)
    located = file.locate(f"{group.name}/{name}")
    return located.file, located.node


def _judge(file: GuardedFile, node: h5py.Dataset, path: str, survey: Survey) -> None:
    n_bytes = 0
    try:
        with hdf5_errors(file.subject(path)):
            rank, dtype, shape = node.ndim, node.dtype, node.shape
            n_bytes = prod(shape or (0,)) * dtype.itemsize
            if not 2 <= rank <= 5 or min(split_shape(shape)[1:]) < MIN_SIDE or dtype.kind not in "iufb":
                return
            check_stored(node, file.subject(path))
            if path.rsplit("/", 1)[1] in MASK_NAMES and not node.is_virtual:
                survey.masks[path] = shape
                return
            check_frames(node, file.subject(path))
            if node.is_virtual:
                file.check_sources(node, path)
    except SourceError as error:
        survey.refused.append((n_bytes, error))
        return
    survey.candidates.append(Candidate(path, shape, dtype))
