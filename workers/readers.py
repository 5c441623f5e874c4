"""Which steps read other people's files, and what such a step needs: places, memory, computing time.

Both sides ask: the child, which gives up everything else before the step starts, and the worker, which has to
say how a child ended.
"""

from typing import Any

# Modules of steps whose input may be made to harm. The watch computes with torch besides, on whatever
# accelerator there is, so its memory cannot be bounded in the same way.
READERS = ("index", "condense", "measure", "file_labels", "label_file", "manifest", "watch")
READER_BYTES = 800 * 2**20
# Measuring and condensing keep sums and copies of a frame in double precision; what was described as larger
# than the usual detectors gets more for each pixel beyond.
USUAL_PIXELS = 4 * 2**20
PIXEL_BYTES = 128
ROW_BYTES = 600  # a frame of a manifest, whose lists are made of all frames at once
OPEN_FILES = 4096
PREVIEW_BYTES = 256 * 2**20  # what looking at a source writes
ACCELERATORS = ("/dev", "/proc", "/sys", "/usr", "/opt")

INSPECT_CPU_S = 300
# A frame of 16 million pixels is read, measured and condensed in about a second.
FRAME_CPU_S = 4

# The arguments of steps that name files or folders to read, and those that name folders to write. Others,
# such as the path of a dataset inside a file, look like paths and are none.
_READ = ("roots", "parts", "folder", "labels", "chosen", "reference", "drawn_mask")
_WRITTEN = ("scratch", "session_dir")


def is_reader(step: str) -> bool:
    """Whether the step ``module.function`` opens files that other people made."""
    return step.partition(".")[0] in READERS


def has_accelerator(step: str) -> bool:
    """Whether a reader computes on an accelerator besides."""
    return step.startswith("watch.")


def read_places(arguments: dict[str, Any]) -> list[str]:
    """List the files and folders that the arguments of a step name for reading."""
    source = arguments.get("source") or {}
    moved = source.get("moved") or {}
    places = [*source.get("roots", ()), *moved.get("roots", ())]
    for name, value in arguments.items():
        if value and name not in _WRITTEN and (name in _READ or name.endswith("_dir")):
            places += _strings(value)
    return places


def written_places(arguments: dict[str, Any]) -> list[str]:
    """List the folders that the arguments of a step name for writing, besides ``out``."""
    return [arguments[name] for name in _WRITTEN if arguments.get(name)]


def memory_bytes(arguments: dict[str, Any]) -> int:
    """Return how much memory a reader may allocate."""
    source = arguments.get("source") or {}
    n_pixels = source.get("height", 0) * source.get("width", 0)
    n_rows = source.get("n_frames", 0) if "formats" in arguments else 0
    return READER_BYTES + PIXEL_BYTES * max(0, n_pixels - USUAL_PIXELS) + ROW_BYTES * n_rows


def cpu_seconds(step: str, arguments: dict[str, Any]) -> int | None:
    """Return after how much computing a reader is taken for one that loops; None if it may take any."""
    if step in ("index.inspect_source", "label_file.read_label_file"):
        return INSPECT_CPU_S
    if "start" in arguments and "stop" in arguments:
        return INSPECT_CPU_S + FRAME_CPU_S * (arguments["stop"] - arguments["start"])
    return None  # the watch has no end, and merging hashes all source files, however large


def named_files(arguments: dict[str, Any]) -> str:
    """Name the source files of a step as the subject of a sentence; "" where it has none."""
    source = arguments.get("source") or {}
    files = [item["path"] for item in source.get("files", ())] or list(arguments.get("sources", ()))
    return files[0] if len(files) == 1 else f"One of {len(files)} files from {files[0]} on" if files else ""


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for text in (value.values() if isinstance(value, dict) else value) if isinstance(text, str)]
