"""How counts become the 256 levels of a condensed frame, and levels become counts again.

Everything that writes or reads condensed frames goes through this module. Products that were made before
there was a choice are logarithmic.
"""

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

SCALES = ("log", "sqrt", "none")
DEFAULT = "log"
_STRETCH = {"log": np.log1p, "sqrt": np.sqrt, "none": np.asarray}
_UNDO = {"log": np.expm1, "sqrt": np.square, "none": np.asarray}


def level_thresholds(scale: str, scale_max: float) -> NDArray[np.float32]:
    """Return the counts from which each level begins.

    Parameters
    ----------
    scale : {"log", "sqrt", "none"}
        How counts are stretched: ``log1p``, square root, or not at all.
    scale_max : float
        Counts that become 255.

    Returns
    -------
    thresholds : ndarray of shape (255,), float32
        Rising; a pixel has the level k if exactly k of them are not above its counts.
    """
    top = float(_STRETCH[scale](np.float64(scale_max)))
    return _UNDO[scale]((np.arange(255) + 0.5) / 255 * top).astype(np.float32)


def level_counts(scale: str, scale_max: float) -> NDArray[np.float32]:
    """Return the counts that each level stands for.

    Parameters
    ----------
    scale : {"log", "sqrt", "none"}
        How counts were stretched.
    scale_max : float
        Counts that 255 stands for.

    Returns
    -------
    counts : ndarray of shape (256,), float32
        0 to `scale_max`.
    """
    top = float(_STRETCH[scale](np.float64(scale_max)))
    return _UNDO[scale](np.arange(256) / 255 * top).astype(np.float32)


def to_levels(counts: ArrayLike, scale: str, scale_max: float) -> NDArray[np.uint8]:
    """Turn counts into levels.

    Parameters
    ----------
    counts : array_like
        Counts; what is below 0 or no number becomes 0, what is above `scale_max` 255.
    scale : {"log", "sqrt", "none"}
        How they are stretched.
    scale_max : float
        Counts that become 255.

    Returns
    -------
    levels : ndarray of uint8
        ``255 * f(counts) / f(scale_max)``, rounded, with f the stretch.
    """
    values = np.nan_to_num(np.asarray(counts, np.float32), nan=0.0)
    return np.searchsorted(level_thresholds(scale, scale_max), values, side="right").astype(np.uint8)


def from_levels(levels: NDArray[np.uint8], scale: str, scale_max: float) -> NDArray[np.float32]:
    """Turn levels into the counts that they stand for.

    Parameters
    ----------
    levels : ndarray of uint8
        Condensed frames.
    scale : {"log", "sqrt", "none"}
        How they were stretched.
    scale_max : float
        Counts that 255 stands for.

    Returns
    -------
    counts : ndarray of float32
        Of the shape of `levels`.
    """
    return level_counts(scale, scale_max)[levels]


def shown_levels(scale: str, scale_max: float) -> NDArray[np.uint8]:
    """Return how bright each level is drawn: as the logarithm of its counts, whichever the scale.

    Parameters
    ----------
    scale : {"log", "sqrt", "none"}
        How counts were stretched.
    scale_max : float
        Counts that 255 stands for.

    Returns
    -------
    levels : ndarray of shape (256,), uint8
        The level itself on a logarithmic scale; on others all but the brightest pixels would be black.
    """
    if scale == "log":
        return np.arange(256, dtype=np.uint8)
    return to_levels(level_counts(scale, scale_max), "log", scale_max)


def read_scale(folder: str | Path) -> tuple[str, float]:
    """Read how the frames of a condensed data set, or those of a network, are to be understood.

    Parameters
    ----------
    folder : str or Path
        With ``geometry.npz``.

    Returns
    -------
    scale : {"log", "sqrt", "none"}
        How counts were stretched.
    scale_max : float
        Counts that 255 stands for.
    """
    with np.load(Path(folder) / "geometry.npz", allow_pickle=False) as geometry:
        scale = str(geometry["scale"]) if "scale" in geometry else DEFAULT
        return scale, float(geometry["scale_max"])
