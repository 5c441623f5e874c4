"""What the shape network is shown in a step: two exposures each of many particles."""

import numpy as np
import torch

from workers.science.shapenet.builds import ALONE, SPHERE
from workers.science.shapenet.examples import Examples
from workers.science.shapenet.exposures import N_EXPOSURES
from workers.science.shapenet.rings import N_HANDED

N_HELD_BACK = 512
"""Particles, the last ones, that are not learned from but judged: at most, and no more than a quarter."""


def n_held_back(examples: Examples) -> int:
    """Return how many of the particles are only judged."""
    return min(N_HELD_BACK, len(examples.rings) // 4)


class Pairs:
    """Draws two exposures each of particles that are not held back; half of all in a mirror.

    Parameters
    ----------
    examples : Examples
        What to draw from.
    n : int
        Particles at a time, at most.
    random : Generator
        Decides all.
    """

    def __init__(self, examples: Examples, n: int, random: np.random.Generator) -> None:
        self.examples, self.random = examples, random
        self.n_learned = len(examples.rings) - n_held_back(examples)
        self.n = min(n, self.n_learned)
        self.is_sphere = examples.builds == SPHERE
        self.spheres = np.flatnonzero(self.is_sphere[: self.n_learned])
        _, families = np.unique(examples.builds, return_inverse=True)
        self.families = np.where(examples.builds == ALONE, -1, families)

    def draw(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return rings and spectra, (2 * n, ...), families and whether each is a sphere, (n,)."""
        rows = np.sort(self.random.choice(self.n_learned, self.n, replace=False))
        which = np.stack([self.random.permutation(N_EXPOSURES)[:2] for _ in rows])
        is_sphere, others = self.is_sphere[rows], rows.copy()
        if is_sphere.any():
            others[is_sphere] = self.random.choice(self.spheres, is_sphere.sum())
        rings, spectra = (
            torch.from_numpy(
                np.concatenate([part[rows, which[:, 0]], part[others, which[:, 1]]]).astype(np.float32)
            )
            for part in (self.examples.rings, self.examples.spectra)
        )
        mirrored = torch.from_numpy(self.random.random(len(rings)) < 0.5)
        rings[mirrored, -N_HANDED:] *= -1
        return rings, spectra, torch.from_numpy(self.families[rows]), torch.from_numpy(is_sphere)
