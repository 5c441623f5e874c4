"""Draw frames as tiles, and pictures of a pattern, in the inferno colours."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.science.resample import Resampler
from workers.science.scale import to_levels

TILE = 64
MAX_PICTURE_SIDE = 1024
# A blue-green that inferno does not come near, so that "masked" cannot be taken for a number of counts.
MASKED_COLOUR = np.array((38, 70, 83), np.uint8)
# Sixteen even steps of inferno (S. van der Walt and N. Smith, matplotlib, CC0).
_ANCHORS = (
    "000004 0c0826 240c4f 420a68 5d126e 781c6d 932667 ae305c "
    "c73e4c dd513a ed6925 f8850f fca50a fac62d f2e661 fcffa4"
)


def _build_table() -> NDArray:
    anchors = np.array([list(bytes.fromhex(anchor)) for anchor in _ANCHORS.split()])
    positions = np.linspace(0, 255, len(anchors))
    channels = [np.interp(np.arange(256), positions, anchors[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


INFERNO = _build_table()


def colour(levels: NDArray, mask: NDArray | None = None) -> NDArray:
    """Turn levels into colours.

    Parameters
    ----------
    levels : ndarray of shape (..., h, w), uint8
        Brightness.
    mask : ndarray of shape (h, w) or like `levels`, bool, optional
        True = good; other pixels get a colour that no brightness has.

    Returns
    -------
    picture : ndarray of shape (..., h, w, 3), uint8
        Red, green, blue.
    """
    picture = INFERNO[levels]
    return picture if mask is None else np.where(mask[..., None], picture, MASKED_COLOUR)


def make_tiles(condensed: NDArray, small_mask: NDArray) -> NDArray:
    """Scale condensed frames to the size of a tile and colour them.

    Parameters
    ----------
    condensed : ndarray of shape (m, s, s), uint8
        Condensed frames.
    small_mask : ndarray of shape (s, s), bool
        True = good.

    Returns
    -------
    tiles : ndarray of shape (m, 64, 64, 3), uint8
        Red, green, blue.
    """
    resampler = _tile_resampler(small_mask.tobytes(), condensed.shape[1])
    levels = np.minimum(resampler.resample(condensed) + np.float32(0.5), 255).astype(np.uint8)
    return colour(levels, resampler.coverage >= 0.5)


@lru_cache(maxsize=4)
def _tile_resampler(small_mask: bytes, size: int) -> Resampler:
    mask = np.frombuffer(small_mask, bool).reshape(size, size)
    middle = (size - 1) / 2
    return Resampler(mask=mask, centre=(middle, middle), side=size, size=TILE)


def draw_pattern(pattern: NDArray) -> NDArray:
    """Draw one pattern on its own logarithmic scale, scaled down if it is large.

    Parameters
    ----------
    pattern : ndarray of shape (h, w)
        Counts; NaN where masked.

    Returns
    -------
    picture : ndarray of shape (h', w', 3), uint8
        No side longer than 1024 pixels.
    """
    step = -(-max(pattern.shape) // MAX_PICTURE_SIDE)
    pattern = pattern[::step, ::step]
    good = np.isfinite(pattern)
    counts = np.where(good, pattern, 0)
    top = float(np.percentile(counts[good], 99.9)) if good.any() else 0.0
    return colour(to_levels(counts, "log", top if top > 0 else 1.0), good)


def write_pattern(path: Path, pattern: NDArray) -> None:
    """Write the picture of one pattern.

    Parameters
    ----------
    path : Path
        A ``.png`` file.
    pattern : ndarray of shape (h, w)
        Counts; NaN where masked.
    """
    Image.fromarray(draw_pattern(pattern)).save(path)


def write_strip(path: Path, pictures: list[NDArray], *, side: int = 256) -> None:
    """Write pictures side by side.

    Parameters
    ----------
    path : Path
        A ``.png`` file.
    pictures : list of ndarray of shape (h, w, 3), uint8
        All of one shape.
    side : int, default=256
        Pixels that the longer side of each picture has in the strip.
    """
    scale = side / max(pictures[0].shape[:2])
    height, width = (max(1, round(length * scale)) for length in pictures[0].shape[:2])
    strip = Image.new("RGB", (len(pictures) * (width + 4) - 4, height), (255, 255, 255))
    for number, picture in enumerate(pictures):
        shrunk = Image.fromarray(picture).resize(
            (width, height), Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST
        )
        strip.paste(shrunk, (number * (width + 4), 0))
    strip.save(path)
