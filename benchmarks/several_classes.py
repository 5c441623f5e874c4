"""Several classes a frame, few of them common: `python -m benchmarks.several_classes --labels 100 300 1500`.

Droplets in the mix of CXIDB 94 with the eleven classes of Zimmermann et al., labelled at random; all frames
without a label are judged, with thresholds as a user's training chooses them. Beside it the best constant
answer, and logistic regression on angular magnitudes, class by class.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.supervised import angular_magnitudes
from benchmarks.unsupervised import condense_into
from workers.science.classifier import classify_frames
from workers.science.classifier_recipe import ClassifierRecipe
from workers.science.labelled_frames import LabelledFrames
from workers.science.metrics import choose_thresholds, decide, score
from workers.science.scale import read_scale
from workers.science.shapes import CLASSES
from workers.science.simulate import Recipe, detector_mask, simulate_frames
from workers.science.train_classifier import train

RULES = {"exclusive": ["Empty"], "excludes": [["Spherical/Oblate", "Prolate"]]}


def make_frames(folder: Path, options: argparse.Namespace) -> LabelledFrames:
    """Simulate and condense frames, with their classes."""
    recipe = Recipe(shape=(128, 128), mix="real")
    parts = simulate_frames(recipe, options.seed, options.frames, threads=options.threads)
    frames = [frame for part in parts for frame in part]
    matrix = np.array([[name in frame.particle.classes for name in CLASSES] for frame in frames])
    good = detector_mask(recipe, options.seed) == 0
    condense_into(folder, np.stack([frame.counts for frame in frames]), good, 128)
    condensed, (scale, scale_max) = np.load(folder / "condensed.npy"), read_scale(folder)
    return LabelledFrames(
        condensed, matrix, condensed.max(axis=0) > 0, scale_max, list(CLASSES), False, scale
    )


def ours(everything: LabelledFrames, rows: NDArray[np.int64], others: NDArray[np.int64], seed: int) -> dict:
    """Train as a user's job does, and score the frames without a label."""
    with tempfile.TemporaryDirectory() as scratch:
        recipe, frames = ClassifierRecipe.from_dict(RULES), everything.condensed[others]
        found = train(everything.part(rows), recipe, seed, Path(scratch), lambda *_, **__: None, frames)
    truth = everything.matrix[rows][found.judged]
    thresholds = choose_thresholds(truth, found.probabilities)
    said = classify_frames(frames, found.network)
    decided = decide(said, False, thresholds, found.network.exclusive, found.network.excludes)
    return score(everything.matrix[others], said, decided, everything.classes, False)


def regression(everything: LabelledFrames, rows: NDArray[np.int64], others: NDArray[np.int64]) -> dict:
    """Score plain logistic regression on angular magnitudes, one for each class."""
    seen = angular_magnitudes(everything.condensed, everything.good)
    said = np.zeros((len(others), len(everything.classes)), np.float32)
    for column, truth in enumerate(everything.matrix[rows].T):
        if truth.any() and not truth.all():
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=1000))
            said[:, column] = model.fit(seen[rows], truth).predict_proba(seen[others])[:, 1]
        else:
            said[:, column] = truth.mean()
    decided = decide(said, False)
    return score(everything.matrix[others], said, decided, everything.classes, False)


def main() -> None:
    """Print one line of JSON for each number of labels and method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, nargs="+", default=[100, 300, 1500], help="labelled frames")
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        everything = make_frames(Path(folder), options)
    order = np.random.default_rng(options.seed).permutation(len(everything.matrix))
    for n in options.labels:
        rows, others = np.sort(order[:n]), np.sort(order[n:])
        scored = {
            "classifier": ours(everything, rows, others, options.seed),
            "regression": regression(everything, rows, others),
        }
        for name, figures in scored.items():
            row = {"method": name, "labels": n, "macro_f1": figures["macro_f1"], "mcc": figures["mcc"]}
            row |= {"mean_ap": figures["macro_average_precision"], "constant": figures["constant_macro_f1"]}
            row["f1"] = {each["class"]: round(each["f1"], 2) for each in figures["per_class"]}
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
