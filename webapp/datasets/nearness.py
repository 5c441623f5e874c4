"""How near frames are to one another in the latents of the network."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from webapp.datasets.columns import Columns

NEAREST = 12
MOST_COMPARED = 125_000
MOST_CANDIDATES = 512
_BLOCK = 1 << 13


def nearest_frames(columns: Columns, index: int, count: int = NEAREST) -> list[int]:
    """Return the frames whose latents are nearest to those of frame `index`, the nearest first."""
    latents = columns.latents
    if latents is None or not 0 <= index < len(latents):
        return []
    scale, points, lengths = _compared(columns.products["embed"].folder, tuple(_active_latents(columns)))
    here = (np.asarray(latents[index]) * scale)[scale > 0]
    # Rounded off, for long vectors near each other: the best hundreds are looked at again.
    some = _smallest(lengths - 2 * (points @ here), MOST_CANDIDATES)
    exact = np.square(points[some] - here).sum(axis=1)
    ordered = some[np.argsort(exact, kind="stable")] * compared_step(columns)
    return [int(frame) for frame in ordered if frame != index][:count]


def compared_step(columns: Columns) -> int:
    """Return of how many frames one is compared with: all of them would make the next frame wait."""
    return -(-columns.n_frames // MOST_COMPARED)


def _smallest(values: np.ndarray, count: int) -> np.ndarray:
    """Return the places, ascending, of about the `count` smallest values: their bound is that of a sample."""
    if len(values) <= 4 * count:
        return np.arange(len(values))
    every = max(1, len(values) // (32 * count))
    sample = values[::every]
    place = count * len(sample) // len(values)
    return np.flatnonzero(values <= np.partition(sample, place)[place])[: 16 * count]


def _active_latents(columns: Columns) -> list[int]:
    network = columns.products["embed"].inputs.get("network")
    found = columns.dataset.products.filter(pk=network).first() if network else None
    active = found.facts.get("figures", {}).get("active_latents") if found else None
    return active or list(range(columns.latents.shape[1]))


@lru_cache(maxsize=8)
def _compared(folder: Path, active: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the scale of each latent (0 where not active), and points and squared lengths of frames."""
    latents = np.load(folder / "latents.npy", mmap_mode="r", allow_pickle=False)
    scale = _scale(folder, active)
    step = -(-len(latents) // MOST_COMPARED)
    points = (latents[::step] * scale)[:, scale > 0]
    return scale, points, np.square(points).sum(axis=1)


@lru_cache(maxsize=16)
def _scale(folder: Path, active: tuple[int, ...]) -> np.ndarray:
    """Return by what each latent is multiplied, float32: one over its spread, 0 where it is not active."""
    latents = np.load(folder / "latents.npy", mmap_mode="r", allow_pickle=False)
    spread = np.asarray(latents[:: max(1, len(latents) // 20_000)]).std(axis=0)
    scale = np.zeros(latents.shape[1], np.float32)
    scale[list(active)] = 1 / np.where(spread > 0, spread, 1)[list(active)]
    return scale


def by_nearness(columns: Columns, index: int, frames: np.ndarray, first: int | None = None) -> np.ndarray:
    """Return `frames`, the nearest to frame `index` first; it leads them where it is one of them.

    What is as near as another comes in the order of the numbers. With `first`, only so many are sure to be
    in their place: to sort a million takes longer than a page may.
    """
    active = tuple(_active_latents(columns))
    distances = _distances(columns.products["embed"].folder, active, index)[frames]
    if first is None or first >= len(frames):
        return frames[np.argsort(distances, kind="stable")]
    is_near = distances <= np.partition(distances, first)[first]
    near = np.flatnonzero(is_near)
    ordered = near[np.argsort(distances[near], kind="stable")]
    return np.concatenate([frames[ordered], frames[~is_near]])


@lru_cache(maxsize=8)
def _distances(folder: Path, active: tuple[int, ...], index: int) -> np.ndarray:
    """Return the squared distance of every frame, float32 (n,); that of `index` is the least of all."""
    latents = np.load(folder / "latents.npy", mmap_mode="r", allow_pickle=False)
    scale = _scale(folder, active)
    used = np.flatnonzero(scale)
    here, scale = latents[index, used] * scale[used], scale[used]
    distances = np.empty(len(latents), np.float32)
    for start in range(0, len(latents), _BLOCK):
        points = latents[start : start + _BLOCK][:, used] * scale - here
        np.einsum("ij,ij->i", points, points, out=distances[start : start + _BLOCK])
    distances[index] = -1
    distances.setflags(write=False)
    return distances
