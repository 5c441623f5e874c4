"""Find the frames, the mask and the identifiers in a file, by the conventions of CXI and by size.

CXI 1.6 (cxi_file_format, cxidb/CXI): frames are looked up at ``entry_1/data_1/data``, then
``entry_1/image_1/data``, then ``entry_1/instrument_1/detector_1/data``; each may be a soft link. CXIDB 94
keeps one entry per shot.
"""

import re
from dataclasses import dataclass, field
from math import prod

import h5py
import numpy as np

from workers.science.errors import SourceError
from workers.science.io.audit import MIN_SIDE, check_frames, check_stored, hdf5_errors, split_shape
from workers.science.io.links import GuardedFile, Located, child_names

CXI_PATHS = ("data_1/data", "image_1/data", "instrument_1/detector_1/data")
MASK_NAMES = ("mask", "mask_shared", "pixel_mask")
ID_NAMES = {
    "train_id": ("trainId", "trainID", "train_id"),
    "pulse_id": ("pulseId", "pulseID", "pulse_id"),
    "cell_id": ("cellId", "cellID", "cell_id"),
}
# Machines without trains number their bunches; both spellings of the CXI name are in use.
BUNCH_NAMES = ("bunches", "experiment_identifier", "experimental_identifier")
MAX_OBJECTS = 20_000
_ENTRY = re.compile(r"entry_(\d+)")


@dataclass(frozen=True)
class Candidate:
    """A dataset that can be read as frames; in `path`, ``{entry}`` stands for the number of the CXI entry."""

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def n_bytes(self) -> int:
        """Logical size."""
        return prod(self.shape) * self.dtype.itemsize

    def describe(self) -> dict[str, object]:
        """Give the candidate as plain JSON values."""
        shape = list(self.shape)
        return {
            "path": self.path,
            "shape": shape,
            "dtype": self.dtype.name,
            "n_frames": split_shape(self.shape)[0],
        }


