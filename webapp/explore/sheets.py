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
PICKED_A_ROW = 8
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
    condensed = _open(folder)
    if condensed is None or SHEET * number >= len(condensed):
        return None
    return _draw(folder, condensed[SHEET * number : SHEET * (number + 1)], TILES_A_SIDE, TILES_A_SIDE)


@lru_cache(maxsize=64)
def draw_picked(folder: Path, frames: tuple[int, ...]) -> bytes | None:
    """Return a JPEG of some frames of a condensation, eight tiles a row; None where one is not there.

    Frames that are alike lie far apart in a long data set: so a page gets dozens of them by one request.
    """
    condensed = _open(folder)
    if condensed is None or not frames or not 0 <= min(frames) <= max(frames) < len(condensed):
        return None
    columns = min(len(frames), PICKED_A_ROW)
    return _draw(folder, condensed[list(frames)], -(-len(frames) // columns), columns)


def _open(folder: Path) -> np.ndarray | None:
    try:
        return np.load(folder / "condensed.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return None


def _draw(folder: Path, condensed: np.ndarray, rows: int, columns: int) -> bytes:
    mask, geometry = condensed_mask(folder), geometry_of(folder)
    if geometry is not None and geometry.scale != "log":
        condensed = shown_levels(geometry.scale, geometry.scale_max)[condensed]
    good = np.ones(condensed.shape[1:], np.float32) if mask is None else (mask == 0).astype(np.float32)
    tiles, masked = _shrink(condensed, good)
    masked = np.repeat(masked[None], len(tiles), axis=0)
    return _encode(_put_side_by_side(tiles, rows, columns), _put_side_by_side(masked, rows, columns))


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


def _put_side_by_side(tiles: np.ndarray, rows: int, columns: int) -> np.ndarray:
    sheet = np.zeros((rows * columns, TILE, TILE), np.uint8)
    sheet[: len(tiles)] = tiles
    return sheet.reshape(rows, columns, TILE, TILE).swapaxes(1, 2).reshape(rows * TILE, -1)


def _encode(levels: np.ndarray, masked: np.ndarray) -> bytes:
    picture = Image.fromarray(levels)
    picture.putpalette(TABLE.tobytes())
    picture = picture.convert("RGB")
    picture.paste(MASKED, mask=Image.fromarray(255 * masked))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
