"""What counts as a hit: the threshold of lit pixels, how many frames are above it, and which lie near it."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
from django.db import transaction

from webapp.accounts.models import User
from webapp.datasets.columns import Columns
from webapp.datasets.histograms import FOOT, HEIGHT, WIDTH
from webapp.datasets.models import Dataset, HitThreshold

N_STEPS = 200
N_SHOWN = 8
_N_BARS = 60


@dataclass(frozen=True)
class Hits:
    """`edges` are thresholds, rising; `n_hits` how many frames have at least so many lit pixels."""

    edges: list[float]
    n_hits: list[int]
    n_frames: int
    largest: float
    bars: list[dict[str, float]]
    threshold: float | None
    automatic: float | None
    words: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """What the page's script needs."""
        names = ("edges", "n_hits", "n_frames", "largest", "threshold", "automatic")
        return {name: getattr(self, name) for name in names} | {"width": WIDTH}


def hits_of(columns: Columns) -> Hits | None:
    """Return how the frames' lit pixels are spread; None where the frames are not indexed."""
    lit = columns.physics("lit_pixels")
    if lit is None or not len(lit):
        return None
    index = columns.products["index"]
    words = index.facts.get("hit_words", "")
    return _hits(
        index.folder / "frames.parquet", index.facts.get("hit_threshold"), columns.hit_threshold, words
    )


@lru_cache(maxsize=64)
def _hits(frames: Path, automatic: float | None, chosen: float | None, words: str) -> Hits | None:
    """Sort and count once: files of products never change, and what is kept is small."""
    lit = pyarrow.parquet.read_table(frames, columns=["lit_pixels"]).column(0).to_numpy()
    values = np.asarray(lit, float)
    values = np.sort(values[np.isfinite(values)])
    if not len(values):
        return None
    largest = max(float(values[-1]), 1.0)
    steps = np.expm1(np.linspace(0, np.log1p(largest + 1), N_STEPS))
    wanted = [value for value in (automatic, chosen) if value is not None]
    edges = np.unique(np.concatenate([np.ceil(steps), wanted]))
    n_hits = len(values) - np.searchsorted(values, edges, side="left")
    return Hits(
        edges=edges.tolist(),
        n_hits=n_hits.tolist(),
        n_frames=len(lit),
        largest=largest,
        bars=_bars(values, largest),
        threshold=chosen,
        automatic=automatic,
        words=words,
    )


def _bars(values: np.ndarray, largest: float) -> list[dict[str, float]]:
    """Count on an axis that is logarithmic but begins at 0; the script places its line in the same way."""
    counts, _ = np.histogram(np.log1p(values) / np.log1p(largest), bins=_N_BARS, range=(0, 1))
    tallest, width = max(int(counts.max()), 1), WIDTH / _N_BARS
    bars = []
    for place in np.flatnonzero(counts).tolist():
        # the square root lets a bin of few frames be seen beside one of many
        height = max(1.5, (int(counts[place]) / tallest) ** 0.5 * (HEIGHT - FOOT))
        bars.append(
            {
                "x": round(place * width, 2),
                "y": round(HEIGHT - FOOT - height, 1),
                "width": round(width - 1, 2),
                "height": round(height, 1),
            }
        )
    return bars


def count_hits(columns: Columns, threshold: float) -> tuple[int, list[int], list[int]]:
    """Return how many frames reach the threshold, and the frames just above and just below it."""
    lit = columns.physics("lit_pixels")
    values = np.asarray(lit, float)
    is_hit = values >= threshold
    above, below = np.flatnonzero(is_hit), np.flatnonzero(~is_hit & np.isfinite(values))
    return int(is_hit.sum()), _nearest(above, values[above]), _nearest(below, -values[below])


def _nearest(frames: np.ndarray, distance: np.ndarray) -> list[int]:
    if len(frames) > N_SHOWN:
        some = np.argpartition(distance, N_SHOWN)[:N_SHOWN]
        frames, distance = frames[some], distance[some]
    return frames[np.argsort(distance, kind="stable")].tolist()


@transaction.atomic
def save_threshold(*, dataset: Dataset, threshold: float | None, user: User | None = None) -> HitThreshold:
    """Set what counts as a hit from now on; None: what the index finds. What was set before is remembered."""
    dataset = Dataset.objects.select_for_update().get(pk=dataset.pk)
    last = dataset.hit_thresholds.first()
    if dataset.hit_threshold == threshold and (last is not None or threshold is None):
        return last or HitThreshold(dataset=dataset, threshold=None)
    dataset.hit_threshold = threshold
    dataset.save(update_fields=["hit_threshold"])
    return HitThreshold.objects.create(dataset=dataset, threshold=threshold, created_by=user)
