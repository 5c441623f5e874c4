"""What the shape network learns from, on disk: ring channels and spectra of random particles."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.science.progress import Progress, silent
from workers.science.ring_spectra import n_spectra, ring_spectra
from workers.science.shapenet.exposures import BLOCK, N_ANGLES, N_EXPOSURES, N_RADII, expose_blocks
from workers.science.shapenet.rings import N_CHANNELS, ring_channels

Examples = tuple[NDArray[np.float16], NDArray[np.float16]]


def write_examples(
    folder: Path, n_particles: int, seed: int, *, processes: int = 1, on_progress: Progress = silent
) -> Examples:
    """Simulate particles, unless the folder has them from before.

    Parameters
    ----------
    folder : Path
        Gets `rings.npy` and `spectra.npy`, and `done` last.
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
    rings : ndarray of shape (n, N_EXPOSURES, N_CHANNELS, N_RADII), float16
        From `ring_channels`; a memory map.
    spectra : ndarray of shape (n, N_EXPOSURES, n_spectra), float16
        From `ring_spectra`; likewise.
    """
    n_blocks = -(-n_particles // BLOCK)
    said = f"{n_blocks} blocks, seed {seed}\n"
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "done"
    if not (done.exists() and done.read_text() == said):
        done.unlink(missing_ok=True)
        _write(folder, n_blocks, seed, processes, on_progress)
        done.write_text(said)
    return np.load(folder / "rings.npy", mmap_mode="r"), np.load(folder / "spectra.npy", mmap_mode="r")


def _write(folder: Path, n_blocks: int, seed: int, processes: int, on_progress: Progress) -> None:
    def create(name: str, *shape: int) -> NDArray[np.float16]:
        path = folder / f"{name}.npy"
        return np.lib.format.open_memmap(
            path, mode="w+", dtype=np.float16, shape=(n_blocks * BLOCK, N_EXPOSURES, *shape)
        )

    rings = create("rings", N_CHANNELS, N_RADII)
    spectra = create("spectra", n_spectra(N_ANGLES))
    for block, maps in enumerate(expose_blocks(seed, n_blocks, processes)):
        rows = slice(block * BLOCK, (block + 1) * BLOCK)
        maps = maps.reshape(-1, N_RADII, N_ANGLES).astype(np.float32)
        rings[rows] = ring_channels(maps).reshape(BLOCK, N_EXPOSURES, N_CHANNELS, N_RADII)
        spectra[rows] = ring_spectra(maps).reshape(BLOCK, N_EXPOSURES, -1)
        on_progress((block + 1) * BLOCK, n_blocks * BLOCK, "particles", note="simulating particles")
