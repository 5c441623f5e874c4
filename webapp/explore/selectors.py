"""Reads of maps, clusters and single frames."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from webapp.datasets.cluster_names import name_of, names_of
from webapp.datasets.columns import MEASURES, NOISE, PHYSICS, Columns
from webapp.datasets.models import Dataset
from webapp.datasets.scopes import first_of_cluster
from webapp.explore.sampling import drawn_points
from webapp.jobs.models import Job

SHOWN_ON_CARD = 16
NEAREST = 12
MOST_COMPARED = 125_000
MOST_CANDIDATES = 512


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


def point_column(columns: Columns, name: str) -> np.ndarray | None:
    """Return a column of the drawn points as the browser reads it: little-endian int32 or float32."""
    labels = columns.products.get("cluster")
    labels_path = labels.folder / "labels.npy" if labels else None
    points = drawn_points(labels_path, columns.n_frames)
    if name == "index":
        return points.astype("<i4")
    source = {
        "positions": columns.positions,
        "cluster": columns.clusters,
        "probability": columns.membership,
        "outlier": columns.outlier_scores,
    }
    column = columns.physics(name) if name in PHYSICS | MEASURES else source[name]
    if column is None:
        return None
    return column[points].astype("<i4" if name == "cluster" else "<f4")


POINT_COLUMNS = ("index", "positions", "cluster", "probability", "outlier", *PHYSICS, *MEASURES)


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


def nearest_frames(columns: Columns, index: int, count: int = NEAREST) -> list[int]:
    """Return the frames whose latents are nearest to those of frame `index`, the nearest first."""
    latents = columns.latents
    if latents is None or not 0 <= index < len(latents):
        return []
    scale, points, lengths = _compared(columns.products["embed"].folder, tuple(_active_latents(columns)))
    here = (np.asarray(latents[index]) * scale)[scale > 0]
    # Rounded off, for long vectors near each other: the best hundreds are looked at again.
    some = _smallest(lengths - 2 * (points @ here), MOST_CANDIDATES)
    exact = np.square(points[some] - here).sum(axis=1)
    ordered = some[np.argsort(exact, kind="stable")] * compared_step(columns)
    return [int(frame) for frame in ordered if frame != index][:count]


def compared_step(columns: Columns) -> int:
    """Return of how many frames one is compared with: all of them would make the next frame wait."""
    return -(-columns.n_frames // MOST_COMPARED)


def _smallest(values: np.ndarray, count: int) -> np.ndarray:
    """Return the places, ascending, of about the `count` smallest values: their bound is that of a sample."""
    if len(values) <= 4 * count:
        return np.arange(len(values))
    every = max(1, len(values) // (32 * count))
    sample = values[::every]
    place = count * len(sample) // len(values)
    return np.flatnonzero(values <= np.partition(sample, place)[place])[: 16 * count]


def _active_latents(columns: Columns) -> list[int]:
    network = columns.products["embed"].inputs.get("network")
    found = columns.dataset.products.filter(pk=network).first() if network else None
    active = found.facts.get("figures", {}).get("active_latents") if found else None
    return active or list(range(columns.latents.shape[1]))


@lru_cache(maxsize=8)
def _compared(folder: Path, active: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the scale of each latent (0 where not active), and points and squared lengths of frames."""
    latents = np.load(folder / "latents.npy", mmap_mode="r", allow_pickle=False)
    spread = np.asarray(latents[:: max(1, len(latents) // 20_000)]).std(axis=0)
    scale = np.zeros(latents.shape[1], np.float32)
    scale[list(active)] = 1 / np.where(spread > 0, spread, 1)[list(active)]
    step = -(-len(latents) // MOST_COMPARED)
    points = (latents[::step] * scale)[:, scale > 0]
    return scale, points, np.square(points).sum(axis=1)


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