@dataclass
class Survey:
    """What was found in one file: frames, masks, what was refused and why."""

    format: str = "hdf5"
    candidates: list[Candidate] = field(default_factory=list)
    masks: dict[str, tuple[int, ...]] = field(default_factory=dict)
    refused: list[tuple[int, SourceError]] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    n_objects: int = 0


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
    survey = Survey()
    with hdf5_errors(file.path):
        names = child_names(file.handle)
    numbers = sorted(int(match[1]) for name in names if (match := _ENTRY.fullmatch(name)))
    if numbers or "cxi_version" in names:
        survey.format = "cxi"
    if len(numbers) > 1:
        _find_entries(file, numbers, survey)
    skipped = {f"entry_{number}" for number in survey.entries}
    _scan(file, file.handle["/"], "", survey, skipped, set())
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
        By the order of look-up of CXI, else the largest.

    Raises
    ------
    SourceError
        If there is none, or if the one that was meant is refused.
    """
    if survey.entries:
        return next(candidate for candidate in survey.candidates if "{entry}" in candidate.path)
    if survey.format == "cxi":
        for path in CXI_PATHS:
            try:
                located = file.locate(f"/entry_1/{path}")
            except SourceError as error:
                if "no such dataset" in error.cause:
                    continue
                raise
            return inspect_dataset(file, located.path)
    largest = max(survey.refused, key=lambda item: item[0], default=None)
    if largest and (not survey.candidates or largest[0] > survey.candidates[0].n_bytes):
        raise largest[1]
    if not survey.candidates:
        cause = "holds no dataset that can be frames (numbers, at least 2-D)"
        raise SourceError(file.path, cause, "Choose another file")
    return survey.candidates[0]


def inspect_dataset(file: GuardedFile, path: str) -> Candidate:
    """Judge one dataset in full.

    Parameters
    ----------
    file : GuardedFile
        An open file.
    path : str
        HDF5 path of the dataset.

    Returns
    -------
    candidate : Candidate
        The dataset may be read as frames.

    Raises
    ------
    SourceError
        If it is missing or refused.
    """
    located = locate_frames(file, path)
    return Candidate(located.path, located.node.shape, located.node.dtype)


def locate_frames(file: GuardedFile, path: str) -> Located:
    """Find a dataset of frames and judge it in full.

    Parameters
    ----------
    file : GuardedFile
        An open file.
    path : str
        HDF5 path of the dataset.

    Returns
    -------
    located : Located
        Its node may be read.

    Raises
    ------
    SourceError
        If it is missing or refused.
    """
    located = file.locate(path)
    if not isinstance(located.node, h5py.Dataset):
        raise SourceError(file.subject(path), "is not a dataset", "Choose one of the listed datasets")
    subject = file.subject(path)
    with hdf5_errors(subject):
        check_stored(located.node, subject)
        check_frames(located.node, subject)
        if located.node.is_virtual:
            located.file.check_sources(located.node, located.path)
    return located


def find_mask(survey: Survey, candidate: Candidate) -> str | None:
    """Find the mask that belongs to a dataset: same frame shape, and the nearest in the tree.

    Parameters
    ----------
    survey : Survey
        What is in the file.
    candidate : Candidate
        The frames.

    Returns
    -------
    path : str or None
        HDF5 path of the mask.
    """
    data_path = candidate.path.replace("{entry}", str(survey.entries[0] if survey.entries else 1))
    frame_shape = split_shape(candidate.shape)[1:]

    def distance(path: str) -> tuple[int, int]:
        pairs = zip(path.split("/"), data_path.split("/"), strict=False)
        shared = next((number for number, (a, b) in enumerate(pairs) if a != b), 99)
        return -shared, MASK_NAMES.index(path.rsplit("/", 1)[1])

    n_frames = split_shape(candidate.shape)[0]
    fitting = [
        path for path, shape in survey.masks.items() if static_or_stack(shape, frame_shape) in (1, n_frames)
    ]
    return min(fitting, key=distance, default=None)


def static_or_stack(shape: tuple[int, ...], frame_shape: tuple[int, int]) -> int:
    """Say how many masks of `frame_shape` a mask dataset holds; 0 if it does not fit.

    Parameters
    ----------
    shape : tuple of int
        Shape of the mask dataset.
    frame_shape : tuple of int
        (height, width) of a frame.

    Returns
    -------
    n_masks : int
        1 for a static mask, also for one that is given by module.
    """
    if len(shape) == 3 and (shape[0] * shape[1], shape[2]) == frame_shape:
        return 1
    return split_shape(shape)[0] if split_shape(shape)[1:] == frame_shape else 0


def find_ids(file: GuardedFile, candidate: Candidate, entry: int | None) -> dict[str, str]:
    """Find the machine identifiers of the frames, in the groups above the dataset.

    Parameters
    ----------
    file : GuardedFile
        An open file.
    candidate : Candidate
        The frames.
    entry : int or None
        First entry of a file with one entry per shot.

    Returns
    -------
    ids : dict of str to str
        HDF5 path of ``train_id``, ``pulse_id`` and ``cell_id``, those that are there.
    """
    path = candidate.path.replace("{entry}", str(entry))
    parts = path.strip("/").split("/")[:-1]
    groups = ["/".join(parts[:length]) for length in range(len(parts), -1, -1)]
    n_frames = 1 if entry is not None else split_shape(candidate.shape)[0]
    ids = {}
    for column, names in ID_NAMES.items():
        bunches = BUNCH_NAMES if column == "train_id" else ()
        places = [f"/{group}/{name}" for group in [*groups, "EuXFEL"] for name in names]
        places += [f"/{group}/{name}" for group in groups for name in bunches]
        found = next((place for place in places if _is_id(file, place, n_frames)), None)
        if found:
            found = found.replace("//", "/")
            ids[column] = found if entry is None else found.replace(f"/entry_{entry}/", "/entry_{entry}/")
    return ids


def _is_id(file: GuardedFile, path: str, n_frames: int) -> bool:
    try:
        node = file.locate(path).node
        if not isinstance(node, h5py.Dataset) or node.dtype.kind not in "iu" or node.size != n_frames:
            return False
        check_stored(node, path)
    except (SourceError, TypeError):
        return False
    return not node.is_virtual


def _find_entries(file: GuardedFile, numbers: list[int], survey: Survey) -> None:
    for path in CXI_PATHS:
        try:
            first = inspect_dataset(file, f"/entry_{numbers[0]}/{path}")
        except SourceError:
            continue
        if split_shape(first.shape)[0] != 1 or len(first.shape) > 3:
            return
        prefix = f"/entry_{numbers[0]}/"
        found = first.path if first.path.startswith(prefix) else prefix + path
        survey.entries = numbers
        height, width = split_shape(first.shape)[1:]
        template = "/entry_{entry}/" + found.removeprefix(prefix)
        survey.candidates.append(Candidate(template, (len(numbers), height, width), first.dtype))
        _scan_masks(file, f"{prefix}{found.removeprefix(prefix)}", survey)
        return


def _scan_masks(file: GuardedFile, path: str, survey: Survey) -> None:
    for name in MASK_NAMES:
        try:
            located = file.locate(f"{path.rsplit('/', 1)[0]}/{name}")
        except SourceError:
            continue
        _judge(located.file, located.node, located.path, survey)


def _scan(
    file: GuardedFile,
    group: h5py.Group,
    path: str,
    survey: Survey,
    skipped: set[str],
    seen: set[tuple[str, int]],
) -> None:
    with hdf5_errors(file.subject(path)):
        address = h5py.h5o.get_info(group.id).addr
        names = child_names(group)
    if (file.path, address) in seen:  # hard links can run in a circle
        return
    seen.add((file.path, address))
    for name in names:
        survey.n_objects += 1
        if survey.n_objects > MAX_OBJECTS:
            return
        if path == "" and name in skipped:
            continue
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
            _scan(owner, node, f"{path}/{name}", survey, set(), seen)
        elif isinstance(node, h5py.Dataset):
            _judge(owner, node, f"{path}/{name}", survey)


def _child(file: GuardedFile, group: h5py.Group, name: str) -> tuple[GuardedFile, object] | None:
    with hdf5_errors(file.subject(name)):
        link = group.get(name, getlink=True)
    if isinstance(link, h5py.SoftLink):  # its target is found where it lies
        return None
    located = file.locate(f"{group.name}/{name}")
    return located.file, located.node


def _judge(file: GuardedFile, node: h5py.Dataset, path: str, survey: Survey) -> None:
    try:
        with hdf5_errors(file.subject(path)):
            rank, dtype, shape = node.ndim, node.dtype, node.shape
            if not 2 <= rank <= 4 or min(split_shape(shape)[1:]) < MIN_SIDE or dtype.kind not in "iufb":
                return
            check_stored(node, file.subject(path))
            if path.rsplit("/", 1)[1] in MASK_NAMES and not node.is_virtual:
                survey.masks[path] = shape
                return
            check_frames(node, file.subject(path))
            if node.is_virtual:
                file.check_sources(node, path)
    except SourceError as error:
        n_bytes = prod(node.shape or (0,)) * node.dtype.itemsize
        survey.refused.append((n_bytes, error))
        return
    survey.candidates.append(Candidate(path, shape, dtype))
