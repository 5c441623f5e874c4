"""What the levels of condensed frames stand for; the browser's side of it is in `frame-store.mjs`."""

import numpy as np


def shown_levels(scale: str, scale_max: float) -> np.ndarray:
    """Return how bright each level is drawn, uint8 (256,): by the logarithm of its counts, as in sheets."""
    if scale == "log":
        return np.arange(256, dtype=np.uint8)
    place = np.log1p(level_counts(scale, scale_max)) / np.log1p(scale_max)
    return np.minimum(255 * place + 0.5, 255).astype(np.uint8)


def level_counts(scale: str, scale_max: float) -> np.ndarray:
    """Return the counts of each of the 256 levels, float32 (256,); `scale` is "log", "sqrt" or "none"."""
    place = np.arange(256) / 255
    if scale == "sqrt":
        counts = place**2 * scale_max
    elif scale == "none":
        counts = place * scale_max
    else:
        counts = np.expm1(place * np.log1p(scale_max))
    return counts.astype(np.float32)
