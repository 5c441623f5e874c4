"""Draw one thumbnail in the colours of the sheets."""

import io

import numpy as np
from PIL import Image

TILE = 64
MASKED = (38, 70, 83)
# Sixteen even steps of inferno (S. van der Walt and N. Smith, matplotlib, CC0), as the sheets have them.
_STEPS = bytes.fromhex(
    "0000040c0826240c4f420a685d126e781c6d932667ae305cc73e4cdd513aed6925f8850ffca50afac62df2e661fcffa4"
)


def _build_table() -> np.ndarray:
    steps = np.frombuffer(_STEPS, np.uint8).reshape(16, 3)
    places = np.linspace(0, 255, len(steps))
    channels = [np.interp(np.arange(256), places, steps[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


TABLE = _build_table()


def draw_thumb(frame: np.ndarray, mask: np.ndarray | None) -> bytes:
    """Return a PNG of 64 x 64 pixels of a condensed frame, uint8 (s, s); `mask` is 1 where masked."""
    colours = TABLE[frame]
    if mask is not None and mask.shape == frame.shape:
        colours = np.where(mask[..., None] == 1, np.uint8(MASKED), colours)
    picture = Image.fromarray(colours).resize((TILE, TILE), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
