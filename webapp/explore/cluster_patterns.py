"""Mean and maximum of the frames of a cluster, as small pictures."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from webapp.datasets.columns import Columns
from webapp.datasets.levels import level_counts, shown_levels
from webapp.explore.geometry import geometry_of
from webapp.explore.selectors import condensed_mask
from webapp.explore.thumbs import draw_thumb

PATTERN_KINDS = (("mean", "Mean"), ("max", "Maximum"))
WHAT = tuple(name for name, _ in PATTERN_KINDS)
MOST_READ = 2000
_BLOCK = 256


def pattern_of_cluster(columns: Columns, cluster: int, what: str) -> bytes | None:
    """Return a PNG of 64 x 64 pixels; of a large cluster `MOST_READ` members stand for all.

    None where there is no such cluster, or nothing to draw it from.
    """
    products = columns.products
    if "condense" not in products or columns.clusters is None or what not in WHAT:
        return None
    return _draw(products["condense"].folder, products["cluster"].folder, cluster, what)


@lru_cache(maxsize=1024)
def _draw(folder: Path, clustering: Path, cluster: int, what: str) -> bytes | None:
    frames = some_members(clustering, cluster, MOST_READ)
    if not len(frames):
        return None
    condensed = np.load(folder / "condensed.npy", mmap_mode="r", allow_pickle=False)
    geometry = geometry_of(folder)
    scale, scale_max = (geometry.scale, geometry.scale_max) if geometry else ("log", 255.0)
    blocks = (condensed[frames[start : start + _BLOCK]] for start in range(0, len(frames), _BLOCK))
    if what == "max":
        levels = shown_levels(scale, scale_max)[np.max([block.max(axis=0) for block in blocks], axis=0)]
    else:
        counts = level_counts(scale, scale_max)
        mean = sum(counts[block].sum(axis=0, dtype=np.float64) for block in blocks) / len(frames)
        levels = np.minimum(255 * np.log1p(mean) / np.log1p(scale_max) + 0.5, 255).astype(np.uint8)
    return draw_thumb(levels, condensed_mask(folder))


def some_members(clustering: Path, cluster: int, most: int) -> np.ndarray:
    """Return members of a cluster, int64 ascending: all, or `most` spread over the data set."""
    labels = np.load(clustering / "labels.npy", mmap_mode="r", allow_pickle=False)
    members = np.flatnonzero(labels == cluster)
    if len(members) > most:
        members = members[np.linspace(0, len(members) - 1, most).astype(np.int64)]
    return members
