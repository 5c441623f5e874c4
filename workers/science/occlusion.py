"""Which parts of a pattern spoke for a class, found by smoothing them away.

The expert on shapes takes the Fourier series over the angle as its first step, so that no layer of it has an
angle any more and gradients at its layers cannot be carried back to the image. So parts of rings are smoothed
away, one after the other, and what the class loses by it is laid where they were (occlusion, M. Zeiler and R.
Fergus, ECCV 2014). This asks the whole line of computation, and all classes at once.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from workers.science.polar import EMPTY, find_centres, polar_maps
from workers.science.ring_spectra import contrast_of, ring_spectra
from workers.science.shape_expert import CENTRE_REACH, CHUNK, ShapeExpert
from workers.science.shapenet.exposures import N_ANGLES, N_RADII
from workers.science.shapenet.network import ShapeNetwork
from workers.science.shapenet.rings import ring_channels

RINGS, RING_STEP = 8, 4
"""Rings of a part, and from one part to the next."""
ANGLES, ANGLE_STEP = 16, 8


def occlusion_heat(
    counts: NDArray[np.float32],
    good: NDArray[np.bool_],
    expert: ShapeExpert,
    seeing: ShapeNetwork,
    *,
    single_label: bool,
) -> NDArray[np.float32]:
    """Return what each class loses where parts of the rings of a frame are smoothed away.

    Parameters
    ----------
    counts : ndarray of shape (s, s), float32
    good : ndarray of shape (s, s), bool
        Pixels that carry signal.
    expert : ShapeExpert
    seeing : ShapeNetwork
    single_label : bool

    Returns
    -------
    heat : ndarray of shape (k, n_rings, n_sectors), float32
        Mean loss of log-odds over the parts that cover a place; below 0 where the place spoke against.
    centre : ndarray of shape (2,), float32
        About which the rings lie.
    """
    whole, centre = _map_of(counts, good)
    places, maps = _parts(whole)
    logits = []
    with torch.inference_mode():
        for start in range(0, len(maps), CHUNK):
            block = maps[start : start + CHUNK]
            rings, spectra = torch.from_numpy(ring_channels(block)), torch.from_numpy(ring_spectra(block))
            logits.append(expert(torch.cat(seeing.shapes_and_below(rings, spectra), dim=1)))
    odds = log_odds(torch.cat(logits), single_label).numpy()
    lost = odds[0] - odds[1:]
    covered = places.sum(axis=0)
    heat = np.tensordot(lost.T, places, axes=1) / np.maximum(covered, 1)
    return heat.astype(np.float32), centre


def log_odds(logits: torch.Tensor, single_label: bool) -> torch.Tensor:
    """Return the log-odds of each class (b, k): with one class a frame, against all others together."""
    if not single_label:
        return logits
    others = torch.eye(logits.shape[1], dtype=torch.bool)
    against = logits[:, None, :].masked_fill(others, -torch.inf).logsumexp(dim=2)
    return logits - against


def _map_of(
    counts: NDArray[np.float32], good: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    roots = np.sqrt(np.maximum(counts * good, 0) + np.float32(EMPTY))[None]
    centre = find_centres(roots, good, reach=CENTRE_REACH * len(good))
    return polar_maps(roots, good, centre, n_radii=N_RADII, n_angles=N_ANGLES)[0], centre[0]


def _parts(whole: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return where the parts lie, by steps (p, rings, sectors), and the maps (1 + p, r, a) without them.

    Each part is taken away alone and together with the one opposite, for diffraction is nearly
    point-symmetric: what is left on the other side would still speak.
    """
    profile = contrast_of(whole[None])[1][0] + np.float32(np.sqrt(EMPTY))
    smooth = np.broadcast_to(profile[:, None], whole.shape)
    places, maps = [], [whole]
    for ring in range(0, N_RADII - RINGS + 1, RING_STEP):
        for angle in range(0, N_ANGLES, ANGLE_STEP):
            for turns in ((0,), (0, N_ANGLES // 2)):
                if turns != (0,) and angle >= N_ANGLES // 2:
                    continue
                hidden = np.zeros(whole.shape, np.bool_)
                for turn in turns:
                    columns = (angle + turn + np.arange(ANGLES)) % N_ANGLES
                    hidden[ring : ring + RINGS, columns] = True
                places.append(hidden[::RING_STEP, ::ANGLE_STEP])
                maps.append(np.where(hidden, smooth, whole))
    return np.stack(places).astype(np.float32), np.stack(maps).astype(np.float32)
