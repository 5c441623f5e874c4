"""The tree of clusters as a picture that scripts draw, and cuts through it with names and colours."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from webapp.datasets.cluster_names import carry_names, names_of_clustering
from webapp.datasets.cluster_overlap import overlap_of_pairs
from webapp.datasets.columns import NOISE
from webapp.explore.cluster_tree import Tree, coarser, cut_tree, read_tree, tree_of
from webapp.explore.clusterings import METHODS, settings_of, whole_of
from webapp.jobs.models import Product

MOST_DRAWN = 300
LEAST_SHARE = 0.8
"""Of the points of a part that are in one cluster, from which on it is painted in that cluster's colour."""


@dataclass(frozen=True)
class Shape:
    """The parts that are drawn, int64 ascending, and where: in shares of all points, and densities."""

    parts: np.ndarray
    home: np.ndarray
    left: np.ndarray
    end: np.ndarray
    end_width: np.ndarray
    half: np.ndarray
    least: int


def picture_of(clustering: Product) -> dict[str, Any] | None:
    """Return what scripts draw of the tree; None where there is none."""
    tree = tree_of(clustering)
    if tree is None:
        return None
    shape, settings = _shape(tree_key(clustering)), settings_of(whole_of(clustering))
    clusters, share = _painted(clustering, tree)
    top = float(tree.birth[1:].min()) * 0.6
    nodes = [
        {
            "id": part,
            "parent": int(shape.home[tree.parent[part]]) if part else -1,
            "size": frames_for(clustering, int(tree.size[part])),
            "left": round(float(shape.left[at]), 6),
            "width": round(float(tree.size[part] / tree.n_points), 6),
            "endWidth": round(float(shape.end_width[at]), 6),
            "birth": float(tree.birth[part]) if part else top,
            "half": float(max(shape.half[at], tree.birth[part] if part else top)),
            "end": float(shape.end[at]),
            "cluster": int(clusters[part]) if share[part] >= LEAST_SHARE else NOISE,
        }
        for at, part in enumerate(shape.parts.tolist())
    ]
    return {
        "nodes": nodes,
        "nParts": len(tree.parent),
        "leastDrawn": frames_for(clustering, shape.least),
        "leastSize": frames_for(clustering, tree.least),
        "mostSize": frames_for(clustering, max(tree.least, tree.n_points // 4)),
        "size": settings.min_cluster_size,
        "minSamples": settings.min_samples,
        "method": settings.method,
    }


def frames_for(clustering: Product, points: int) -> int:
    """Return how many frames of the data set so many fitted points stand for."""
    n_fitted, n_frames = clustering.facts.get("n_fitted"), clustering.dataset.n_frames
    return round(points * n_frames / n_fitted) if n_fitted and n_frames else points


def tree_key(clustering: Product) -> Path:
    """Return the folder that the tree of a clustering is kept in."""
    return whole_of(clustering).folder


@lru_cache(maxsize=8)
def _shape(folder: Path) -> Shape:
    tree = read_tree(folder)
    least = _least_drawn(tree)
    home = coarser(tree, least)[0]
    parts = np.unique(home)
    place = {part: at for at, part in enumerate(parts.tolist())}
    above = [place[int(home[tree.parent[part]])] if part else -1 for part in parts.tolist()]
    children: list[list[int]] = [[] for _ in parts]
    for at, parent in enumerate(above):
        if parent >= 0:
            children[parent].append(at)
    width = tree.size[parts] / tree.n_points
    left, end, end_width = np.zeros(len(parts)), np.zeros(len(parts)), np.zeros(len(parts))
    half = _halves(tree, home, parts)
    for at, below in enumerate(children):  # parents come first
        below.sort(key=lambda each: -width[each])
        end_width[at] = sum(width[each] for each in below)
        start = left[at] + (width[at] - end_width[at]) / 2
        for each in below:
            left[each] = start
            start += width[each]
        births = [tree.birth[parts[each]] for each in below]
        end[at] = births[0] if births else max(half[at], tree.birth[parts[at]] * 1.05)
    return Shape(parts, home, left, end, end_width, np.minimum(half, end), least)


def _least_drawn(tree: Tree) -> int:
    """Return the least size with which no more parts are left than can be drawn."""
    low, high = tree.least, tree.n_points
    while low < high:
        middle = (low + high) // 2
        if len(np.unique(coarser(tree, middle)[0])) <= MOST_DRAWN:
            high = middle
        else:
            low = middle + 1
    return low


def _halves(tree: Tree, home: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return the density at which about half of the points that leave each drawn part have left."""
    own = np.where(np.isfinite(tree.half), tree.own, 0)
    total = np.bincount(home, weights=own * np.nan_to_num(tree.half), minlength=len(home))
    count = np.bincount(home, weights=own, minlength=len(home))
    return np.where(count > 0, total / np.maximum(count, 1), tree.birth)[parts]


@lru_cache(maxsize=16)
def _table(folder: Path, labelled: Path) -> np.ndarray:
    """Count the points of each cluster (noise first) in each part, int64 (k + 1, c)."""
    tree = read_tree(folder)
    labels = np.load(labelled / "labels.npy", mmap_mode="r", allow_pickle=False)
    labels = np.asarray(labels if tree.rows is None else labels[tree.rows], np.int64) - NOISE
    n_parts, n_labels = len(tree.parent), int(labels.max()) + 1
    return np.bincount(labels * n_parts + tree.part, minlength=n_labels * n_parts).reshape(n_labels, n_parts)


def _painted(clustering: Product, tree: Tree) -> tuple[np.ndarray, np.ndarray]:
    """Return for each part the cluster of most of its points, and their share."""
    counts = _table(tree_key(clustering), clustering.folder).copy()
    for part in range(counts.shape[1] - 1, 0, -1):
        counts[:, tree.parent[part]] += counts[:, part]
    return counts.argmax(axis=0) + NOISE, counts.max(axis=0) / np.maximum(counts.sum(axis=0), 1)


def cut_of(clustering: Product, least: int, method: str) -> dict[str, Any] | None:
    """Return the clusters that a least size, in frames, and a method would give, with names and colours.

    `labelOf` says for each part of the tree to which of them its points belong. None without a tree.
    """
    tree = tree_of(clustering)
    if tree is None or method not in METHODS:
        return None
    n_fitted, n_frames = clustering.facts.get("n_fitted"), clustering.dataset.n_frames
    share = n_fitted / n_frames if n_fitted and n_frames else 1.0
    cut = cut_tree(tree, max(2, round(least * share)), method)
    numbers = list(range(len(cut.sizes)))
    names = carry_names(names_of_clustering(clustering), _matches(clustering, cut.label_of), numbers)
    n_noise = tree.n_points - int(cut.sizes.sum())
    return {
        "least": least,
        "method": method,
        "nClusters": len(numbers),
        "noisePercent": round(100 * n_noise / tree.n_points, 2),
        "clusters": [
            {
                "id": number,
                "name": names[number].name,
                "colour": names[number].colour,
                "size": frames_for(clustering, int(cut.sizes[number])),
                "node": int(cut.chosen[number]),
            }
            for number in numbers
        ],
        "labelOf": cut.label_of.tolist(),
    }


def _matches(clustering: Product, label_of: np.ndarray) -> dict[int, int]:
    """Return which clusters of a cut are which of the clustering shown."""
    counts = _table(tree_key(clustering), clustering.folder)
    n_old, n_new = len(counts), int(label_of.max(initial=NOISE)) + 2
    shared = np.zeros((n_old, n_new), np.int64)
    np.add.at(shared.T, label_of - NOISE, counts.T)
    old, new = np.nonzero(shared)
    return overlap_of_pairs(old + NOISE, new + NOISE, shared[old, new], n_old, n_new).matches()
