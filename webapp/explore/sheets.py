"""Draw sheets of thumbnails when a page asks for them: most are never looked at."""

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from webapp.datasets.levels import shown_levels
from webapp.explore.geometry import geometry_of
from webapp.explore.selectors import condensed_mask
from webapp.explore.thumbs import MASKED, TABLE, TILE

TILES_A_SIDE = 16
SHEET = TILES_A_SIDE**2
_QUALITY = 85


@lru_cache(maxsize=16)
def draw_sheet(folder: Path, number: int) -> bytes | None:
    """Return a JPEG of the frames from ``256 * number`` on, tile by tile, row by row.

    Parameters
    ----------
    folder : Path
        Of a condensation, which never changes.
    number : int
        Of the sheet.

    Returns
    -------
    picture : bytes or None
        None where there are no such frames.
    """
    try:
        condensed = np.load(folder / "condensed.npy", mmap_mode="r")[SHEET * number : SHEET * (number + 1)]
    except (OSError, ValueError):
        return None
    if not len(condensed):
        return None
    mask, geometry = condensed_mask(folder), geometry_of(folder)
    if geometry is not None and geometry.scale != "log":
        condensed = shown_levels(geometry.scale, geometry.scale_max)[condensed]
    good = np.ones(condensed.shape[1:], np.float32) if mask is None else (mask == 0).astype(np.float32)
    tiles, masked = _shrink(condensed, good)
    return _encode(_put_side_by_side(tiles), _put_side_by_side(np.repeat(masked[None], len(tiles), axis=0)))


def _shrink(condensed: np.ndarray, good: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average frames over the pixels of their tiles, masked ones left out; say which of these are masked."""
    weights = _weigh(condensed.shape[1])
    coverage = weights @ good @ weights.T
    # masked pixels hold 0, so that only what the sums are divided by has to leave them out
    levels = weights @ (condensed.astype(np.float32) @ weights.T)
    levels *= 1 / np.maximum(coverage, np.float32(0.01))
    return np.minimum(levels + np.float32(0.5), 255).astype(np.uint8), coverage < 0.5


def _weigh(size: int) -> np.ndarray:
    """Return the share of each of `size` pixels in each of the tile, float32 (64, size)."""
    step, pixels = size / TILE, np.arange(size)
    low = step * np.arange(TILE)[:, None]
    if step >= 1:
        overlap = np.minimum(low + step, pixels + 1) - np.maximum(low, pixels)
        return (np.clip(overlap, 0, None) / step).astype(np.float32)
    return np.clip(1 - np.abs(low + step / 2 - 0.5 - pixels), 0, None).astype(np.float32)


def _put_side_by_side(tiles: np.ndarray) -> np.ndarray:
    sheet = np.zeros((SHEET, TILE, TILE), np.uint8)
    sheet[: len(tiles)] = tiles
    return (
        sheet.reshape(TILES_A_SIDE, TILES_A_SIDE, TILE, TILE).swapaxes(1, 2).reshape(TILES_A_SIDE * TILE, -1)
    )


def _encode(levels: np.ndarray, masked: np.ndarray) -> bytes:
    picture = Image.fromarray(levels)
    picture.putpalette(TABLE.tobytes())
    picture = picture.convert("RGB")
    picture.paste(MASKED, mask=Image.fromarray(255 * masked))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
