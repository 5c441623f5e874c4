"""Other views of the same frame: what it would look like with less light, another size or another centre.

What a view changes is no property of the particle's shape. Differences between the views of a frame show
which features tell nuisances (`whitening`), and a network learns to see the same in all of them
(`objective.inconsistency`).
"""

import numpy as np
from numpy.typing import NDArray

N_VIEWS = 5
"""Views of each frame, the first one as it is."""
LEAST_LIGHT = 0.1
"""Share of the light that the dimmest view has."""
LARGEST_STRETCH = 1.5
"""By which the rings of a view are farther apart, at most: it shows a particle that much smaller."""


def thin(counts: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Return frames as they would be with a part of the light.

    Of Poisson counts with mean x a random part p is kept, which leaves Poisson counts with mean p x.
    Condensed frames hold means of some pixels, not counts, so the binomial draw is replaced by a Gaussian one
    of its variance, which is a little too noisy where pixels were averaged.

    Parameters
    ----------
    counts : ndarray of shape (n, s, s), float32
        Not negative.
    random : Generator
        Source of randomness.

    Returns
    -------
    thinned : ndarray of shape (n, s, s), float32
        Not negative.
    """
    kept = np.exp(random.uniform(np.log(LEAST_LIGHT), 0, (len(counts), 1, 1))).astype(np.float32)
    noise = random.standard_normal(counts.shape, np.float32)
    return np.maximum(kept * counts + np.sqrt(kept * (1 - kept) * counts) * noise, 0)


def stretch(maps: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Return polar maps with their rings farther apart, each by a factor of its own.

    Parameters
    ----------
    maps : ndarray of shape (n, n_radii, n_angles), float32
        In any unit.
    random : Generator
        Source of randomness.

    Returns
    -------
    stretched : ndarray of shape (n, n_radii, n_angles), float32
        Interpolated linearly over the radius; what is stretched beyond the last ring is lost.
    """
    n, n_radii, _ = maps.shape
    factor = np.exp(random.uniform(0, np.log(LARGEST_STRETCH), (n, 1)))
    ring = np.clip((np.arange(n_radii) + 0.5) / factor - 0.5, 0, n_radii - 1)
    below = np.minimum(ring.astype(int), max(n_radii - 2, 0))
    share = (ring - below)[:, :, None].astype(np.float32)
    number = np.arange(n)[:, None]
    return maps[number, below] * (1 - share) + maps[number, np.minimum(below + 1, n_radii - 1)] * share


def shift(centres: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Return centres (n, 2), in pixels, that are off by half a pixel at most in each direction."""
    return centres + random.choice(np.array([-0.5, 0, 0.5], np.float32), centres.shape)
