"""Judge one dataset of an HDF5 file as frames, and find the masks and identifiers that belong to it."""

from dataclasses import dataclass
from math import prod

import h5py
import numpy as np

from workers.science.errors import SourceError
from workers.science.io.audit import check_frames, check_stored, hdf5_errors, split_shape
from workers.science.io.conventions import BUNCH_NAMES, ID_NAMES, MASK_NAMES
from workers.science.io.links import GuardedFile, Located


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


def find_masks(masks: dict[str, tuple[int, ...]], candidate: Candidate, data_path: str) -> list[str]:
    """Find the masks that belong to a dataset: same frame shape, and the nearest in the tree.

    Parameters
    ----------
    masks : dict
        Shape of each mask in the file, by path.
    candidate : Candidate
        The frames.
    data_path : str
        Where they lie; of the first frame, if each has a group of its own.

    Returns
    -------
    paths : list of str
        The nearest mask, and those beside it; a pixel that one of them calls bad is bad.
    """
    n_frames, *frame_shape = split_shape(candidate.shape)

    def distance(path: str) -> tuple[int, int]:
        pairs = zip(path.split("/"), data_path.split("/"), strict=False)
        shared = next((number for number, (a, b) in enumerate(pairs) if a != b), 99)
        return -shared, MASK_NAMES.index(path.rsplit("/", 1)[1])

    fitting = [
        path for path, shape in masks.items() if static_or_stack(shape, tuple(frame_shape)) in (1, n_frames)
    ]
    nearest = sorted(fitting, key=distance)
    return [path for path in nearest if path.rsplit("/", 1)[0] == nearest[0].rsplit("/", 1)[0]]


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


def find_ids(
    file: GuardedFile, candidate: Candidate, entry: int | None, likely: dict[str, str] | None = None
) -> dict[str, str]:
    """Find the machine identifiers of the frames, in the groups above the dataset.

    Parameters
    ----------
    file : GuardedFile
        An open file.
    candidate : Candidate
        The frames.
    entry : int or None
        Number of the first group of a file with one group per frame.
    likely : dict of str to str, optional
        Where another file of the data set has them, which saves looking everywhere.

    Returns
    -------
    ids : dict of str to str
        HDF5 path of ``train_id``, ``pulse_id`` and ``cell_id``, those that are there.
    """
    n_frames = 1 if entry is not None else split_shape(candidate.shape)[0]
    if likely and entry is None and all(_is_id(file, place, n_frames) for place in likely.values()):
        return likely
    numbered = candidate.path.split("{entry}")[0] + str(entry)
    path = candidate.path.replace("{entry}", str(entry))
    parts = path.strip("/").split("/")[:-1]
    groups = ["/".join(parts[:length]) for length in range(len(parts), -1, -1)]
    ids = {}
    for column, names in ID_NAMES.items():
        bunches = BUNCH_NAMES if column == "train_id" else ()
        places = [f"/{group}/{name}" for group in [*groups, "EuXFEL"] for name in names]
        places += [f"/{group}/{name}" for group in groups for name in bunches]
        found = next((place for place in places if _is_id(file, place, n_frames)), None)
        if found:
            found = found.replace("//", "/")
            is_inside = entry is not None and found.startswith(f"{numbered}/")
            ids[column] = (
                candidate.path.split("{entry}")[0] + "{entry}" + found.removeprefix(numbered)
                if is_inside
                else found
            )
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
