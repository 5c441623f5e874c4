"""Whether the verdict on a network tells how well it will sort: `python -m benchmarks.applicability`.

A classifier is trained on each of some simulated sets, then judged on and applied to all the others, which
differ in detector, light, mixture of kinds, and in the particles themselves. What counts is the rank
correlation of the score with the macro-F1 that comes out; beside it stands that of the entropy alone. With
``--warm``, which takes much longer, each classifier that fits is also a start for four labels
a class.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.posed_particles import posed_frames
from workers.science.another_set import classifier_for, signal_pixels
from workers.science.classifier import classifier_state, classify_frames
from workers.science.classifier_recipe import ClassifierRecipe
from workers.science.judged_file import JUDGED
from workers.science.labelled_frames import LabelledFrames
from workers.science.mask_reasons import Patterns
from workers.science.metrics import decide, macro_f1
from workers.science.network import save_network
from workers.science.preprocess import CondenseRecipe, condense_frames, plan_geometry, save_geometry
from workers.science.progress import silent
from workers.science.reference import make_reference, save_reference
from workers.science.scale import read_scale
from workers.science.shape_expert import expert_features, fit_shape_expert
from workers.science.simulate import Recipe, detector_mask, simulate_frames
from workers.science.steps.applicability import judge
from workers.science.train_classifier import train as fit_classifier
from workers.science.warm_classifier import read_earlier

FEW = 4
Made = tuple[NDArray[np.uint16], NDArray[np.str_], NDArray[np.bool_]]


def droplets(n: int, seed: int, **recipe: object) -> Made:
    """Return counts, kinds and mask of simulated droplets."""
    given = Recipe(**{"shape": (128, 128), **recipe})
    frames = [frame for part in simulate_frames(given, seed, n) for frame in part]
    kinds = np.array([frame.particle.kind for frame in frames])
    return np.stack([frame.counts for frame in frames]), kinds, detector_mask(given, seed) == 0


SETS: dict[str, tuple[Callable[[int], Made], int]] = {
    "droplets": (lambda n: droplets(n, 0), 128),
    "droplets again": (lambda n: droplets(n, 1), 128),
    "other detector": (
        lambda n: droplets(n, 2, shape=(96, 112), max_angle_deg=25.0, hole_share=0.15),
        96,
    ),
    "little light": (lambda n: droplets(n, 3, photons_per_pixel=(0.05, 0.5)), 128),
    "real mixture": (lambda n: droplets(n, 4, mix="real"), 64),
    "solids": (lambda n: posed_frames(n, 0), 128),
    "solids again": (lambda n: posed_frames(n, 1), 64),
}


def condense(folder: Path, made: Made, size: int) -> NDArray[np.str_]:
    """Condense frames into a folder; return their kinds."""
    counts, kinds, good = made
    folder.mkdir()
    mean, peak = counts.mean(axis=0, dtype=np.float32), counts.max(axis=0).astype(np.float32)
    geometry, found = plan_geometry(Patterns(mean, peak, len(counts)), good, CondenseRecipe(size=size))
    save_geometry(geometry, folder, found)
    np.save(folder / "condensed.npy", condense_frames(counts, geometry))
    return kinds


def choose(kinds: NDArray[np.str_], per_kind: int, seed: int) -> NDArray[np.int64]:
    """Return `per_kind` random frames of each kind."""
    random = np.random.default_rng(seed)
    rows = [random.permutation(np.flatnonzero(kinds == name))[:per_kind] for name in sorted(set(kinds))]
    return np.sort(np.concatenate(rows))


def train(folder: Path, name: str, kinds: NDArray[np.str_], per_kind: int) -> Path:
    """Train a classifier on a set, as a user's job does, but without the figures that people read."""
    out, scratch = (folder / f"{name}-{part}" for part in ("network", "scratch"))
    out.mkdir()
    scratch.mkdir()
    rows, classes = choose(kinds, per_kind, 0), sorted(set(kinds))
    matrix, recipe = kinds[rows][:, None] == np.array(classes), ClassifierRecipe(folds=2)
    condensed, (scale, scale_max) = np.load(folder / name / "condensed.npy"), read_scale(folder / name)
    good = signal_pixels(folder / name)
    frames = LabelledFrames(condensed[rows], matrix, good, scale_max, classes, True, scale)
    found = fit_classifier(frames, recipe, 0, scratch, silent, np.delete(condensed, rows, axis=0))
    card = {"kind": "classifier", "recipe": recipe.to_dict(), "classes": classes, "single_label": True}
    card |= {"thresholds": [0.5] * len(classes), "residual_share": 0.0, "data": {}}
    card["temperature"] = found.network.temperature
    save_network(out, classifier_state(found.network), card, folder / name)
    said = {"truth": matrix[found.judged], "probabilities": found.probabilities}
    np.savez(out / JUDGED, indices=rows[found.judged], **said)
    save_reference(out, make_reference(folder / name, rows, matrix))
    return out


