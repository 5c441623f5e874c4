"""Any number of frames from some thousand simulated patterns, written faster than they could be simulated.

Each frame is one pattern, turned by a random angle or mirrored, moved by about a pixel, made brighter or
darker over two decades, and counted anew: no two frames have the same noise. What each frame is stands beside
the files, in ``truth.npy``.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import h5py
import hdf5plugin
import numba
import numpy as np
from numpy.typing import NDArray

from workers.science.chunks import in_chunks
from workers.science.shapes import draw_particle
from workers.science.simulate import Recipe, detector_mask, draw_kind, scattered_intensity

SIDE, MARGIN = 64, 5  # pixels; the patterns reach a margin farther, for the jitter
CHUNK, CHUNK_FRAMES = 512, 16  # frames made at a time, and on one chunk of the file
JITTER = 0.7  # pixels, standard deviation
PHOTONS, STRAY = (1.0, 100.0), (0.02, 0.3)  # photons per pixel
TRUTH = np.dtype(
    [
        ("pattern", "i4"),
        ("kind", "i1"),
        ("angle", "f4"),
        ("mirrored", "?"),
        ("photons", "f4"),
        ("centre", "f4", 2),
    ]
)


@dataclass(frozen=True)
class Patterns:
    """Noiseless patterns (p, s, s) float32 with mean 1 over the detector, and the kind of each."""

    images: NDArray[np.float32]
    kinds: NDArray[np.int8]
    names: list[str]
    good: NDArray[np.bool_]


def make_patterns(n_patterns: int, seed: int, threads: int) -> Patterns:
    """Simulate noiseless patterns of all kinds on a detector that is a margin wider than the frames."""
    recipe = Recipe(shape=(SIDE, SIDE))
    wide = SIDE + 2 * MARGIN
    tangent = np.tan(np.radians(recipe.max_angle_deg)) * wide / SIDE
    large = Recipe(shape=(wide, wide), max_angle_deg=float(np.degrees(np.arctan(tangent))))
    good = detector_mask(recipe, seed) == 0
    middle = ((wide - 1) / 2, (wide - 1) / 2)

    def make(number: int) -> tuple[str, NDArray[np.float32]]:
        rng = np.random.default_rng([seed, number])
        kind, wavelength = draw_kind(rng, "balanced"), float(rng.uniform(*recipe.wavelength_nm))
        length = wavelength / (1 - np.cos(np.radians(recipe.max_angle_deg)))
        particle = draw_particle(rng, kind, recipe.radius_nm, length)
        if not particle.bodies:
            return kind, np.zeros((wide, wide), np.float32)
        pattern = scattered_intensity(particle, wavelength, large, middle)
        return kind, pattern / pattern[MARGIN:-MARGIN, MARGIN:-MARGIN][good].mean()

    with ThreadPoolExecutor(threads) as pool:
        kinds, images = zip(*pool.map(make, range(n_patterns)), strict=True)
    names = sorted(set(kinds))
    return Patterns(np.stack(images), np.array([names.index(kind) for kind in kinds], np.int8), names, good)


def write_frames(
    folder: Path, n_frames: int, patterns: Patterns, *, seed: int, threads: int, n_files: int
) -> list[Path]:
    """Write ``run_000.h5``, … with the frames at ``/entry/data/data``, and ``truth.npy``."""
    truth = np.lib.format.open_memmap(folder / "truth.npy", "w+", TRUTH, (n_frames,))
    share = -(-n_frames // (n_files * CHUNK)) * CHUNK
    paths = []
    for number, start in enumerate(range(0, n_frames, share)):
        paths.append(folder / f"run_{number:03}.h5")
        stop = min(start + share, n_frames)
        with h5py.File(paths[-1], "w") as file:
            data = file.create_dataset(
                "entry/data/data",
                (stop - start, SIDE, SIDE),
                np.uint16,
                chunks=(min(CHUNK_FRAMES, stop - start), SIDE, SIDE),
                **hdf5plugin.Bitshuffle(cname="lz4"),
            )
            for first, last, (frames, rows) in _chunks(patterns, start, stop, seed, threads):
                data[first:last] = frames
                truth[start + first : start + last] = rows
    truth.flush()
    return paths


def _chunks(
    patterns: Patterns, start: int, stop: int, seed: int, threads: int
) -> Iterator[tuple[int, int, tuple[NDArray[np.uint16], NDArray]]]:
    return in_chunks(
        lambda first, last: _make(patterns, last - first, np.random.SFC64([seed, start + first])),
        stop - start,
        CHUNK,
        threads,
    )


def _make(patterns: Patterns, n: int, stream: np.random.SFC64) -> tuple[NDArray[np.uint16], NDArray]:
    """Return `n` frames and what they are."""
    rng, rows = np.random.Generator(stream), np.empty(n, TRUTH)
    rows["pattern"] = rng.integers(0, len(patterns.images), n)
    rows["kind"] = patterns.kinds[rows["pattern"]]
    rows["angle"], rows["mirrored"] = rng.uniform(0, 2 * np.pi, n), rng.random(n) < 0.5
    rows["photons"] = np.exp(rng.uniform(*np.log(PHOTONS), n))
    rows["centre"] = rng.normal(0, JITTER, (n, 2)).clip(-3 * JITTER, 3 * JITTER)
    stray = np.exp(rng.uniform(*np.log(STRAY), n)).astype(np.float32)
    expected = np.empty((n, SIDE, SIDE), np.float32)
    flips = np.where(rows["mirrored"], -1, 1).astype(np.float32)
    _turn(
        *(patterns.images, rows["pattern"], np.cos(rows["angle"]), np.sin(rows["angle"]), flips),
        *(rows["centre"], rows["photons"], stray, patterns.good, expected),
    )
    return np.minimum(rng.poisson(expected), 65535).astype(np.uint16), rows


@numba.njit(nogil=True, cache=True)
def _turn(images, which, cos, sin, flips, centres, photons, stray, good, out):
    """Draw turned, mirrored, moved and brightened patterns by linear interpolation; 0 where not good."""
    n, side, _ = out.shape
    wide = images.shape[1]
    middle, from_middle = (wide - 1) / 2, (side - 1) / 2
    for frame in range(n):
        image = images[which[frame]]
        for i in range(side):
            y = i - from_middle - centres[frame, 0]
            for j in range(side):
                x = flips[frame] * (j - from_middle - centres[frame, 1])
                row = middle + cos[frame] * y + sin[frame] * x
                column = middle - sin[frame] * y + cos[frame] * x
                k, m = int(np.floor(row)), int(np.floor(column))
                value = np.float32(0)
                if good[i, j] and 0 <= k < wide - 1 and 0 <= m < wide - 1:
                    v, u = row - k, column - m
                    above = (1 - u) * image[k, m] + u * image[k, m + 1]
                    below = (1 - u) * image[k + 1, m] + u * image[k + 1, m + 1]
                    value = photons[frame] * ((1 - v) * above + v * below) + stray[frame]
                out[frame, i, j] = value
