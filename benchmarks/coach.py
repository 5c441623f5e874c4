"""Whether the label coach is right: `python -m benchmarks.coach`.

Macro-F1 with twice the labels is foretold by the coach from what is known with half of them, and realised:
the classifier is trained on twice the labels and judged on all other frames. Beside the coach stand "no
gain", the figure of the card, and a straight line through macro-F1 with three quarters of the labels and with
all. Gains are compared as well, with those of the true curve. ``--set posed`` takes solids in random pose,
``--light 0.1`` a tenth of the photons.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.supervised import choose_labels, make_frames
from workers.science.classifier import classify_frames
from workers.science.classifier_recipe import ClassifierRecipe
from workers.science.figures import figures_of
from workers.science.labelled_frames import LabelledFrames
from workers.science.metrics import decide, macro_f1
from workers.science.train_classifier import Trained, train


def learn(everything: LabelledFrames, per_kind: int, seed: int) -> tuple[Trained, np.ndarray, float]:
    """Train as a user's job does; return it, the labelled rows, and macro-F1 of all other frames."""
    rows = choose_labels(everything.matrix, per_kind, seed)
    others = np.setdiff1d(np.arange(len(everything.matrix)), rows)
    recipe = ClassifierRecipe()
    with tempfile.TemporaryDirectory() as scratch:
        found = train(
            everything.part(rows),
            recipe,
            seed,
            Path(scratch),
            lambda *_, **__: None,
            everything.condensed[others],
        )
    said = classify_frames(everything.condensed[others], found.network)
    return found, rows, float(macro_f1(everything.matrix[others], decide(said, True)) or 0)


def foretell(everything: LabelledFrames, per_kind: int, seed: int) -> dict[str, float]:
    """Return what the coach and the baselines say of twice the labels, and what came true."""
    trained, rows, before = learn(everything, per_kind, seed)
    begun = time.monotonic()
    figures, _ = figures_of(everything.part(rows), rows, trained, seed)
    seconds = time.monotonic() - begun
    _, _, after = learn(everything, 2 * per_kind, seed)
    told, now = figures["learning_curve"], figures["metrics"]["macro_f1"]
    earlier, last = told["points"][-2:]
    slope = (last["macro_f1"] - earlier["macro_f1"]) / (last["labels"] - earlier["labels"])
    low, high = told["doubled"]["interval"]
    return {
        "labels": per_kind,
        "seed": seed,
        "realised": after,
        "coach": told["doubled"]["macro_f1"],
        "no gain": now,
        "straight line": min(1.0, now + slope * (2 * len(rows) - last["labels"])),
        "inside": float(low <= after <= high),
        "gain realised": after - before,
        "gain coach": told["doubled"]["gain"],
        "gain straight line": slope * len(rows),
        "seconds": seconds,
    }


def main() -> None:
    """Simulate, foretell, realise; print one line of JSON for each, and mean absolute errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--labels", type=int, nargs="+", default=[8, 16], help="labels of each kind, at first"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", choices=("balanced", "posed"), default="balanced")
    parser.add_argument("--frames", type=int, default=1600)
    parser.add_argument("--size", type=int, default=128, help="side of a condensed frame, in pixels")
    parser.add_argument("--light", type=float, default=1.0, help="share of the photons that is kept")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            everything = make_frames(Path(folder) / str(seed), options, seed)
            for per_kind in options.labels:
                rows.append(foretell(everything, per_kind, seed))
                print(json.dumps({name: round(value, 4) for name, value in rows[-1].items()}), flush=True)
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    print(f"mean absolute error at twice the labels; {options.set}, light {options.light}, {len(rows)} cases")
    for name in ("coach", "no gain", "straight line"):
        print(f"{name:16} macro-F1 {np.abs(table[name] - table['realised']).mean():.4f}", end="   ")
        gain = table.get(f"gain {name}", np.zeros(len(rows)))
        print(f"gain {np.abs(gain - table['gain realised']).mean():.4f}")
    print(f"realised within the interval: {table['inside'].mean():.0%}; {table['seconds'].mean():.1f} s each")


if __name__ == "__main__":
    main()
