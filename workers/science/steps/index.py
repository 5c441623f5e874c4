"""Steps: look at a source, measure its frames in parts, and put the parts together."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from workers.science.errors import SourceError
from workers.science.frame_columns import VARIANCE_FRAMES, FrameColumns, estimate_lit_threshold
from workers.science.frame_table import build_part, merge_parts
from workers.science.io import FrameReader, describe_source, open_source
from workers.science.io.hashing import hash_sources
from workers.science.io.plane_frames import PlaneFrames
from workers.science.io.tolerant import Unreadable, identify_frames, read_blocks, read_source_columns
from workers.science.photons import estimate_photon_scale
from workers.science.progress import Progress, silent
from workers.science.resample import find_invalid
from workers.science.thumbnails import draw_pattern, write_pattern, write_strip

_PREVIEW_FRAMES = 8
_PREVIEW_BYTES = 128 * 2**20
_PREVIEW_TRIES = 64
# Small enough to stay near the processor between reading and measuring; but a few frames at once, because the
# patterns to which they are added go through memory once for each block.
_BLOCK_BYTES = 4 * 2**20
# From 32 MB on the C library would have each block of memory made anew.
_BLOCK_FRAMES, _LARGE_BLOCK_BYTES = 15, 30 * 2**20


def inspect_source(
    *,
    sources: list[str],
    roots: list[str],
    dataset_path: str | None = None,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Look at files before they are registered, and draw their first frames.

    Parameters
    ----------
    sources : list of str
        Files in the order of the data set.
    roots : list of str
        Folders below which files may be opened.
    dataset_path : str, optional
        Path of the frames in the files; proposed if not given.
    out : str
        Folder for ``preview.png`` and ``source.json``, the description for those who read single frames.
    on_progress : Progress

    Returns
    -------
    description : dict
        A source description; besides the keys of the contract it has ``lit_threshold``, ``photon_gain``
        (units a photon, or None), ``photon_dark`` and ``photon_words``.

    Raises
    ------
    SourceError
        If a file is refused, damaged or empty, or if files do not fit together.
    """
    on_progress(0, 0, "files", note="looking for frames")
    description = describe_source(sources=sources, roots=roots, dataset_path=dataset_path)
    with open_source(description) as reader:
        frame_bytes = reader.height * reader.width * reader.dtype.itemsize
        n_first = min(_PREVIEW_FRAMES, reader.n_frames, max(1, _PREVIEW_BYTES // frame_bytes))
        frames, good = _read_first(reader, n_first), reader.read_mask()
    description["lit_threshold"] = estimate_lit_threshold(frames, good)
    photons = estimate_photon_scale(frames, good)
    description |= {"photon_gain": photons.gain, "photon_dark": photons.dark, "photon_words": photons.words}
    write_strip(Path(out) / "preview.png", [draw_pattern(_as_pattern(frame, good)) for frame in frames])
    (Path(out) / "source.json").write_text(json.dumps(description))
    return description


def index_range(
    *, source: dict[str, Any], start: int, stop: int, out: str, on_progress: Progress = silent
) -> dict[str, Any]:
    """Measure the frames of one range.

    Parameters
    ----------
    source : dict
        A source description.
    start, stop : int
        Half-open range of frames.
    out : str
        Folder for ``frames.parquet``, ``patterns.npz`` (see `FrameColumns.patterns`) and ``unreadable.json``.
    on_progress : Progress

    Returns
    -------
    result : dict
        Empty.
    """
    failed = Unreadable()
    with open_source(source) as reader:
        columns = _prepare_columns(source, reader)
        blocks = read_blocks(reader, start, stop, failed, block_bytes=_block_bytes(reader), as_planes=True)
        for first, last, frames in blocks:
            if frames is None:
                columns.add_unreadable(last - first)
            elif isinstance(frames, PlaneFrames):
                columns.add_planes(first, frames)
            else:
                columns.add(first, frames)
            on_progress(last - start, stop - start)
        ids, extra = identify_frames(reader, start, stop), read_source_columns(reader, start, stop)
    table = build_part(source, start, ids, columns.columns(), extra)
    pq.write_table(table, Path(out) / "frames.parquet")
    # not compressed: it would take as long as measuring a few hundred frames, and parts are short-lived
    np.savez(Path(out) / "patterns.npz", **columns.patterns())
    failed.save(out)
    return {}


def merge_index(
    *, parts: list[str], source: dict[str, Any], out: str, on_progress: Progress = silent
) -> dict[str, Any]:
    """Put the parts of an index together, one after the other, and hash the source files.

    Parameters
    ----------
    parts : list of str
        Folders written by `index_range`, in the order of their frames.
    source : dict
        Source description.
    out : str
        Folder for ``frames.parquet``, ``patterns.npz`` (``mean``, ``max`` float32 (h, w), NaN where no frame
        has a value; ``variance`` float32 (h, w) of a sample of frames, the largest value of each pixel left
        out, NaN where fewer than three have one), ``mean.png`` and ``max.png``.
    on_progress : Progress

    Returns
    -------
    result : dict
        What `merge_parts` finds; ``causes``: why the first frames could not be read; ``sha256`` of each
        source file that can be read, by its path.

    Raises
    ------
    SourceError
        If no frame of the data set could be read.
    """
    failed, sums = Unreadable(), None
    for number, part in enumerate(parts):
        failed.add_part(part)
        with np.load(Path(part) / "patterns.npz", allow_pickle=False) as patterns:
            sums = _add_patterns(sums, patterns)
        on_progress(number + 1, len(parts), "parts")
    found = merge_parts(parts, source, Path(out) / "frames.parquet")
    if found["n_unreadable"] == found["n_frames"]:
        cause = f"none of the {found['n_frames']} frames can be read; the first: {failed.causes[0]}"
        raise SourceError("The data set", cause, "Check the files, or register them again")
    merged = _finish_patterns(sums)
    np.savez_compressed(Path(out) / "patterns.npz", **merged)
    write_pattern(Path(out) / "mean.png", merged["mean"])
    write_pattern(Path(out) / "max.png", merged["max"])
    return {**found, "causes": failed.causes, "sha256": hash_sources(source, on_progress)}


def _prepare_columns(source: dict[str, Any], reader: FrameReader) -> FrameColumns:
    good = reader.read_mask()
    # without the key the answer still must not depend on the range, so it is taken from the first frame
    if "lit_threshold" in source:
        threshold = float(source["lit_threshold"])
    else:
        threshold = estimate_lit_threshold(reader.read(0, 1), good)
    step = -(-source["n_frames"] // VARIANCE_FRAMES)
    return FrameColumns((reader.height, reader.width), good, threshold, step)


def _block_bytes(reader: FrameReader) -> int:
    frame_bytes = reader.height * reader.width * reader.dtype.itemsize
    return max(_BLOCK_BYTES, min(_BLOCK_FRAMES * frame_bytes, _LARGE_BLOCK_BYTES))


def _read_first(reader: FrameReader, n_frames: int) -> NDArray:
    """Read the first frames that can be read."""
    failed, found = Unreadable(), []
    frame_bytes = reader.height * reader.width * reader.dtype.itemsize
    stop = min(reader.n_frames, max(n_frames, _PREVIEW_TRIES))
    blocks = read_blocks(reader, 0, stop, failed, block_bytes=n_frames * frame_bytes)
    for _, _, frames in blocks:
        if frames is not None:
            found.append(frames[: n_frames - sum(map(len, found))])
        if sum(map(len, found)) >= n_frames:
            break
    if not found:
        raise SourceError(
            "The source",
            f"none of the first {stop} frames can be read; the first: {failed.causes[0]}",
            "Check the file, or copy it again",
        )
    return np.concatenate(found)


def _add_patterns(sums: dict[str, NDArray] | None, part: Mapping[str, NDArray]) -> dict[str, NDArray]:
    if sums is None:
        return {name: part[name].astype(np.float64) for name in part}
    for name, pattern in sums.items():
        if name.endswith("max"):
            np.maximum(pattern, part[name], out=pattern)
        else:
            pattern += part[name]
    return sums


def _finish_patterns(sums: dict[str, NDArray]) -> dict[str, NDArray]:
    has_value = sums["n"] > 0
    mean = np.where(has_value, sums["total"] / np.maximum(sums["n"], 1), np.nan)
    peak = np.where(has_value, sums["max"], np.nan)
    # one bright hit must not make a pixel look noisy
    enough, n = sums["sample_n"] >= 3, np.maximum(sums["sample_n"] - 1, 2)
    top = np.where(enough, sums["sample_max"], 0)
    rest, squares = sums["sample_total"] - top, sums["sample_squares"] - top**2
    variance = np.where(enough, np.maximum(squares - rest**2 / n, 0) / (n - 1), np.nan)
    named = {"mean": mean, "max": peak, "variance": variance}
    return {name: pattern.astype(np.float32) for name, pattern in named.items()}


def _as_pattern(frame: NDArray, good: NDArray | None) -> NDArray:
    pattern = frame.astype(np.float64)
    invalid = find_invalid(frame)
    if invalid is not None:
        pattern[invalid] = np.nan
    if good is not None:
        pattern[~good] = np.nan
    return pattern
