"""What a page shows of a session: one small JSON file, replaced as a whole, and the last thumbnails."""

import json
import time
from collections import Counter, deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.science.thumbnails import make_tiles

COUNTS = "counts.json"
THUMBNAILS = "thumbnails"
N_THUMBNAILS = 256
N_LATENCIES = 1000
N_RECENT = 48
N_PROBLEMS = 100
RATE_WINDOW_S = 10.0
MOST_THUMBNAILS_A_BATCH = 16  # a fast stream drops pictures for the viewer, never lines of the ledger


class Snapshot:
    """Counts of a session, kept up from the rows of its ledger.

    Parameters
    ----------
    folder : Path
        The session's folder.
    names : list of str
        The classes or clusters.
    """

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.folder = folder
        self.classes = Counter(dict.fromkeys(names, 0))
        self.states: Counter[str] = Counter()
        self.files: set[str] = set()
        self.none = 0
        self.latencies: deque[float] = deque(maxlen=N_LATENCIES)
        self.processing: deque[float] = deque(maxlen=N_LATENCIES)
        self.recent: deque[dict[str, Any]] = deque(maxlen=N_RECENT)
        self.problems: deque[dict[str, Any]] = deque(maxlen=N_PROBLEMS)
        self.ticks: deque[tuple[float, int]] = deque()

    def take(self, row: dict[str, Any]) -> None:
        """Count one row of the ledger."""
        self.files.add(row["file"])
        if row["state"] != "sorted":
            self.states[f"{row['state']}_frames"] += row["index"] is not None or row.get("n_frames", 0)
            self.states[f"{row['state']}_files"] += row["index"] is None
            self.problems.append({key: row[key] for key in ("time", "file", "index", "state", "reason")})
            return
        self.states["sorted"] += 1
        self.classes.update(row["classes"])
        self.none += not row["classes"]
        self.processing.append(row["processing_ms"])
        if not row["is_backlog"]:
            self.latencies.append(row["latency_ms"])
        if (self.folder / THUMBNAILS / f"{row['number']}.webp").exists():
            self.recent.append(_recent(row))

    def write(self, waiting: list[str]) -> dict[str, Any]:
        """Replace ``counts.json``; `waiting` are files that are not finished yet. Return what it says."""
        counts = {
            "updated_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "n_files": len(self.files),
            "n_frames": self.states["sorted"],
            "n_skipped": self.states["skipped_frames"],
            "n_failed": self.states["failed_frames"],
            "n_failed_files": self.states["failed_files"],
            "n_without_class": self.none,
            "rate_per_s": self._rate(),
            "classes": dict(self.classes),
            "latency_ms": _spread(self.latencies),
            "processing_ms": _spread(self.processing),
            "recent": list(self.recent)[::-1],
            "problems": list(self.problems)[::-1],
            "waiting": sorted(waiting)[:50],
            "n_waiting": len(waiting),
        }
        temporary = self.folder / f".{COUNTS}.tmp"
        temporary.write_text(json.dumps(counts, allow_nan=False), encoding="utf-8")
        temporary.replace(self.folder / COUNTS)
        return counts

    def _rate(self) -> float:
        """Return the frames sorted in each of the last seconds, on average."""
        now, n_sorted = time.monotonic(), self.states["sorted"]
        self.ticks.append((now, n_sorted))
        while len(self.ticks) > 2 and self.ticks[1][0] < now - RATE_WINDOW_S:
            self.ticks.popleft()
        began, n_before = self.ticks[0]
        return round((n_sorted - n_before) / (now - began), 2) if now > began else 0.0


class ThumbnailRing:
    """The pictures of the last frames, one small file each, named by the row of the ledger.

    Parameters
    ----------
    folder : Path
        The session's folder.
    small_mask : ndarray of shape (s, s), bool
        True = good.
    """

    def __init__(self, folder: Path, small_mask: NDArray[np.bool_]) -> None:
        self.folder, self.small_mask = folder / THUMBNAILS, small_mask
        self.folder.mkdir(exist_ok=True)
        present = (path for path in self.folder.glob("*.webp") if path.stem.isdigit())
        self.names = deque(sorted(present, key=lambda path: int(path.stem)))
        self._prune()

    def draw(self, condensed: NDArray[np.uint8], first_row: int) -> None:
        """Draw some frames of a batch, evenly chosen; its first frame has the ledger row `first_row`."""
        n_drawn = min(len(condensed), MOST_THUMBNAILS_A_BATCH)
        places = np.linspace(0, len(condensed) - 1, n_drawn).astype(int)
        for place, tile in zip(places, make_tiles(condensed[places], self.small_mask), strict=True):
            path = self.folder / f"{first_row + place}.webp"
            Image.fromarray(tile).save(path, "WEBP", quality=85, method=0)
            self.names.append(path)
        self._prune()

    def _prune(self) -> None:
        while len(self.names) > N_THUMBNAILS:
            self.names.popleft().unlink(missing_ok=True)


def _recent(row: dict[str, Any]) -> dict[str, Any]:
    best = sorted(row["probabilities"].items(), key=lambda item: -item[1])[:3]
    return {
        "number": row["number"],
        "time": row["time"],
        "file": row["file"],
        "index": row["index"],
        "classes": [[name, row["probabilities"][name]] for name in row["classes"]],
        "best": [list(item) for item in best],
        "latency_ms": None if row["is_backlog"] else row["latency_ms"],
    }


def _spread(values: deque[float]) -> dict[str, float | int | None]:
    """Return the median and the 95th percentile of the last values."""
    if not values:
        return {"median": None, "p95": None, "n": 0}
    median, p95 = np.percentile(np.fromiter(values, float), (50, 95))
    return {"median": round(float(median), 1), "p95": round(float(p95), 1), "n": len(values)}
