"""What a source description says, as lines for a terminal."""

from collections.abc import Iterator
from typing import Any

from webapp.jobs.templatetags.quantities import size

N_LISTED = 20
# Names in files are other people's text; a terminal would obey what they can hold.
_PRINTABLE = dict.fromkeys([*range(32), *range(127, 160)], "\N{REPLACEMENT CHARACTER}")
_PRINTABLE[0x202F] = " "  # between a number and its unit; not every terminal has it


def describe_in_words(found: dict[str, Any]) -> str:
    """Return an aligned table of what a reader found, one fact a line."""
    rows = list(_rows(found))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {text.translate(_PRINTABLE)}".rstrip() for name, text in rows)


def _rows(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    own = [item for item in found["files"] if not item["linked"]]
    n_bytes = found["n_frames"] * found["height"] * found["width"] * _itemsize(found["dtype"])
    yield "format", found["format_words"]
    yield "frames", f"{found['n_frames']}"
    yield "frame", f"{found['height']} x {found['width']} px, {found['dtype']}"
    yield "unpacked", size(n_bytes)
    yield "frames at", found["dataset_path"]
    yield "mask at", found["mask_path"] or "none in the file"
    yield from _named("identifiers", [f"{name} at {place}" for name, place in _ids(found).items()])
    yield from _named("columns", [_column(name, about) for name, about in found["columns"].items()])
    yield from _named("labels", found["label_names"])
    yield "datasets", f"{len(found['candidates'])} found"
    yield from _listed([_candidate(item, found["dataset_path"]) for item in found["candidates"]])
    total = size(sum(item["size"] for item in own))
    yield "files", f"{len(own)}, {total}"
    yield from _listed([_file(item) for item in found["files"]])
    for item in found["states"]:
        yield item["state"], item["words"]
    for warning in found["warnings"]:
        yield "warning", warning


def _named(name: str, texts: list[str]) -> Iterator[tuple[str, str]]:
    yield name, ", ".join(texts) if texts else "none in the file"


def _listed(texts: list[str]) -> Iterator[tuple[str, str]]:
    for text in texts[:N_LISTED]:
        yield "", text
    if len(texts) > N_LISTED:
        yield "", f"and {len(texts) - N_LISTED} more (--json has all)"


def _ids(found: dict[str, Any]) -> dict[str, Any]:
    segments = found.get("segments") or [{}]
    return {name: place for name, place in (segments[0].get("ids") or {}).items() if isinstance(place, str)}


def _column(name: str, about: dict[str, Any]) -> str:
    return f"{name} ({about['unit']})" if about.get("unit") else name


def _candidate(item: dict[str, Any], chosen: str) -> str:
    shape = " x ".join(str(side) for side in item["shape"])
    return f"{'*' if item['path'] == chosen else ' '} {item['path']}  {shape}  {item['dtype']}"


def _file(item: dict[str, Any]) -> str:
    return f"{item['path']}  {size(item['size'])}{', reached by a link' if item['linked'] else ''}"


def _itemsize(dtype: str) -> int:
    return int("".join(letter for letter in dtype if letter.isdigit()) or 8) // 8
