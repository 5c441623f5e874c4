"""A small reference of the frames that a network learned from: what the network of shapes saw of them.

By it anybody can tell whether other frames look like these, without the frames themselves. The network of
shapes knows neither size, nor light, nor detector, so that all references speak of the same thing.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from workers.science.another_set import signal_pixels
from workers.science.errors import ScienceError
from workers.science.scale import read_scale
from workers.science.shape_expert import CHUNK, expert_features
from workers.science.shapenet.network import N_SHAPES

REFERENCE = "reference.safetensors"
MOST = 1024
NO_CLASS = -1


@dataclass(frozen=True)
class Reference:
    """Shapes (m, N_SHAPES) float32 of frames learned from; `classes` (m,) int64, -1 without a label."""

    shapes: NDArray[np.float32]
    classes: NDArray[np.int64]


def look_at_shapes(condensed_dir: str | Path, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return what the network of shapes sees in some frames of a condensed data set, (m, N_SHAPES)."""
    condensed = np.load(Path(condensed_dir) / "condensed.npy", mmap_mode="r", allow_pickle=False)
    good, (scale, scale_max) = signal_pixels(condensed_dir), read_scale(condensed_dir)
    found = [np.zeros((0, N_SHAPES), np.float32)]
    for start in range(0, len(rows), CHUNK):
        block = np.asarray(condensed[rows[start : start + CHUNK]])
        found.append(expert_features(block, good, scale_max, scale)[:, :N_SHAPES])
    return np.concatenate(found)


def spread_rows(n: int, most: int = MOST) -> NDArray[np.int64]:
    """Return the numbers of at most so many frames, spread evenly through a data set."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64))


def make_reference(
    condensed_dir: str | Path, labelled: NDArray[np.int64] | None = None, matrix: NDArray | None = None
) -> Reference:
    """Look at frames that a network learns from.

    Parameters
    ----------
    condensed_dir : str or Path
    labelled : ndarray of shape (m,), int64, optional
        Frames with a label, of which at most half of the reference are taken.
    matrix : ndarray of shape (m, k), bool, optional
        Their classes; of several the first counts.

    Returns
    -------
    reference : Reference
        Of frames spread evenly through the data set besides.
    """
    n = len(np.load(Path(condensed_dir) / "condensed.npy", mmap_mode="r", allow_pickle=False))
    rows, classes = np.zeros(0, np.int64), np.zeros(0, np.int64)
    if labelled is not None and matrix is not None:
        kept = spread_rows(len(labelled), MOST // 2) if len(labelled) else rows
        rows = labelled[kept]
        classes = np.where(matrix[kept].any(axis=1), matrix[kept].argmax(axis=1), NO_CLASS)
    others = np.setdiff1d(spread_rows(n, MOST), rows)
    others = others[spread_rows(len(others), MOST - len(rows))] if len(others) else others
    shapes = look_at_shapes(condensed_dir, np.concatenate([rows, others]))
    return Reference(shapes, np.concatenate([classes, np.full(len(others), NO_CLASS)]))


def save_reference(folder: str | Path, reference: Reference) -> None:
    """Write the reference into the folder of a network."""
    tensors = {"shapes": reference.shapes, "classes": reference.classes.astype(np.int64)}
    save_file(tensors, str(Path(folder) / REFERENCE))


def load_reference(folder: str | Path) -> Reference | None:
    """Read the reference of a network; None for one that was trained before there were any."""
    path = Path(folder) / REFERENCE
    if not path.exists():
        return None
    try:
        tensors = load_file(str(path))
        shapes, classes = tensors["shapes"], tensors["classes"]
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        cause = "the frames that the network learned from cannot be read"
        raise ScienceError(REFERENCE, cause, "Train the network again") from error
    if (
        shapes.ndim != 2
        or shapes.shape[1] != N_SHAPES
        or classes.shape != shapes.shape[:1]
        or not len(shapes)
    ):
        cause = f"holds numbers of {shapes.shape}, not of frames with {N_SHAPES} each"
        raise ScienceError(REFERENCE, cause, "Train the network again")
    return Reference(shapes.astype(np.float32), classes.astype(np.int64))
