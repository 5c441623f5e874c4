"""Reads of maps, clusters and single frames."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from webapp.datasets.cluster_names import name_of, names_of
from webapp.datasets.cluster_orders import first_of_cluster
from webapp.datasets.columns import NOISE, Columns
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job

SHOWN_ON_CARD = 16


def cluster_cards(columns: Columns) -> list[dict[str, Any]]:
    """Return what the gallery shows of each cluster, the largest first and noise last."""
    if columns.clusters is None:
        return []
    names = names_of(columns)
    cards = [dict(cluster) for cluster in columns.cluster_list]
    n_noise = columns.n_frames - sum(card["size"] for card in cards)
    if n_noise:
        cards.append({"id": NOISE, "size": n_noise, "exemplars": []})
    for card in cards:
        card |= vars(name_of(names, card["id"]))
        card["percent"] = 100 * card["size"] / columns.n_frames
        card["n_exemplars"] = len(card["exemplars"])
        card["frames"] = first_of_cluster(columns, card["id"], SHOWN_ON_CARD)
    return cards


def n_fitted(columns: Columns) -> int:
    """Return on how many frames the clusters were found; the others followed their neighbours among them."""
    clustering = columns.products.get("cluster")
    return clustering.facts.get("n_fitted", columns.n_frames) if clustering else 0


def frame_entries(columns: Columns, frames: np.ndarray) -> list[dict[str, Any]]:
    """Return what a thumbnail shows of each frame."""
    if columns.clusters is None:
        return [{"index": int(frame)} for frame in frames]
    return [
        {
            "index": int(frame),
            "cluster": int(columns.clusters[frame]),
            "probability": round(float(columns.membership[frame]), 3),
            "outlier": _finite(columns.outlier_scores[frame]),
        }
        for frame in frames
    ]


@lru_cache(maxsize=16)
def condensed_mask(folder: Path) -> np.ndarray | None:
    """Return which pixels of a condensed frame are masked, uint8 (s, s), 1 = masked; None if unknown.

    A pixel counts as masked where less than a quarter of its area can be used, as when it was condensed.
    """
    try:
        with np.load(folder / "geometry.npz", allow_pickle=False) as geometry:
            mask, size = geometry["mask"].astype(bool), int(geometry["size"])
            centre, crop = geometry["centre"].astype(float), float(geometry["crop"])
    except (OSError, KeyError, ValueError):
        return None
    good = _sample_axis(mask.astype(np.float32), centre[0], crop, size)
    good = _sample_axis(good.T, centre[1], crop, size).T
    return (good < 0.25).astype(np.uint8)


def _sample_axis(values: np.ndarray, centre: float, side: float, size: int) -> np.ndarray:
    """Average the first axis over `size` pixels of width `side / size`; what lies outside counts as 0."""
    fine = 8
    position = centre - side / 2 + side / size / fine * (np.arange(size * fine) + 0.5)
    rows = np.floor(position + 0.5).astype(int)
    inside = (rows >= 0) & (rows < len(values))
    taken = np.where(inside[:, None], values[np.clip(rows, 0, len(values) - 1)], 0)
    return taken.reshape(size, fine, -1).mean(axis=1)


def class_probabilities_of(columns: Columns, index: int) -> list[dict[str, Any]]:
    """Return name and probability of each class for one frame, the likeliest first."""
    if columns.class_probabilities is None:
        return []
    classes = columns.classifier.facts["classes"]
    row = columns.class_probabilities[index]
    pairs = [{"name": name, "probability": _finite(value)} for name, value in zip(classes, row, strict=True)]
    return sorted(pairs, key=lambda pair: -(pair["probability"] or 0))


def active_jobs(dataset: Dataset) -> list[Job]:
    """Return the jobs that are at work for a data set, the next to run first."""
    return list(Job.objects.active().filter(dataset=dataset).order_by("created_at"))


def _finite(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
