"""Frames that look like diffraction, drawn with a few lines of numpy, and the columns of the steps."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

SIZE = 64
SCALE_MAX = 400.0
SHARES = (0.5, 0.25, 0.15)  # of rings, ellipses and streaks; the rest is empty, and noise for HDBSCAN
KIND_NAMES = ("Round", "Elliptical", "Streak", "Empty")


@dataclass(frozen=True)
class DrawnFrames:
    """Everything per frame: `kinds` int32 (n,), `condensed` uint8 (n, 64, 64), columns of later steps."""

    kinds: np.ndarray
    condensed: np.ndarray
    mask: np.ndarray
    latents: np.ndarray
    positions: np.ndarray
    probabilities: np.ndarray
    outlier_scores: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """The clusters, int32 (n,): one a kind, -1 for the empty frames."""
        return np.where(self.kinds < 3, self.kinds, -1).astype(np.int32)


@lru_cache(maxsize=8)
def draw_frames(n_frames: int, seed: int = 0) -> DrawnFrames:
    """Draw `n_frames` frames of four kinds, once a run of the tests: do not change them."""
    random = np.random.default_rng(seed)
    kinds = random.choice(4, n_frames, p=[*SHARES, 1 - sum(SHARES)]).astype(np.int32)
    if n_frames >= 4:
        kinds[:4] = range(4)
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2.0
    mask = np.hypot(x, y) > 3
    mask[:, SIZE // 2 - 1 : SIZE // 2 + 1] &= np.abs(y[:, :2]) < 26
    angle, spacing = random.uniform(0, np.pi, n_frames), random.uniform(3, 6, n_frames)
    condensed = np.empty((n_frames, SIZE, SIZE), np.uint8)
    for frame, kind in enumerate(kinds):
        condensed[frame] = _draw(kind, x, y, angle[frame], spacing[frame], random) * mask
    centres = np.eye(10)[:4] * 6
    latents = (centres[kinds] + random.normal(0, 0.6, (n_frames, 10))).astype(np.float32)
    corners = np.array([[0, 0], [8, 1], [3, 7], [6, 5]], float)
    width = np.where(kinds == 3, 2.5, 0.8)[:, None]
    positions = (corners[kinds] + random.normal(0, 1, (n_frames, 2)) * width).astype(np.float32)
    probabilities = np.where(kinds < 3, random.uniform(0.4, 1, n_frames), 0).astype(np.float32)
    outlier_scores = (1 - probabilities * random.uniform(0.8, 1, n_frames)).astype(np.float32)
    return DrawnFrames(kinds, condensed, mask, latents, positions, probabilities, outlier_scores)


def _draw(
    kind: int, x: np.ndarray, y: np.ndarray, angle: float, spacing: float, random: np.random.Generator
) -> np.ndarray:
    """Return one frame, uint8 (64, 64), brightness the logarithm of the counts."""
    across = x * np.cos(angle) + y * np.sin(angle)
    along = y * np.cos(angle) - x * np.sin(angle)
    if kind == 2:
        counts = 250 * np.exp(-((across / 2.5) ** 2)) * np.exp(-np.abs(along) / 14)
    elif kind == 3:
        counts = np.full_like(x, 0.3)
    else:
        radius = np.hypot(across * (1.7 if kind == 1 else 1), along)
        counts = 350 * np.exp(-radius / 7) * (0.15 + np.cos(radius * np.pi / spacing) ** 2)
    counts = random.poisson(counts)
    return np.minimum(255 * np.log1p(counts) / np.log1p(SCALE_MAX) + 0.5, 255).astype(np.uint8)


def count_map(condensed: np.ndarray) -> np.ndarray:
    """Return the counts, float64, that condensed brightness stands for."""
    return np.expm1(condensed / 255 * np.log1p(SCALE_MAX))
