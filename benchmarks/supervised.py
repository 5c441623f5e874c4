"""How well a few labels sort simulated frames.

``python -m benchmarks.supervised --labels-per-kind 8 --seed 0`` trains as a user's job does, held-back labels
included, and sorts all frames without a label; the kinds of particle are the classes. Beside the classifier
stand logistic regression on angular magnitudes of the logarithmic image, and its two experts alone.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from workers.science.angular_head import angular_features
from workers.science.classifier import classify_frames
from workers.science.classifier_recipe import ClassifierRecipe
from workers.science.held_back import hold_back
from workers.science.metrics import decide, score
from workers.science.polar import polar_maps
from workers.science.simulate import Recipe, detector_mask, simulate_frames
from workers.science.train_classifier import LabelledFrames, train

SIDE = 96


def simulated(n_frames: int, seed: int, threads: int) -> tuple[NDArray[np.uint8], NDArray[np.str_], float]:
    """Return condensed frames (n, SIDE, SIDE), their kinds (n,), and the counts at grey level 255."""
    recipe = Recipe(shape=(SIDE, SIDE))
    good = detector_mask(recipe, seed) == 0
    made = [frame for chunk in simulate_frames(recipe, seed, n_frames, threads=threads) for frame in chunk]
    counts = np.stack([frame.counts for frame in made]).astype(np.float32) * good
    scale_max = float(np.percentile(counts.max(axis=(1, 2)), 99))
    levels = np.minimum(255 * np.log1p(counts) / np.log1p(scale_max), 255).round()
    return levels.astype(np.uint8), np.array([frame.particle.kind for frame in made]), scale_max


def chosen_rows(kinds: NDArray[np.str_], per_kind: int, seed: int) -> NDArray[np.int64]:
    """Return `per_kind` random rows of each kind."""
    rng = np.random.default_rng(seed)
    names = np.unique(kinds)
    return np.concatenate([rng.permutation(np.flatnonzero(kinds == name))[:per_kind] for name in names])


def regression(frames: LabelledFrames, others: LabelledFrames) -> NDArray[np.float32]:
    """Return what plain logistic regression on angular magnitudes says of `others`."""

    def magnitudes(part: LabelledFrames) -> NDArray[np.float32]:
        images = part.condensed.astype(np.float32) / 255
        centres = np.zeros((len(images), 2), np.float32)
        maps = polar_maps(images, part.good, centres, n_radii=32, n_angles=64)
        return np.abs(np.fft.rfft(maps, axis=2))[:, :, :13].reshape(len(images), -1) / 64

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=1000))
    model.fit(magnitudes(frames), frames.matrix.argmax(axis=1))
    return model.predict_proba(magnitudes(others)).astype(np.float32)


def main() -> None:
    """Simulate, train, sort, and print one line of JSON for each method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels-per-kind", type=int, default=8)
    parser.add_argument("--frames", type=int, default=900)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--recipe", type=json.loads, default={}, help="settings of the classifier, as JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    condensed, kinds, scale_max = simulated(arguments.frames, arguments.seed, arguments.threads)
    classes = sorted(set(kinds.tolist()))
    matrix = kinds[:, None] == np.array(classes)
    everything = LabelledFrames(condensed, matrix, condensed.max(axis=0) > 0, scale_max, classes, True)
    rows = chosen_rows(kinds, arguments.labels_per_kind, arguments.seed)
    labelled, others = everything.part(rows), everything.part(np.setdiff1d(np.arange(len(kinds)), rows))

    def report(method: str, probabilities: NDArray[np.float32], **more: float) -> None:
        figures = score(others.matrix, probabilities, decide(probabilities, True), classes, True)
        kept = {name: figures[name] for name in ("n_frames", "macro_f1", "macro_average_precision", "mcc")}
        print(json.dumps({"method": method} | kept | more), flush=True)

    report("logistic regression on angular magnitudes", regression(labelled, others))
    recipe = ClassifierRecipe.from_dict(arguments.recipe)
    with tempfile.TemporaryDirectory() as scratch:
        held_back = hold_back(labelled.matrix, recipe.held_back, arguments.seed)
        network, _, _, seconds = train(
            labelled, held_back, recipe, arguments.seed, Path(scratch), lambda *_, **__: None
        )
    begin = time.monotonic()
    joined = classify_frames(others.condensed, network)
    report(
        "classifier",
        joined,
        share=network.share,
        train_s=round(seconds, 1),
        sort_s=round(time.monotonic() - begin, 1),
    )
    report("its residual network alone", classify_frames(others.condensed, replace(network, angular=None)))
    if network.angular is not None:
        features = torch.from_numpy(angular_features(others.condensed, others.good, scale_max))
        with torch.inference_mode():
            alone = network.angular(features.to(next(network.angular.parameters()).device)).softmax(dim=1)
        report("its angular head alone", alone.cpu().numpy())


if __name__ == "__main__":
    main()
