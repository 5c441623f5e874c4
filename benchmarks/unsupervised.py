"""How well classes found without labels agree with the kinds of particle that were simulated.

Run as ``python -m benchmarks.unsupervised --frames 1600 --seed 0``, with ``--set real`` for the mix of CXIDB
94 and ``--set posed`` for solids in random pose. Every frame counts; noise is a class of its own. The line of
steps is the one that users run, with default recipes unless told otherwise.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import hdbscan
import numpy as np
import umap
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from benchmarks.analytic_droplets import NARROW, WIDE, analytic_frames
from benchmarks.posed_particles import posed_frames
from workers.science.factorvae import LearnRecipe
from workers.science.inputs import prepare_inputs
from workers.science.mask_reasons import Patterns
from workers.science.preprocess import (
    CondenseRecipe,
    condense_frames,
    load_geometry,
    plan_geometry,
    save_geometry,
)
from workers.science.simulate import Recipe, detector_mask, simulate_frames
from workers.science.steps.cluster import cluster
from workers.science.steps.embed import embed_range
from workers.science.steps.learn import learn

PLAIN = {"input": "image", "n_latents": 10, "n_steps": 600, "batch_size": 64, "learning_rate": 1e-4}
"""FactorVAE as published, but for the number of steps."""
SETS = ("balanced", "real", "posed", "narrow", "wide")
PURE, HALF, RARE = 0.8, 0.5, 0.01
"""A class is found if one cluster is so pure and holds so much of it; rarer ones are not asked for."""


def make_condensed(folder: Path, options: argparse.Namespace) -> NDArray[np.str_]:
    """Simulate and condense frames into a folder; return the kind of particle of each."""
    if options.set == "posed":
        counts, kinds, good = posed_frames(options.frames, options.seed)
    elif options.set in ("narrow", "wide"):
        ranges = NARROW if options.set == "narrow" else WIDE
        counts, kinds, good = analytic_frames(options.frames, options.seed, ranges)
    else:
        counts, kinds, good = _droplets(options)
    if options.light < 1:  # of Poisson counts a random part is kept, which are Poisson counts again
        counts = np.random.default_rng(options.seed).binomial(counts, options.light).astype(np.uint16)
    condense_into(folder, counts, good, options.size)
    return kinds


def condense_into(folder: Path, counts: NDArray[np.uint16], good: NDArray[np.bool_], size: int) -> None:
    """Condense frames into a folder, as the line does."""
    mean, peak = counts.mean(axis=0, dtype=np.float32), counts.max(axis=0).astype(np.float32)
    geometry, found = plan_geometry(Patterns(mean, peak, len(counts)), good, CondenseRecipe(size=size))
    save_geometry(geometry, folder, found)
    np.save(folder / "condensed.npy", condense_frames(counts, geometry))


def _droplets(options: argparse.Namespace) -> tuple[NDArray[np.uint16], NDArray[np.str_], NDArray[np.bool_]]:
    """Return counts, kinds and mask of simulated droplets."""
    recipe = Recipe(shape=(128, 128), mix=options.set)
    parts = simulate_frames(recipe, options.seed, options.frames, threads=options.threads)
    frames = [frame for part in parts for frame in part]
    kinds = np.array([frame.particle.kind for frame in frames])
    return np.stack([frame.counts for frame in frames]), kinds, detector_mask(recipe, options.seed) == 0


def classes_found(kinds: NDArray[np.str_], labels: NDArray) -> tuple[list[str], list[str]]:
    """Return the kinds with a cluster of their own, and those without, of those that are not rare."""
    found, missed = [], []
    for kind in sorted(set(kinds)):
        members = labels[kinds == kind]
        if len(members) < RARE * len(kinds):
            continue
        label = np.bincount(members[members >= 0], minlength=1).argmax()
        is_pure = np.mean(kinds[labels == label] == kind) >= PURE if (labels == label).any() else False
        (found if is_pure and np.mean(members == label) >= HALF else missed).append(kind)
    return found, missed


def run_line(
    folder: Path, recipes: dict[str, dict], seed: int, threads: int, name: str = "default"
) -> tuple[NDArray, dict[str, float]]:
    """Learn, embed and cluster; return the labels and the seconds of each step."""
    places = {part: folder / name / part for part in ("network", "scratch", "latents", "clusters")}
    for place in places.values():
        place.mkdir(parents=True)
    paths = {part: str(place) for part, place in places.items()}
    condensed, common = str(folder / "condensed"), {"seed": seed, "threads": threads}
    seconds, begun = {}, time.perf_counter()
    learn(
        condensed_dir=condensed,
        recipe=recipes["learn"],
        scratch=paths["scratch"],
        out=paths["network"],
        **common,
    )
    seconds["learn"] = time.perf_counter() - begun
    n_frames = len(np.load(folder / "condensed" / "condensed.npy", mmap_mode="r"))
    where = {"network_dir": paths["network"], "out": paths["latents"]}
    embed_range(condensed_dir=condensed, start=0, stop=n_frames, threads=threads, **where)
    seconds["embed"] = time.perf_counter() - begun - sum(seconds.values())
    where = {"network_dir": paths["network"], "latents_dir": paths["latents"], "out": paths["clusters"]}
    result = cluster(recipe=recipes["cluster"], **where, **common)
    seconds["cluster"] = time.perf_counter() - begun - sum(seconds.values())
    print(f"chosen: {result['choice']}")
    return np.load(places["clusters"] / "labels.npy"), seconds


def run_baselines(folder: Path, kinds: NDArray[np.str_], seed: int, threads: int) -> dict[str, NDArray]:
    """Cluster in the ways of an afternoon: two are told the number of kinds, one which result is best."""
    n_kinds = len(set(kinds))
    frames = np.load(folder / "condensed" / "condensed.npy")
    geometry, k_means = load_geometry(folder / "condensed"), KMeans(n_kinds, n_init=5, random_state=seed)
    pixels = frames.reshape(len(frames), -1).astype(np.float32)
    components = PCA(min(30, len(frames)), random_state=seed).fit_transform(pixels)
    where = folder / "baseline.npy"
    _, features = prepare_inputs(
        frames, LearnRecipe(input="angular"), geometry.small_mask, geometry.scale_max, where
    )
    plain, _ = run_line(folder, {"learn": PLAIN, "cluster": {"reduce": "none"}}, seed, threads, "plain")
    return {
        "pixel PCA-30 + k-means": k_means.fit_predict(components),
        "plain FactorVAE on images + HDBSCAN": plain,
        "angular magnitudes + k-means": k_means.fit_predict(np.asarray(features)),
        "angular, UMAP-5, best of 8 HDBSCAN": _best_of_eight(np.asarray(features), kinds, seed),
    }


def _best_of_eight(features: NDArray[np.float32], kinds: NDArray[np.str_], seed: int) -> NDArray:
    """Return the labels of the setting that agrees best with the truth."""
    components = PCA(30, random_state=seed).fit_transform(features)
    points = umap.UMAP(n_components=5, n_neighbors=15, min_dist=0.0, random_state=seed).fit_transform(
        components
    )
    tried = [
        hdbscan.HDBSCAN(max(5, len(points) // share), min_samples=5, cluster_selection_method=method)
        for share in (20, 30, 50, 100)
        for method in ("eom", "leaf")
    ]
    return max(
        (one.fit_predict(points) for one in tried), key=lambda found: adjusted_rand_score(kinds, found)
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=SETS, default="balanced")
    parser.add_argument("--frames", type=int, default=1600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=128, help="side of a condensed frame, in pixels")
    parser.add_argument("--light", type=float, default=1.0, help="share of the counts that is kept")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--learn", type=json.loads, default={}, help="recipe of the step learn, as JSON")
    parser.add_argument("--cluster", type=json.loads, default={}, help="recipe of the step cluster, as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "condensed").mkdir()
        kinds = make_condensed(folder / "condensed", options)
        recipes = {"learn": options.learn, "cluster": options.cluster}
        labels, seconds = run_line(folder, recipes, options.seed, options.threads)
        rows = {"FactorVAE + HDBSCAN": labels, **run_baselines(folder, kinds, options.seed, options.threads)}
    print(f"{options.frames} frames ({options.set}), {len(set(kinds))} kinds, seed {options.seed}")
    print(", ".join(f"{step} {value:.0f} s" for step, value in seconds.items()))
    print(f"{'method':36}{'ARI':>8}{'NMI':>8}{'classes':>9}{'noise':>8}")
    for method, found in rows.items():
        scores = adjusted_rand_score(kinds, found), normalized_mutual_info_score(kinds, found)
        noise = np.mean(found < 0)
        print(f"{method:36}{scores[0]:8.3f}{scores[1]:8.3f}{found.max() + 1:9d}{noise:8.1%}")
    found, missed = classes_found(kinds, labels)
    print(
        f"with a cluster of their own: {', '.join(found) or 'none'}; without: {', '.join(missed) or 'none'}"
    )


if __name__ == "__main__":
    main()
