"""How frames were condensed: centre, cut-out, mask and scale, as their product says."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class FrameGeometry:
    """`mask` is bool (h, w), True = good; `centre` (row, column) and `crop` are in pixels of the detector.

    `crop` is the side of the square about the centre that became `size` x `size` pixels.
    """

    mask: np.ndarray
    centre: tuple[float, float]
    crop: float
    size: int
    scale: str
    scale_max: float


@lru_cache(maxsize=16)
def geometry_of(folder: Path) -> FrameGeometry | None:
    """Return the geometry of a condensation, or None where it does not tell."""
    try:
        with np.load(folder / "geometry.npz", allow_pickle=False) as kept:
            return FrameGeometry(
                mask=kept["mask"].astype(bool),
                centre=(float(kept["centre"][0]), float(kept["centre"][1])),
                crop=float(kept["crop"]),
                size=int(kept["size"]),
                scale=str(kept["scale"]) if "scale" in kept else "log",
                scale_max=float(kept["scale_max"]),
            )
    except (OSError, KeyError, ValueError):
        return None
