"""What the shape network learns from, on disk: ring channels and spectra of random particles."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.science.progress import Progress, silent
from workers.science.ring_spectra import n_spectra, ring_spectra
from workers.science.shapenet.exposures import BLOCK, N_ANGLES, N_EXPOSURES, N_RADII, expose_blocks
from workers.science.shapenet.rings import N_CHANNELS, ring_channels

LONGEST_BUILD = 64
"""Letters kept of what a particle is built like."""


@dataclass(frozen=True)
class Examples:
    """Exposures of n particles.

    Attributes
    ----------
    rings : ndarray of shape (n, N_EXPOSURES, N_CHANNELS, N_RADII), float16
        From `ring_channels`; a memory map.
    spectra : ndarray of shape (n, N_EXPOSURES, n_spectra), float16
        From `ring_spectra`; likewise.
    builds : ndarray of shape (n,), str
        In the words of `builds`.
    """

    rings: NDArray[np.float16]
    spectra: NDArray[np.float16]
    builds: NDArray[np.str_]


def write_examples(
    folder: Path, n_particles: int, seed: int, *, processes: int = 1, on_progress: Progress = silent
) -> Examples:
    """Simulate particles, unless the folder has them from before.

    Parameters
    ----------
    folder : Path
        Gets `rings.npy`, `spectra.npy` and `builds.npy`, and `done` last.
    n_particles : int
        Rounded up to whole blocks.
    seed : int
        Decides all.
    processes : int, default=1
        They do not change the result.
    on_progress : Progress
        Told the particles done.

    Returns
    -------
    examples : Examples
        Read from the folder.
    """
    n_blocks = -(-n_particles // BLOCK)
    said = f"{n_blocks} blocks, seed {seed}\n"
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "done"
    if not (done.exists() and done.read_text() == said):
        done.unlink(missing_ok=True)
        _write(folder, n_blocks, seed, processes, on_progress)
        done.write_text(said)
    rings, spectra = (
        np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("rings", "spectra")
    )
    return Examples(rings, spectra, np.load(folder / "builds.npy", allow_pickle=False))


def _write(folder: Path, n_blocks: int, seed: int, processes: int, on_progress: Progress) -> None:
    n = n_blocks * BLOCK

    def create(name: str, dtype: str, *shape: int) -> NDArray:
        return np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=dtype, shape=(n, *shape))

    rings = create("rings", "f2", N_EXPOSURES, N_CHANNELS, N_RADII)
    spectra = create("spectra", "f2", N_EXPOSURES, n_spectra(N_ANGLES))
    builds = create("builds", f"U{LONGEST_BUILD}")
    for block, (maps, built) in enumerate(expose_blocks(seed, n_blocks, processes)):
        rows = slice(block * BLOCK, (block + 1) * BLOCK)
        maps = maps.reshape(-1, N_RADII, N_ANGLES).astype(np.float32)
        rings[rows] = ring_channels(maps).reshape(BLOCK, N_EXPOSURES, N_CHANNELS, N_RADII)
        builds[rows] = built
        spectra[rows] = ring_spectra(maps).reshape(BLOCK, N_EXPOSURES, -1)
        on_progress((block + 1) * BLOCK, n, "particles", note="simulating particles")
