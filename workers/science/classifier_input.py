"""What the residual network sees of a condensed frame: the frame itself, or its polar map."""

import numpy as np
from numpy.typing import NDArray

from workers.science.polar import EMPTY, find_centres, polar_maps
from workers.science.scale import DEFAULT, level_counts

N_RADII, N_ANGLES = 48, 64
CENTRE_REACH = 0.03  # of the side of the frame, as far as a beam moves from shot to shot
CHUNK = 64  # frames at a time: bounds the memory


def network_levels(
    condensed: NDArray[np.uint8],
    good: NDArray[np.bool_],
    scale_max: float,
    form: str,
    scale: str = DEFAULT,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what the residual network is fed, and where it carries signal.

    On a polar map about the centre of the pattern, a turn of the particle in the plane of the image is a
    shift along the angle, over which the network averages in the end. On the image it must learn every
    angle of every class: from eight labels a class it sorts the labels and hardly more.

    Parameters
    ----------
    condensed : ndarray of shape (n, s, s), uint8
    good : ndarray of shape (s, s), bool
        Pixels that carry signal.
    scale_max : float
        Counts at grey level 255.
    form : str
        ``"polar"``, ``"image"``, or ``"correlation"``, which is made from polar maps.
    scale : {"log", "sqrt", "none"}
        How counts became grey levels.

    Returns
    -------
    levels : ndarray of shape (n, h, w), float32
        ``log1p(counts) / log1p(scale_max)``, whichever the scale of the frames; of a polar map radii by
        angles.
    signal : ndarray of shape (h, w), float32
        1 where it carries signal; everywhere on a polar map, whose gaps are filled.
    """
    log_range = float(np.log1p(scale_max))
    counts_of = level_counts(scale, scale_max)
    if form == "image":
        return (np.log1p(counts_of) / log_range).astype(np.float32)[condensed], good.astype(np.float32)
    levels = np.empty((len(condensed), N_RADII, N_ANGLES), np.float32)
    for start in range(0, len(condensed), CHUNK):
        counts = counts_of[condensed[start : start + CHUNK]] * good
        centres = find_centres(np.sqrt(counts + np.float32(EMPTY)), good, reach=CENTRE_REACH * len(good))
        maps = polar_maps(counts, good, centres, n_radii=N_RADII, n_angles=N_ANGLES)
        levels[start : start + CHUNK] = np.log1p(maps) / log_range
    return levels, np.ones((N_RADII, N_ANGLES), np.float32)
