"""Small frames of two kinds, files of them, and networks that learned to tell them apart."""

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from workers.science.labels_file import write_labels_npz
from workers.science.preprocess import Geometry, condense_frames, save_geometry
from workers.science.steps.classify import train_classifier

SIDE = 64
DISC, STREAK = 0, 1
CLASSES = ["Disc", "Streak"]
DATASET = "entry_1/data_1/data"


def make_frames(kinds: list[int], seed: int = 0) -> NDArray[np.uint16]:
    """Return noisy counts (m, 64, 64): a round pattern or a long one at any angle."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    frames = []
    for kind in kinds:
        angle = rng.uniform(0, np.pi)
        along, across = (
            rows * np.cos(angle) + columns * np.sin(angle),
            columns * np.cos(angle) - rows * np.sin(angle),
        )
        width = 10.0 if kind == DISC else 2.5
        mean = 400 * np.exp(-((along / 14) ** 2) - (across / width) ** 2) + 0.2
        frames.append(rng.poisson(mean))
    return np.array(frames, np.uint16).reshape(-1, SIDE, SIDE)


def write_file(path: Path, frames: NDArray, dataset: str = DATASET) -> Path:
    """Write a stack as a growing one is written: chunked by frame, unlimited."""
    with h5py.File(path, "w") as file:
        file.create_dataset(dataset, data=frames, maxshape=(None, *frames.shape[1:]), chunks=(1, SIDE, SIDE))
    return path


def append_frames(path: Path, frames: NDArray) -> None:
    """Add frames to the stack in a file."""
    with h5py.File(path, "r+") as file:
        dataset = file[DATASET]
        start = len(dataset)
        dataset.resize(start + len(frames), axis=0)
        dataset[start:] = frames


def make_geometry() -> Geometry:
    """Return the geometry of the frames, condensed to half their side."""
    mask = np.ones((SIDE, SIDE), bool)
    mask[:3] = False
    middle = (SIDE - 1) / 2
    return Geometry(mask=mask, centre=(middle, middle), scale_max=500.0, size=32, crop=float(SIDE))


def train_network(folder: Path) -> Path:
    """Train a classifier on a few frames of each kind, with the real step; return its folder."""
    for name in ("condensed", "network", "scratch"):
        (folder / name).mkdir(parents=True)
    kinds = [DISC, STREAK] * 20
    np.save(folder / "condensed" / "condensed.npy", condense_frames(make_frames(kinds), make_geometry()))
    save_geometry(make_geometry(), folder / "condensed", {})
    matrix = np.eye(2, dtype=bool)[kinds]
    write_labels_npz(folder / "labels.npz", np.arange(len(kinds)), matrix)
    train_classifier(
        condensed_dir=str(folder / "condensed"),
        labels=str(folder / "labels.npz"),
        classes=CLASSES,
        single_label=True,
        recipe={"width": 4, "n_steps": 10, "batch": 16, "refit": False},
        seed=0,
        scratch=str(folder / "scratch"),
        threads=1,
        out=str(folder / "network"),
    )
    return folder / "network"
