"""The same sorts of particle on two detectors that differ in size, mask, beam centre and scale."""

from pathlib import Path

import numpy as np

from tests.science.synthetic import CLASSES, diffraction_frames
from workers.science.labels_file import write_labels_npz
from workers.science.mask_reasons import Patterns
from workers.science.preprocess import CondenseRecipe, condense_frames, plan_geometry, save_geometry
from workers.science.steps.classify import train_classifier

DETECTORS = {
    "small": {"side": 64, "size": 48, "scale": "log", "hole": 3, "gap": slice(40, 42)},
    "large": {"side": 112, "size": 64, "scale": "sqrt", "hole": 9, "gap": slice(20, 26)},
}


def condense_on(folder: Path, detector: str, n: int = 240, seed: int = 0, light: float = 1.0) -> np.ndarray:
    """Condense frames of four classes as a detector records them; return the class of each."""
    given = DETECTORS[detector]
    counts, classes = diffraction_frames(n, given["side"], seed)
    counts = np.random.default_rng(seed).binomial(counts, light).astype(np.uint16)
    condense_counts(folder, counts, mask_of(given), size=given["size"], scale=given["scale"])
    return classes


def mask_of(given: dict) -> np.ndarray:
    """Return the good pixels of a detector with a hole for the beam and a gap."""
    side = given["side"]
    axis = np.arange(side) - (side - 1) / 2
    good = np.hypot(axis[:, None], axis) >= given["hole"]
    good[given["gap"]] = False
    return good


def condense_counts(folder: Path, counts: np.ndarray, good: np.ndarray, **recipe: object) -> None:
    """Condense frames into a folder as the steps do."""
    folder.mkdir(parents=True)
    counts = np.where(good, counts, 0)
    patterns = Patterns(
        counts.mean(axis=0, dtype=np.float32), counts.max(axis=0).astype(np.float32), len(counts)
    )
    geometry, found = plan_geometry(patterns, good, CondenseRecipe(**recipe))
    save_geometry(geometry, folder, found)
    np.save(folder / "condensed.npy", condense_frames(counts, geometry))


def train_on(folder: Path, classes: np.ndarray, out: Path, n_labels: int = 80, **recipe: object) -> dict:
    """Train a classifier on the first labels; return its card."""
    out.mkdir()
    (out.parent / f"{out.name}-scratch").mkdir()
    labels = out.parent / f"{out.name}.npz"
    write_labels_npz(labels, np.arange(n_labels), np.eye(len(CLASSES), dtype=bool)[classes[:n_labels]])
    return train_classifier(
        condensed_dir=str(folder),
        labels=str(labels),
        classes=list(CLASSES),
        single_label=True,
        recipe={"n_unlabelled": 200} | recipe,
        seed=0,
        scratch=str(out.parent / f"{out.name}-scratch"),
        threads=1,
        out=str(out),
    )
