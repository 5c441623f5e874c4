"""Find objects in an HDF5 file without letting the HDF5 library follow a link on its own.

h5py follows soft and external links silently, also in the middle of a path, where asking for the kind of
the last link does not show them. So a path is walked one component at a time: hard links are taken, soft
links are resolved here with a limit, external links lead through the guard, one level deep.
"""

import os
from collections import deque
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Self

import h5py

from workers.science.errors import SourceError
from workers.science.io.audit import check_stored, hdf5_errors
from workers.science.io.guard import Guard

MAX_HOPS = 32
MAX_DEPTH = 64
MAX_VIRTUAL_SOURCES = 100_000


@dataclass(frozen=True)
class Located:
    """An object, the file that it lies in, and its path as seen from the file that was asked.

    Parameters
    ----------
    file : GuardedFile
        The file that holds the object.
    node : h5py.Group or h5py.Dataset
        The object.
    path : str
        Path without soft links; a path through an external link keeps the link's place.
    """

    file: "GuardedFile"
    node: h5py.Group | h5py.Dataset
    path: str


class GuardedFile:
    """An HDF5 file opened through the guard, with the files that it links to.

    Parameters
    ----------
    guard : Guard
        Decides which files may be opened.
    path : str
        The file.
    depth : int, default=0
        How many links lead here; a file reached by a link may link no further.

    Raises
    ------
    SourceError
        If the file is refused or is not HDF5.
    """

    def __init__(self, guard: Guard, path: str, *, depth: int = 0) -> None:
        self.guard, self.path, self.depth = guard, path, depth
        self._linked: dict[str, GuardedFile] = {}
        self._checked: set[tuple[str, str]] = set()
        self.opened = guard.open_file(path)
        try:
            with hdf5_errors(path):
                # By its real path and not through /proc/self/fd: the HDF5 library looks for relative
                # sources of a virtual dataset beside that path first, and else in the working directory.
                self.handle = h5py.File(
                    self.opened.real_path, "r", locking=False, swmr=self.opened.mark.is_swmr
                )
            self._check_same_file()
        except BaseException:
            os.close(self.opened.descriptor)
            raise

    def _check_same_file(self) -> None:
        guarded, read = os.fstat(self.opened.descriptor), os.fstat(self.handle.id.get_vfd_handle())
        if not os.path.samestat(guarded, read):
            self.handle.close()
            raise SourceError(self.path, "was replaced while it was opened", "Try again")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close this file and those that it links to."""
        for linked in self._linked.values():
            linked.close()
        self._linked.clear()
        if self.handle:
            self.handle.close()
            os.close(self.opened.descriptor)

    def subject(self, path: str) -> str:
        """Name a place in this file, for an error."""
        return f"{self.path} {path}"

    def locate(self, path: str) -> Located:
        """Walk to an object.

        Parameters
        ----------
        path : str
            Path from the root of the file.

        Returns
        -------
        located : Located
            The object.

        Raises
        ------
        SourceError
            If there is no such object, if links run in a circle, or if a link is refused.
        """
        waiting = deque(_split(path))
        if len(waiting) > MAX_DEPTH:
            cause = f"lies more than {MAX_DEPTH} groups deep"
            raise SourceError(self.subject(f"{path[:60]}..."), cause, "Write the frames into fewer groups")
        node, file, here, hops = self.handle["/"], self, "", 0
        while waiting:
            name = waiting.popleft()
            link = file._link(node, name, path)
            if isinstance(link, h5py.HardLink):
                node, here = file.child(node, name), f"{here}/{name}"
                continue
            hops += 1
            if hops > MAX_HOPS:
                raise SourceError(self.subject(path), "its links run in a circle", "Choose another dataset")
            waiting.extendleft(reversed(_split(link.path)))
            if isinstance(link, h5py.ExternalLink):
                file = self._follow_from(file, link, path)
                node, here = file.handle["/"], f"{here}/{name}"
            elif link.path.startswith("/"):
                node, here = file.handle["/"], "" if file is self else here
        return Located(file, node, here if file is self else path)

    def open_beside(self, name: str) -> "GuardedFile":
        """Open a file that this one refers to, by a path that may be relative to this file's folder.

        Parameters
        ----------
        name : str
            What the link or the virtual dataset says.

        Returns
        -------
        linked : GuardedFile
            Closed together with this file.

        Raises
        ------
        SourceError
            If the target is refused, or if this file was itself reached by a link.
        """
        if name not in self._linked:
            if self.depth >= 1:
                cause = f"links on to {name}, and links may only be one file deep"
                raise SourceError(self.path, cause, "Register the file that holds the frames instead")
            target = os.path.join(os.path.dirname(self.opened.real_path), name)  # noqa: PTH118, PTH120
            self._linked[name] = GuardedFile(self.guard, target, depth=self.depth + 1)
        return self._linked[name]

    def _link(self, node: object, name: str, path: str) -> object:
        with hdf5_errors(self.subject(path)):
            link = (
                node.get(name, getlink=True)
                if isinstance(node, h5py.Group) and name in _names(node, name)
                else None
            )
        if link is None:
            raise SourceError(
                self.subject(path), "there is no such dataset", "Choose one of the listed datasets"
            )
        is_known = isinstance(link, h5py.HardLink | h5py.SoftLink | h5py.ExternalLink)
        # h5py gives the path as bytes where it is not text
        if not is_known or not isinstance(getattr(link, "path", ""), str):
            raise SourceError(self.subject(path), "uses a link of an unknown kind", "Choose another dataset")
        return link

    def child(self, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
        """Open what a hard link in a group of this file leads to."""
        with hdf5_errors(self.subject(name)):
            node = group[name]
            if isinstance(node, h5py.Dataset) and node.is_virtual:
                access = node.id.get_access_plist()
                # Relative sources are looked for where the check below looked, and nowhere else first.
                access.set_virtual_prefix(os.fsencode(Path(self.opened.real_path).parent))
                node = h5py.Dataset(h5py.h5d.open(group.id, name.encode(), access))
        return node

    def _follow_from(self, file: "GuardedFile", link: h5py.ExternalLink, path: str) -> "GuardedFile":
        try:
            return file.open_beside(link.filename)
        except SourceError as error:
            cause = f"links to {link.filename}, which is refused: {error.cause}"
            raise SourceError(self.subject(path), cause, error.remedy) from error

    def check_sources(self, dataset: h5py.Dataset, path: str) -> None:
        """Check that every source of a virtual dataset is there, allowed, and large enough.

        The HDF5 library gives fill values, without an error, for a source that is missing.

        Parameters
        ----------
        dataset : h5py.Dataset
            A virtual dataset of this file.
        path : str
            Its path, for the error.

        Raises
        ------
        SourceError
            If a source is missing or refused.
        """
        subject = self.subject(path)
        if dataset.id.get_create_plist().get_virtual_count() > MAX_VIRTUAL_SOURCES:
            raise SourceError(
                subject, "is put together from too many pieces", "Register the source files instead"
            )
        with hdf5_errors(subject):
            sources = dataset.virtual_sources()
        for source in sources:
            if "%" in source.file_name or "%" in source.dset_name:
                cause = f"names its source files by a pattern ({source.file_name})"
                raise SourceError(subject, cause, "Register the source files instead")
            try:
                with hdf5_errors(subject):
                    self._check_source(source)
            except SourceError as error:
                # the HDF5 library calls the file itself "."
                name = f"{source.dset_name} of {source.file_name}".removesuffix(" of .")
                cause = f"is put together from {name}, which is refused: {error.cause}"
                raise SourceError(
                    subject, cause, "Put the missing file back, or register the files you have"
                ) from error

    def _check_source(self, source: object) -> None:
        file = self if source.file_name == "." else self.open_beside(source.file_name)
        located = file.locate(source.dset_name)
        if not isinstance(located.node, h5py.Dataset):
            raise SourceError(
                source.dset_name, "is no dataset of that file", "Register the source files instead"
            )
        key = (source.file_name, located.path)
        if key not in self._checked:
            check_stored(located.node, located.file.subject(located.path))
            if located.node.is_virtual:
                raise SourceError(source.dset_name, "is itself virtual", "Register the source files instead")
            self._checked.add(key)
        _check_extent(source, located.node.shape)


def _check_extent(source: object, shape: tuple[int, ...]) -> None:
    unlimited = h5py.h5s.UNLIMITED
    if source.src_space.get_select_type() == h5py.h5s.SEL_ALL:  # its extent is not known before it is opened
        needed, present = (source.vspace.get_select_npoints(),), (prod(shape),)
    else:
        needed, present = (last + 1 for last in source.src_space.get_select_bounds()[1]), shape
    if any(size > there for size, there in zip(needed, present, strict=True) if size < unlimited):
        cause = f"has the shape {shape}, which is shorter than the virtual dataset says"
        raise SourceError(source.dset_name, cause, "Register it again once it is complete")


def child_names(group: h5py.Group) -> list[str]:
    """List the names in a group; names that are not text, in a damaged file, are left out.

    Parameters
    ----------
    group : h5py.Group
        Any group.

    Returns
    -------
    names : list of str
        No link is followed.
    """
    return [name for name in group if isinstance(name, str)]


def _names(group: h5py.Group, name: str) -> tuple[str, ...]:
    # `name in group` would resolve the link; the low-level question does not
    return (name,) if group.id.links.exists(name.encode(errors="surrogateescape")) else ()


def _split(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
