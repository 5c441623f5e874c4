"""How well a few labels sort simulated frames: `python -m benchmarks.supervised --labels 4 8 16 32 64`.

Kinds of particle are the classes, one a frame; all frames without a label are judged. Beside the default
recipe stand, on the same labels in the same run, logistic regression on angular magnitudes of the logarithmic
image, and the residual network with the logarithmic activation, trained from scratch on images. ``--set
posed`` takes solids in random pose, ``--set narrow`` and ``wide`` transparent droplets from closed formulas,
``--light 0.1`` a tenth of the photons.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.unsupervised import make_condensed
from workers.science.classifier import classify_frames
from workers.science.classifier_recipe import ClassifierRecipe
from workers.science.labelled_frames import LabelledFrames
from workers.science.metrics import decide, score
from workers.science.polar import polar_maps
from workers.science.scale import read_scale
from workers.science.train_classifier import train

FROM_SCRATCH = {"shapes": False, "residual": True, "input": "image", "held_back": 0.0}
OURS = "classifier"


@dataclass(frozen=True)
class Task:
    """Frames of known kinds: some have labels, the others are judged."""

    everything: LabelledFrames
    rows: NDArray[np.int64]
    seed: int

    @property
    def others(self) -> NDArray[np.int64]:
        """The rows that have no label."""
        return np.setdiff1d(np.arange(len(self.everything.matrix)), self.rows)


def learn_by(recipe: dict) -> Callable[[Task], NDArray[np.float32]]:
    """Return a method that trains as a user's job does, figures and all."""

    def method(task: Task) -> NDArray[np.float32]:
        labelled, others = task.everything.part(task.rows), task.everything.condensed[task.others]
        with tempfile.TemporaryDirectory() as scratch:
            settings = ClassifierRecipe.from_dict(recipe)
            found = train(labelled, settings, task.seed, Path(scratch), lambda *_, **__: None, others)
        return classify_frames(others, found.network)

    return method


def regress(task: Task) -> NDArray[np.float32]:
    """Return what plain logistic regression on angular magnitudes says."""
    seen = angular_magnitudes(task.everything.condensed, task.everything.good)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=1000))
    model.fit(seen[task.rows], task.everything.matrix[task.rows].argmax(axis=1))
    return model.predict_proba(seen[task.others]).astype(np.float32)


def angular_magnitudes(condensed: NDArray[np.uint8], good: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the magnitudes of the Fourier series over the angle of 32 rings, 13 orders each."""
    images = condensed.astype(np.float32) / 255
    maps = polar_maps(images, good, np.zeros((len(images), 2), np.float32), n_radii=32, n_angles=64)
    return np.abs(np.fft.rfft(maps, axis=2))[:, :, :13].reshape(len(images), -1) / 64


def make_frames(folder: Path, options: argparse.Namespace, seed: int) -> LabelledFrames:
    """Simulate and condense frames."""
    folder.mkdir()
    kinds = make_condensed(folder, argparse.Namespace(**(vars(options) | {"seed": seed})))
    condensed, (scale, scale_max) = np.load(folder / "condensed.npy"), read_scale(folder)
    classes = sorted(set(kinds.tolist()))
    matrix = kinds[:, None] == np.array(classes)
    return LabelledFrames(condensed, matrix, condensed.max(axis=0) > 0, scale_max, classes, True, scale)


def choose_labels(matrix: NDArray[np.bool_], per_kind: int, seed: int) -> NDArray[np.int64]:
    """Return `per_kind` random rows of each kind."""
    random = np.random.default_rng(seed)
    return np.concatenate([random.permutation(np.flatnonzero(column))[:per_kind] for column in matrix.T])


def main() -> None:
    """Simulate, train, sort; print one line of JSON for each method, and the means over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, nargs="+", default=[8, 64], help="labels of each kind")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", choices=("balanced", "posed", "narrow", "wide"), default="balanced")
    parser.add_argument("--frames", type=int, default=2400)
    parser.add_argument("--size", type=int, default=128, help="side of a condensed frame, in pixels")
    parser.add_argument("--light", type=float, default=1.0, help="share of the photons that is kept")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--recipe", type=json.loads, default={}, help="settings of the classifier, as JSON")
    parser.add_argument(
        "--correlation", action="store_true", help="and the network on two-point correlations"
    )
    parser.add_argument("--only-ours", action="store_true", help="without the baselines")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    methods = {OURS: learn_by(options.recipe)}
    if not options.only_ours:
        methods |= {
            "regression on angular magnitudes": regress,
            "network from scratch": learn_by(FROM_SCRATCH),
        }
    if options.correlation:
        methods["network on correlations"] = learn_by(FROM_SCRATCH | {"input": "correlation"})
    found: dict[tuple[str, int], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            everything = make_frames(Path(folder) / str(seed), options, seed)
            for per_kind in options.labels:
                task = Task(everything, choose_labels(everything.matrix, per_kind, seed), seed)
                for name, method in methods.items():
                    begun = time.monotonic()
                    said = method(task)
                    truth, classes = everything.matrix[task.others], everything.classes
                    figures = score(truth, said, decide(said, True), classes, True)
                    row = {"method": name, "labels": per_kind, "seed": seed, "macro_f1": figures["macro_f1"]}
                    row |= {"mcc": figures["mcc"], "seconds": round(time.monotonic() - begun, 1)}
                    print(json.dumps(row), flush=True)
                    found.setdefault((name, per_kind), []).append(figures["macro_f1"])
    print(f"macro F1, mean of seeds {options.seeds}; {options.set}, light {options.light}")
    print(f"{'method':36}" + "".join(f"{n:>8}" for n in options.labels))
    for name in methods:
        print(f"{name:36}" + "".join(f"{np.mean(found[name, n]):8.3f}" for n in options.labels))


if __name__ == "__main__":
    main()
