"""Audit a file of a European XFEL run before EXtra-data opens it, which follows every link."""

import h5py

from workers.science.errors import SourceError
from workers.science.io.audit import ALLOWED_FILTERS, check_stored, hdf5_errors
from workers.science.io.guard import Guard
from workers.science.io.links import GuardedFile, child_names

MAX_OBJECTS = 200_000
MAX_ROWS = 50_000_000
MAX_TEXTS = 100_000
_READ = ("INDEX", "INSTRUMENT", "METADATA")
_PASSED_BY = ("CONTROL", "RUN", "REDUCTION", "ERRATA")
GAS_MONITOR = "_XGM"  # of the slow control data, whose groups can be many thousand, only these are read


def is_run_file(guard: Guard, path: str) -> bool:
    """Whether a file has trains and a list of data sources; what it holds is not audited yet."""
    with GuardedFile(guard, path) as file:  # one that is cut off is refused, and no file of another format
        try:
            return all(
                isinstance(file.locate(place).node, kind)
                for place, kind in (("/INDEX/trainId", h5py.Dataset), ("/METADATA", h5py.Group))
            )
        except SourceError:
            return False


def audit_run_file(guard: Guard, path: str) -> None:
    """Refuse a file in which anything that EXtra-data reads is not plain and in the file itself.

    Parameters
    ----------
    guard : Guard
        Opens it.
    path : str
        The file.

    Raises
    ------
    SourceError
        If there is an external link, a virtual dataset, raw data in other files, a filter that is not on the
        list, more than can be true, or no train.
    """
    with GuardedFile(guard, path) as file:
        trains = file.locate("/INDEX/trainId").node
        if not isinstance(trains, h5py.Dataset) or trains.dtype.kind not in "iu":
            raise SourceError(path, "has no list of trains (INDEX/trainId)", "Choose the files of a run")
        count = [0]
        with hdf5_errors(path):
            for name in child_names(file.handle):
                link = file.handle.get(name, getlink=True)
                if name in _READ and isinstance(link, h5py.HardLink):
                    _walk(file, file.handle[name], count, set())
                elif name in (*_READ, *_PASSED_BY) and not isinstance(link, h5py.HardLink):
                    raise _refused(file, f"/{name}", "is a link")
                elif name == "CONTROL":
                    _audit_monitors(file, file.handle[name], count)


def audit_dataset(file: GuardedFile, path: str) -> h5py.Dataset:
    """Find a dataset of numbers that lies in the file itself, or raise SourceError."""
    located = file.locate(path)
    node = located.node
    if not isinstance(node, h5py.Dataset) or located.file is not file:
        raise _refused(file, path, "is no dataset of this file")
    with hdf5_errors(file.subject(path)):
        check_stored(node, file.subject(path))
        if node.is_virtual:
            raise _refused(file, path, "is a virtual dataset")
    return node


def _audit_monitors(file: GuardedFile, control: h5py.Group, count: list[int]) -> None:
    for name in child_names(control):
        if name.endswith(GAS_MONITOR):
            if not isinstance(control.get(name, getlink=True), h5py.HardLink):
                raise _refused(file, f"/CONTROL/{name}", "is a link")
            _walk(file, control[name], count, set())


def _walk(file: GuardedFile, group: h5py.Group, count: list[int], seen: set[int]) -> None:
    address = h5py.h5o.get_info(group.id).addr
    if address in seen:
        return
    seen.add(address)
    for name in child_names(group):
        count[0] += 1
        place = f"{group.name}/{name}"
        if count[0] > MAX_OBJECTS:
            raise _refused(file, place, "is one of too many objects")
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.SoftLink):  # the older name of a corrected source
            _check_inside(file, place)
            continue
        if not isinstance(link, h5py.HardLink):
            raise _refused(file, place, "links to another file")
        node = group[name]
        if isinstance(node, h5py.Group):
            _walk(file, node, count, seen)
        elif isinstance(node, h5py.Dataset):
            _check_dataset(file, place, node)


def _check_inside(file: GuardedFile, place: str) -> None:
    try:
        located = file.locate(place)
    except SourceError as error:
        if "no such dataset" in error.cause:  # the source that it is another name of was not saved
            return
        raise
    if located.file is not file or not located.path.startswith(("/INSTRUMENT/", "/INDEX/")):
        raise _refused(file, place, "links to another place")


def _check_dataset(file: GuardedFile, place: str, node: h5py.Dataset) -> None:
    if node.is_virtual:
        raise _refused(file, place, "is a virtual dataset")
    if place.startswith("/METADATA/") and node.dtype.kind in "OS":
        plist = node.id.get_create_plist()
        filters = {plist.get_filter(number)[0] for number in range(plist.get_nfilters())}
        if plist.get_external_count() or not filters <= ALLOWED_FILTERS or node.size > MAX_TEXTS:
            raise _refused(file, place, "is no short list of texts")
        return
    if node.dtype.kind in "OS" or node.shape is None:  # texts that nobody here reads
        return
    check_stored(node, file.subject(place))
    if len(node.shape) <= 1 + (node.shape[1:] == (1,)) and node.size > MAX_ROWS:
        raise _refused(file, place, f"claims {node.size} rows, more than can be true")


def _refused(file: GuardedFile, place: str, cause: str) -> SourceError:
    remedy = "Choose files as the data acquisition or the calibration wrote them"
    return SourceError(file.subject(place), f"{cause}, which files of a run do not have", remedy)
