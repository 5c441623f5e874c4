"""Describe files as a data set, and open what was described, whatever their format."""

import os
from collections.abc import Sequence
from typing import Any

from workers.science.errors import SourceError
from workers.science.io.expand import expand_sources
from workers.science.io.formats import format_named, recognise_format
from workers.science.io.guard import Guard
from workers.science.io.protocol import Format, FrameReader


def describe_source(
    *, sources: Sequence[str], roots: Sequence[str], dataset_path: str | None = None
) -> dict[str, Any]:
    """Look at files without reading frames: what is in them, and which dataset holds the frames.

    Parameters
    ----------
    sources : sequence of str
        Files, folders and patterns in the order of the data set (see `expand_sources`).
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
        If no file can be read, or if files differ in format or in the shape of their frames.
    """
    guard, sources = Guard(roots), expand_sources(sources, roots)
    form, readable, states = _sort_out(guard, sources)
    found = form.describe(guard, readable, dataset_path)
    defaults = {"format_words": form.words, "columns": {}, "label_names": []}
    found = {**defaults, **found, "states": [*states, *guard.states, *found.get("states", [])]}
    return {
        **found,
        "reader": form.name,
        "files": _list_files(guard, sources, _left_out(found)),
        "roots": [str(root) for root in roots],
    }


def _sort_out(guard: Guard, sources: Sequence[str]) -> tuple[Format, list[str], list[dict[str, str]]]:
    """Find the one format of all files, and leave out those in which none is recognised."""
    forms: dict[str, Format] = {}
    states, first_error = [], None
    for source in sources:
        try:
            forms[source] = recognise_format(guard, source)
        except SourceError as error:
            first_error = first_error or error
            state = "unreadable" if os.path.lexists(source) else "missing"
            states.append({"file": source, "state": state, "words": str(error)})
    if not forms:
        raise first_error
    (first, form), *others = forms.items()
    for source, other in others:
        if other is not form:
            cause = f"is {other.title}, and {first} is {form.title}"
            remedy = "Name the files of one format, for instance by a pattern such as run/*.h5"
            raise SourceError(source, cause, remedy)
    return form, list(forms), states


def open_source(description: dict[str, Any]) -> FrameReader:
    """Open what a source description names.

    Parameters
    ----------
    description : dict
        A source description; under ``moved`` it may say where its files lie now (see `relocate`).

    Returns
    -------
    reader : FrameReader
        Opens each file when it is first needed, and then checks its fingerprint.

    Raises
    ------
    SourceError
        If the format is not known.
    """
    description = relocate(description, description.get("moved") or {})
    reader = description.get("reader", "hdf5")  # descriptions of earlier versions do not say
    return format_named(reader).open(description)


def relocate(description: dict[str, Any], moved: dict[str, Any]) -> dict[str, Any]:
    """Say where the files of a description lie now.

    Parameters
    ----------
    description : dict
        A source description.
    moved : dict
        ``files``: ``path`` and ``fingerprint`` of each file that lies elsewhere now, by its path in the
        description; ``roots``: folders below which they may be opened. Empty if nothing was moved.

    Returns
    -------
    description : dict
        A copy in which every mention of those paths is the new one.
    """
    if not moved:
        return description
    paths = {old: new["path"] for old, new in moved["files"].items()}
    known = {new["path"]: new["fingerprint"] for new in moved["files"].values()}
    found = {**_replace(description, paths), "roots": moved["roots"], "moved": {}}
    for item in found["files"]:
        item["fingerprint"] = known.get(item["path"], item["fingerprint"])
    return found


def _replace(value: Any, paths: dict[str, str]) -> Any:
    if isinstance(value, str):
        return paths.get(value, value)
    if isinstance(value, list):
        return [_replace(item, paths) for item in value]
    if isinstance(value, dict):
        return {name: _replace(item, paths) for name, item in value.items()}
    return value


def _left_out(found: dict[str, Any]) -> set[str]:
    states = found.get("states", [])
    return {item["file"] for item in states if item["state"] in ("unreadable", "missing")}


def _list_files(guard: Guard, sources: Sequence[str], left_out: set[str]) -> list[dict[str, Any]]:
    own = {opened.path: opened for opened in guard.opened.values()}
    named = dict.fromkeys(sources)
    linked = {path for path in own if path not in named}
    return [
        {"path": path, "size": own[path].size, "fingerprint": own[path].fingerprint, "linked": path in linked}
        for path in [*named, *sorted(linked)]
        if path not in left_out
    ]