def real_f1(network: Path, folder: Path, kinds: NDArray[np.str_]) -> float:
    """Return the macro-F1 over the kinds that there are; of one that the network does not know it is 0."""
    loaded = classifier_for(network, folder)
    said = classify_frames(np.load(folder / "condensed.npy"), loaded)
    called = np.array(loaded.classes)[decide(said, True).argmax(axis=1)]
    names = np.array(sorted(set(kinds)))
    return macro_f1(kinds[:, None] == names, called[:, None] == names) or 0.0


def warm_f1(network: Path, folder: Path, kinds: NDArray[np.str_]) -> tuple[float, float] | None:
    """Return the macro-F1 from a few labels, without and with a network to begin with."""
    names = sorted(set(kinds))
    if not set(names) <= set(json.loads((network / "card.json").read_text())["classes"]):
        return None
    prior = read_earlier(network, ClassifierRecipe(), names, True).prior
    scale, scale_max = read_scale(folder)
    features = expert_features(np.load(folder / "condensed.npy"), signal_pixels(folder), scale_max, scale)
    truth, found = kinds[:, None] == np.array(names), []
    for one in (None, prior):
        scores = []
        for seed in (0, 1, 2):
            rows = choose(kinds, FEW, seed)
            rest = np.delete(np.arange(len(kinds)), rows)
            expert = fit_shape_expert(features[rows], truth[rows], True, features[rest], one)
            places = expert(torch.from_numpy(features[rest])).argmax(1)
            scores.append(macro_f1(truth[rest], np.eye(len(names), dtype=bool)[places]) or 0.0)
        found.append(float(np.mean(scores)))
    return found[0], found[1]


def main() -> None:
    """Print a line of JSON for each pair, the rank correlations, and the worth of a warm start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=200, help="of each set")
    parser.add_argument("--labels", type=int, default=10, help="of each kind")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--warm", action="store_true", help="measure what a warm start is worth, too")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows, warm = [], []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        kinds = {
            name: condense(folder / name, make(options.frames), size) for name, (make, size) in SETS.items()
        }
        networks = {name: train(folder, name, kinds[name], options.labels) for name in SETS}
        for target in SETS:
            out = folder / f"{target}-verdicts"
            out.mkdir()
            others = [
                {"id": name, "network_dir": str(networks[name]), "condensed_dir": None}
                for name in SETS
                if name != target
            ]
            found = judge(
                condensed_dir=str(folder / target), candidates=others, seed=0, threads=2, out=str(out)
            )
            for verdict in found["verdicts"]:
                f1 = real_f1(networks[verdict["id"]], folder / target, kinds[target])
                row = {"network": verdict["id"], "frames": target, "macro_f1": round(f1, 3)}
                row |= {"verdict": verdict["verdict"], "score": verdict["score"]}
                row |= {"alike": verdict["likeness"]["alike"], "entropy": verdict["answers"]["entropy"]}
                print(json.dumps(row), flush=True)
                rows.append(row)
                if (
                    options.warm
                    and verdict["verdict"] == "fits"
                    and (both := warm_f1(networks[verdict["id"]], folder / target, kinds[target]))
                ):
                    warm.append((verdict["id"], target, *both))
    truth = [row["macro_f1"] for row in rows]
    print(f"rank correlation with macro-F1 over {len(rows)} pairs")
    for name, sign in (("score", 1), ("alike", 1), ("entropy", -1)):
        print(f"{name:10}{spearmanr([sign * row[name] for row in rows], truth).statistic:8.3f}")
    for verdict in ("fits", "care", "unfit"):
        inside = [row["macro_f1"] for row in rows if row["verdict"] == verdict]
        if inside:
            print(f"{verdict:10}{len(inside):4} pairs, macro-F1 {min(inside):.2f} to {max(inside):.2f}")
    for name, target, without, begun in warm:
        print(f"{FEW} labels a class on “{target}”: {without:.3f}; beginning with “{name}”: {begun:.3f}")


if __name__ == "__main__":
    main()
