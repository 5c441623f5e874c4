"""Whether a promised purity is kept by the real classifier: `python -m benchmarks.promise --repeats 200`.

Frames are simulated, condensed and looked at once; each repetition draws other labels, fits the expert on
shapes to them as a user's job does (without unlabelled frames, unless asked), and asks for a purity. Kinds
of particle are the classes, some ten times as common as others. Labels are drawn at random, as many of each
class, or from some of the clusters alone. The baseline is the loosest threshold above which the labelled
frames are as pure as asked.
"""

import argparse
import json
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from benchmarks.supervised import make_frames
from workers.science.held_back import folds_of
from workers.science.label_shift import kinds_of
from workers.science.labelled_frames import LabelledFrames
from workers.science.promise import Judged, Judgement, Population, select
from workers.science.promise_rule import Rule, scores_of
from workers.science.shape_expert import expert_features, fit_shape_expert
from workers.science.train_classifier import choose_temperature

RULE = Rule(single_label=True)
N_CLUSTERS = 24
FOLDS = 5
RAREST = 0.1  # of the commonest kind
SEED = 29_000
TELL_EVERY = 50


class Bench:
    """Frames with their features and clusters; the kinds are thinned so that some are rare."""

    def __init__(
        self, frames: LabelledFrames, features: NDArray[np.float32], seed: int, n_unlabelled: int
    ) -> None:
        self.n_unlabelled = n_unlabelled
        random, truth = np.random.default_rng(seed), frames.matrix
        shares = np.geomspace(1, RAREST, truth.shape[1])
        kept = np.flatnonzero(random.random(len(truth)) < shares[truth.argmax(axis=1)])
        self.frames, self.features, self.truth = frames.part(kept), features[kept], truth[kept]
        plane = PCA(16, random_state=0).fit_transform(StandardScaler().fit_transform(self.features))
        self.groups = KMeans(N_CLUSTERS, n_init=2, random_state=0).fit_predict(plane).astype(np.int64)

    def draw(self, way: str, n_labels: int, random: np.random.Generator) -> NDArray[np.int64]:
        """Return the rows that are labelled."""
        every = np.arange(len(self.truth))
        if way == "balanced":
            each = n_labels // self.truth.shape[1]
            rows = [random.permutation(np.flatnonzero(column))[:each] for column in self.truth.T]
            return np.sort(np.concatenate(rows))
        if way == "clusters":
            names = random.permutation(N_CLUSTERS)[: N_CLUSTERS * 2 // 3]
            every = np.flatnonzero(np.isin(self.groups, names))
        return np.sort(random.choice(every, min(n_labels, len(every)), replace=False))

    def learn(
        self, rows: NDArray[np.int64], seed: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
        """Return what fits say of labels that they have not seen, the other rows, and what of those."""
        rest = np.setdiff1d(np.arange(len(self.truth)), rows)
        labelled, parts = self.frames.part(rows), folds_of(self.truth[rows], FOLDS, seed)
        logits = torch.zeros(labelled.matrix.shape)
        for part in range(int(parts.max()) + 1):
            inside = parts == part
            logits[inside] = self._fit(rows[~inside])(torch.from_numpy(self.features[rows[inside]]))
        temperature = choose_temperature(logits, labelled)
        others = self._fit(rows)(torch.from_numpy(self.features[rest]))
        told = [(each / temperature).softmax(dim=1).detach().numpy() for each in (logits, others)]
        return told[0], rest, told[1]

    def _fit(self, rows: NDArray[np.int64]) -> torch.nn.Module:
        unlabelled = (
            np.delete(self.features, rows, axis=0)[: self.n_unlabelled] if self.n_unlabelled else None
        )
        return fit_shape_expert(self.features[rows], self.truth[rows], True, unlabelled)


def ask(bench: Bench, rows: NDArray[np.int64], seed: int, levels: list[float], clusters: bool) -> list[dict]:
    """Fit once, and ask for each purity of each class; return what was promised, and what is true."""
    judged, rest, told = bench.learn(rows, seed)
    groups = bench.groups if clusters else np.zeros(len(bench.groups), np.int64)
    labels = Judged(bench.truth[rows], judged, groups[rows])
    others = Population(told, groups[rest])
    kinds = kinds_of(labels.truth, judged, told, seed)
    said, scores, found = scores_of(judged, RULE), scores_of(told, RULE), []
    for column, name in enumerate(bench.frames.classes):
        chosen = select(
            scores[:, column], others.groups, said[:, column], labels.truth[:, column], labels.groups
        )
        judgement = Judgement(chosen, kinds, column, bench.frames.classes)
        for level in levels:
            place = judgement.promised(level)
            ways = {
                "promise": None if place is None else float(chosen.thresholds[place]),
                "naive": naive(said[:, column], labels.truth[:, column], level),
            }
            for way, threshold in ways.items():
                row = {"class": name, "level": level, "way": way, "made": threshold is not None}
                if threshold is not None:
                    is_in, is_right = scores[:, column] >= threshold, bench.truth[rest, column]
                    row["made"] = bool(is_in.any())
                    row["purity"] = float(is_right[is_in].mean()) if is_in.any() else 1.0
                    row["recall"] = float(is_in[is_right].mean())
                found.append(row)
    return found


def naive(said: NDArray[np.float32], labels: NDArray[np.bool_], level: float) -> float | None:
    """Return the loosest threshold above which labelled frames are as pure as asked."""
    order = np.argsort(-said, kind="stable")
    purity = np.cumsum(labels[order]) / np.arange(1, len(order) + 1)
    pure = np.flatnonzero((purity >= level) & (said[order] > 0))
    return float(said[order][pure[-1]]) if len(pure) else None


def main() -> None:
    """Simulate, and print a line for each way to label, number of labels, purity and way to promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--labels", type=int, nargs="+", default=[600])
    parser.add_argument("--levels", type=float, nargs="+", default=[0.9, 0.95])
    parser.add_argument("--ways", nargs="+", default=["random", "balanced", "clusters"])
    parser.add_argument("--set", default="posed", help="as benchmarks.supervised has it")
    parser.add_argument("--frames", type=int, default=5000)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--light", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--unlabelled", type=int, default=0, help="frames that fits learn from besides")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-clusters", action="store_true", help="promise without knowing clusters")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        frames = make_frames(Path(folder) / "frames", options, options.seed)
    begun = time.monotonic()
    features = expert_features(frames.condensed, frames.good, frames.scale_max, frames.scale)
    bench = Bench(frames, features, options.seed, options.unlabelled)
    counts = dict(zip(frames.classes, bench.truth.sum(axis=0).tolist(), strict=True))
    print(json.dumps({"frames": len(bench.truth), "kinds": counts, "seconds": time.monotonic() - begun}))
    for way in options.ways:
        for n_labels in options.labels:
            tell(bench, way, n_labels, options)


def tell(bench: Bench, way: str, n_labels: int, options: argparse.Namespace) -> None:
    """Repeat one way to label, and print how often promises were made and kept."""
    begun, rows = time.monotonic(), defaultdict(list)
    for repeat in range(options.repeats):
        seed = SEED + repeat
        drawn = bench.draw(way, n_labels, np.random.default_rng(seed))
        for row in ask(bench, drawn, seed, options.levels, not options.no_clusters):
            rows[row["way"], row["level"]].append(row)
        if (repeat + 1) % TELL_EVERY == 0 or repeat + 1 == options.repeats:
            write(way, n_labels, repeat + 1, rows, time.monotonic() - begun)


def write(way: str, n_labels: int, repeats: int, rows: dict[tuple, list[dict]], seconds: float) -> None:
    """Print how often promises were made and kept so far."""
    for (promised_by, level), found in sorted(rows.items()):
        made = [row for row in found if row["made"]]
        kept = sum(row["purity"] >= level for row in made)
        of_class: dict[str, list[bool]] = defaultdict(list)
        for row in made:
            of_class[row["class"]].append(row["purity"] >= level)
        worst = min((np.mean(kept_ones) for kept_ones in of_class.values()), default=None)
        line = {"repeats": repeats, "labels": n_labels, "drawn": way, "by": promised_by, "asked": level}
        line |= {"made": len(made), "of": len(found), "kept": round(kept / len(made), 4) if made else None}
        line |= {"kept_of_worst_class": None if worst is None else round(float(worst), 3)}
        line |= {"recall": round(float(np.mean([row["recall"] for row in made])), 3) if made else None}
        print(json.dumps(line | {"seconds": round(seconds)}), flush=True)


if __name__ == "__main__":
    main()
