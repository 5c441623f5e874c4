"""Mean and maximum of the frames of clusters, as small pictures: those of several cards in one."""

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from webapp.datasets.columns import Columns
from webapp.datasets.levels import level_counts, shown_levels
from webapp.explore.geometry import geometry_of
from webapp.explore.selectors import condensed_mask
from webapp.explore.thumbs import TILE, draw_thumb

PATTERN_KINDS = (("mean", "Mean"), ("max", "Maximum"))
MOST_TOGETHER = 8
MOST_READ = 2000
_BLOCK = 256


def patterns_of_clusters(columns: Columns, clusters: list[int]) -> bytes | None:
    """Return a PNG with a row of two tiles a cluster, mean and maximum, of at most `MOST_READ` members each.

    None where one of them is not there, or there is nothing to draw them from.
    """
    products = columns.products
    is_drawable = "condense" in products and columns.clusters is not None
    if not is_drawable or not 1 <= len(clusters) <= MOST_TOGETHER:
        return None
    folders = (products["condense"].folder, products["cluster"].folder)
    tiles = [_draw(*folders, cluster) for cluster in clusters]
    if None in tiles:
        return None
    strip = Image.new("RGB", (2 * TILE, TILE * len(tiles)))
    for row, pair in enumerate(tiles):
        for column, picture in enumerate(pair):
            strip.paste(Image.open(io.BytesIO(picture)), (column * TILE, row * TILE))
    buffer = io.BytesIO()
    strip.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


@lru_cache(maxsize=1024)
def _draw(folder: Path, clustering: Path, cluster: int) -> tuple[bytes, bytes] | None:
    frames = some_members(clustering, cluster, MOST_READ)
    if not len(frames):
        return None
    condensed = np.load(folder / "condensed.npy", mmap_mode="r", allow_pickle=False)
    geometry, mask = geometry_of(folder), condensed_mask(folder)
    scale, scale_max = (geometry.scale, geometry.scale_max) if geometry else ("log", 255.0)
    counts, total = level_counts(scale, scale_max), np.zeros(condensed.shape[1:])
    highest = np.zeros(condensed.shape[1:], np.uint8)
    for start in range(0, len(frames), _BLOCK):
        block = condensed[frames[start : start + _BLOCK]]
        total += counts[block].sum(axis=0, dtype=np.float64)
        np.maximum(highest, block.max(axis=0), out=highest)
    mean = np.log1p(total / len(frames)) / np.log1p(scale_max)
    mean = np.minimum(255 * mean + 0.5, 255).astype(np.uint8)
    return draw_thumb(mean, mask), draw_thumb(shown_levels(scale, scale_max)[highest], mask)


def some_members(clustering: Path, cluster: int, most: int) -> np.ndarray:
    """Return members of a cluster, int64 ascending: all, or `most` spread over the data set."""
    labels = np.load(clustering / "labels.npy", mmap_mode="r", allow_pickle=False)
    members = np.flatnonzero(labels == cluster)
    if len(members) > most:
        members = members[np.linspace(0, len(members) - 1, most).astype(np.int64)]
    return members
