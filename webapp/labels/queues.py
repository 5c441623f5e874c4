"""In which order frames are put before a person: a queue is an order of frames, read from a place on."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from webapp.datasets.cluster_orders import descending_order
from webapp.datasets.columns import Columns
from webapp.datasets.sheet_orders import sorted_frames
from webapp.labels.frames import UNSEEN
from webapp.labels.naming import LabelError
from webapp.labels.state_cache import CurrentLabels
from webapp.labels.suggestions import thresholds_of

MODES = {
    "order": "unlabelled frames in order",
    "random": "unlabelled frames at random",
    "cluster": "one cluster, exemplars first",
    "uncertain": "where the classifier is least sure",
    "class": "what the classifier takes for one class",
}
_BLOCK = 4096


@dataclass(frozen=True)
class Queue:
    """What a person asked to see: `mode` is a key of `MODES`; the others matter to some modes only."""

    mode: str = "order"
    seed: int = 0
    cluster: int | None = None
    class_name: str = ""


def available_modes(columns: Columns) -> dict[str, str]:
    """Return the queues that a data set can offer by now."""
    missing = set() if columns.clusters is not None else {"cluster"}
    if columns.class_probabilities is None:
        missing |= {"uncertain", "class"}
    return {mode: text for mode, text in MODES.items() if mode not in missing}


def next_frames(
    columns: Columns, labels: CurrentLabels, queue: Queue, place: int, count: int
) -> tuple[np.ndarray, int]:
    """Return up to `count` unlabelled frames from `place` in the queue on, and where to read on."""
    order, masks, found = queue_order(columns, queue), labels.state.masks, []
    place = max(0, place)
    while place < len(order) and len(found) < count:
        block = np.asarray(order[place : place + _BLOCK])
        for step in np.flatnonzero(masks[block] == UNSEEN):
            found.append(int(block[step]))
            if len(found) == count:
                return np.array(found, dtype=np.int64), place + int(step) + 1
        place += len(block)
    return np.array(found, dtype=np.int64), min(place, len(order))


def queue_order(columns: Columns, queue: Queue) -> np.ndarray:
    """Return the numbers of the queue's frames, in its order."""
    if queue.mode not in available_modes(columns):
        raise LabelError(f"There is no queue “{queue.mode}” here yet.")
    if queue.mode == "order":
        return _in_order(columns.n_frames)
    if queue.mode == "random":
        return _at_random(columns.n_frames, queue.seed)
    if queue.mode == "cluster":
        if queue.cluster is None:
            raise LabelError("Choose a cluster.")
        return sorted_frames(columns, {"cluster": queue.cluster}, "exemplars")
    path = columns.products["classify"].folder / "probabilities.npy"
    facts = columns.classifier.facts
    if queue.mode == "uncertain":
        return _least_sure(path, tuple(thresholds_of(columns)), bool(facts.get("single_label")))
    if queue.class_name not in facts["classes"]:
        raise LabelError("Choose one of the classes that the classifier knows.")
    return _likeliest(path, facts["classes"].index(queue.class_name))


@lru_cache(maxsize=4)
def _in_order(n_frames: int) -> np.ndarray:
    return _frozen(np.arange(n_frames))


@lru_cache(maxsize=8)
def _at_random(n_frames: int, seed: int) -> np.ndarray:
    return _frozen(np.random.default_rng(seed).permutation(n_frames))


@lru_cache(maxsize=4)
def _least_sure(path: Path, thresholds: tuple[float, ...], single_label: bool) -> np.ndarray:
    """Order by how near the nearest decision is: to the threshold, or between the two likeliest classes."""
    probabilities = np.nan_to_num(np.load(path, mmap_mode="r", allow_pickle=False))
    if single_label and probabilities.shape[1] > 1:
        two = np.partition(probabilities, -2, axis=1)[:, -2:]
        return _frozen(descending_order(1 - (two[:, 1] - two[:, 0])))
    distance = np.full(len(probabilities), np.float32(1))
    for column, threshold in zip(probabilities.T, thresholds, strict=True):
        np.minimum(distance, np.abs(column - np.float32(threshold)), out=distance)
    return _frozen(descending_order(1 - distance))


@lru_cache(maxsize=8)
def _likeliest(path: Path, column: int) -> np.ndarray:
    probabilities = np.load(path, mmap_mode="r", allow_pickle=False)[:, column]
    return _frozen(descending_order(probabilities))


def _frozen(order: np.ndarray) -> np.ndarray:
    order = order.astype(np.int32)
    order.setflags(write=False)
    return order
