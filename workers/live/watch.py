"""Step: sort the frames of the files that arrive in a folder, until somebody stops it."""

import contextlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from workers.live.arrivals import Arrival, Arrivals
from workers.live.ledger import Ledger
from workers.live.snapshot import COUNTS, Snapshot, ThumbnailRing
from workers.live.sorter import Sorter, load_sorter
from workers.science.errors import Cancelled, ScienceError, SourceError
from workers.science.io import FrameIds, FrameReader, describe_source, open_source
from workers.science.preprocess import Geometry, condense_frames, load_geometry
from workers.science.progress import Progress, silent
from workers.science.scale import shown_levels

BATCH_BYTES = 32 * 2**20
LARGEST_BATCH = 64  # frames between two writes to the ledger; a stop waits for one batch at most
NAP_S = 0.2  # between two questions whether to stop


def watch_folder(
    *,
    folder: str,
    network_dir: str,
    reference: dict[str, str] | None,
    session_dir: str,
    out: str,
    poll_s: float = 1.0,
    dataset_path: str | None = None,
    roots: list[str] | None = None,
    threads: int = 1,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Sort the frames of the files that arrive in a folder, exactly as offline.

    Each file is taken by itself, so modules of a detector that lie in files of their own are not joined here.

    Parameters
    ----------
    folder : str
        The watched folder; folders in it are watched, too. Nothing is ever written to it.
    network_dir : str
        Folder of a classifier or a FactorVAE, with the geometry of the frames that it learned from.
    reference : dict of str to str, or None
        For a FactorVAE: ``latents`` and ``labels``, the ``.npy`` files of a clustering.
    session_dir : str
        Folder of the session: ``ledger.jsonl`` (one line a frame), ``counts.json``, thumbnails by row.
        A second call with the same folder goes on where the ledger ends.
    out : str
        Existing, empty folder: ``counts.json`` as it was in the end.
    poll_s : float, default=1
        Seconds between two looks into the folder.
    dataset_path : str, optional
        HDF5 path of the frames; where a file does not have it, the path is proposed as for a data set.
    roots : list of str, optional
        Folders below which files may be opened by links from the arriving ones; default: `folder`.
    threads : int, default=1
        Threads of the network.
    on_progress : Progress
        A stop, which it tells by raising `Cancelled`, is the normal end of a watch.

    Returns
    -------
    result : dict
        ``n_frames`` sorted, ``n_files``, ``n_skipped``, ``n_failed``, ``n_failed_files``, ``classes``
        (counts), over the whole session.

    Raises
    ------
    ScienceError
        If the folder or the network cannot be read, or another process works on the session.
    """
    torch.set_num_threads(threads)
    if not Path(folder).is_dir():
        raise SourceError(folder, "is not a folder that can be read", "Choose another folder")
    geometry, sorter = load_geometry(network_dir), load_sorter(network_dir, reference)
    with Ledger(Path(session_dir)) as ledger:
        watch = _Watch(Path(folder), Path(session_dir), ledger, geometry, sorter, on_progress, poll_s)
        watch.roots, watch.dataset_path = roots or [folder], dataset_path
        with contextlib.suppress(Cancelled):
            watch.run()
        counts = watch.write_snapshot()
    (Path(out) / COUNTS).write_text(json.dumps(counts, indent=1), encoding="utf-8")
    kept = ("n_frames", "n_files", "n_skipped", "n_failed", "n_failed_files", "classes")
    return {name: counts[name] for name in kept}


class _Watch:
    """The loop: look, read what is complete, sort it, write it down."""

    roots: list[str]
    dataset_path: str | None = None

    def __init__(
        self,
        folder: Path,
        session_dir: Path,
        ledger: Ledger,
        geometry: Geometry,
        sorter: Sorter,
        on_progress: Progress,
        poll_s: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.folder, self.ledger, self.geometry, self.sorter = folder, ledger, geometry, sorter
        self.on_progress, self.poll_s, self.now = on_progress, poll_s, now
        self.began = now()
        self.arrivals = Arrivals(folder, poll_s, now)
        self.snapshot = Snapshot(session_dir, sorter.names)
        for row in ledger.replay():
            self.snapshot.take(row)
            self._recall(row)
        self.thumbnails = ThumbnailRing(session_dir, geometry.small_mask)
        self.shown = shown_levels(geometry.scale, geometry.scale_max)

    def _recall(self, row: dict[str, Any]) -> None:
        arrival = self.arrivals.file(row["file"])
        if row["index"] is not None:
            arrival.n_done = row["index"] + 1
        if row["signature"]:
            arrival.finished = tuple(row["signature"])

    def run(self) -> None:
        """Watch until `on_progress` raises `Cancelled`."""
        while True:
            for arrival in self.arrivals.look():
                self._take(arrival)
            self.write_snapshot()
            until = self.now() + self.poll_s
            while True:
                self._report(
                    "waiting for files" if not self.arrivals.unfinished() else "a file is being written"
                )
                left = until - self.now()
                if left <= 0:
                    break
                time.sleep(min(NAP_S, left))

    def write_snapshot(self) -> dict[str, Any]:
        """Bring ``counts.json`` up to date."""
        return self.snapshot.write(self.arrivals.unfinished())

    def _report(self, note: str, n_left: int = 0) -> None:
        n_sorted = self.snapshot.states["sorted"]
        self.on_progress(n_sorted, n_sorted + n_left, "frames", note=note)

    def _take(self, arrival: Arrival) -> None:
        """Sort what is new in a file; what cannot be read is waited for, and in the end passed over."""
        try:
            description = self._describe(str(self.folder / arrival.name))
            n_frames = description["n_frames"]
            if description.get("n_modules", 1) > 1:
                cause = "holds one of the modules of a detector, whose other modules lie in other files"
                raise SourceError(arrival.name, cause, "Sort the run as a data set once it is complete")
            if n_frames < arrival.n_done:
                cause = f"had {arrival.n_done} frames before and has {n_frames} now"
                raise SourceError(arrival.name, cause, "Give a file that replaces another a name of its own")
            if (description["height"], description["width"]) != self.geometry.mask.shape:
                self._pass_over(arrival, "skipped", self._misfit(description), n_frames - arrival.n_done)
                return
            with open_source(description) as reader:
                self._sort_rest(arrival, reader)
        except ScienceError as error:
            # While a file is written it may be anything; only one that stays as it is can be called broken.
            if arrival.is_broken_if_unreadable and not self.arrivals.has_changed(arrival):
                self._pass_over(arrival, "failed", str(error), 0)

    def _describe(self, path: str) -> dict[str, Any]:
        wanted = [self.dataset_path, None] if self.dataset_path else [None]
        for dataset_path in wanted:
            try:
                return describe_source(sources=[path], roots=self.roots, dataset_path=dataset_path)
            except SourceError as error:
                if dataset_path is None or "no such dataset" not in error.cause:
                    raise
        raise AssertionError("the last one is returned or raised")

    def _misfit(self, description: dict[str, Any]) -> str:
        height, width = self.geometry.mask.shape
        return (
            f"Its frames have {description['height']} x {description['width']} pixels; the network learned "
            f"from {height} x {width}. Use a network that learned from frames of this detector."
        )

    def _sort_rest(self, arrival: Arrival, reader: FrameReader) -> None:
        while arrival.n_done < reader.n_frames:
            start = arrival.n_done
            length = min(LARGEST_BATCH, reader.block_length(start, BATCH_BYTES))
            stop = min(reader.n_frames, start + length)
            began = time.perf_counter()
            ids = reader.identify(start, stop)
            frames, reasons = self._read(arrival, reader, start, stop)
            self._sort_batch(arrival, ids, frames, reasons, began, is_last=stop == reader.n_frames)
            arrival.n_done = stop
            self.write_snapshot()
            self._report(f"sorting {arrival.name}"[:200], reader.n_frames - stop)
        arrival.finished = arrival.signature

    def _read(
        self, arrival: Arrival, reader: FrameReader, start: int, stop: int
    ) -> tuple[NDArray, dict[int, str]]:
        """Read frames, one by one where a block is damaged; return them and why some are missing."""
        try:
            return reader.read(start, stop), {}
        except SourceError:
            if self.arrivals.has_changed(arrival) or not arrival.is_broken_if_unreadable:
                raise
        frames, reasons = np.zeros((stop - start, reader.height, reader.width), reader.dtype), {}
        for place in range(stop - start):
            try:
                frames[place] = reader.read(start + place, start + place + 1)[0]
            except SourceError as error:
                reasons[place] = str(error)
        return frames, reasons

    def _sort_batch(
        self,
        arrival: Arrival,
        ids: FrameIds,
        frames: NDArray,
        reasons: dict[int, str],
        began: float,
        *,
        is_last: bool,
    ) -> None:
        condensed = condense_frames(frames, self.geometry)
        sorting = self.sorter.sort(condensed)
        processing_ms = round((time.perf_counter() - began) * 1e3 / len(frames), 2)
        now, written = self.now(), arrival.signature[1] / 1e9
        common = {
            "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
            "file": arrival.name,
            "latency_ms": round(max(0.0, now - written) * 1e3, 1),
            "is_backlog": written < self.began,
            "processing_ms": processing_ms,
            "signature": None,
        }
        rows = []
        for place in range(len(frames)):
            row = {**common, "index": arrival.n_done + place, **_identity(ids, place)}
            if place in reasons:
                row |= {"state": "failed", "reason": reasons[place], "classes": [], "probabilities": {}}
            else:
                row |= {"state": "sorted", "reason": "", **_outcome(self.sorter.names, sorting, place)}
            rows.append(row)
        if is_last:
            rows[-1]["signature"] = list(arrival.signature)
        self.thumbnails.draw(self.shown[condensed], self.ledger.n_rows)
        for row in self.ledger.append(rows):
            self.snapshot.take(row)

    def _pass_over(self, arrival: Arrival, state: str, reason: str, n_frames: int) -> None:
        """Write down that the watch is done with a file until it changes, and why."""
        row = {
            "time": datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="milliseconds"),
            "file": arrival.name,
            "index": None,
            "n_frames": n_frames,
            "state": state,
            "reason": reason,
            "signature": list(arrival.signature),
        }
        for numbered in self.ledger.append([row]):
            self.snapshot.take(numbered)
        arrival.finished = arrival.signature


def _identity(ids: FrameIds, place: int) -> dict[str, Any]:
    identity: dict[str, Any] = {"path": ids.path[place], "source_index": int(ids.source_index[place])}
    for name in ("train_id", "pulse_id"):
        value = getattr(ids, name)[place]
        if value is not np.ma.masked:
            identity[name] = int(value)
    return identity


def _outcome(names: list[str], sorting: Any, place: int) -> dict[str, Any]:
    probabilities = {
        name: round(float(value), 4) for name, value in zip(names, sorting.probabilities[place], strict=True)
    }
    classes = [name for name, chosen in zip(names, sorting.decision[place], strict=True) if chosen]
    return {"classes": classes, "probabilities": probabilities}
