"""In which order frames are put before a person: a queue is an order of frames, read from a place on."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np

from webapp.accounts.models import User
from webapp.datasets.cluster_orders import descending_order
from webapp.datasets.columns import Columns, columns_of
from webapp.datasets.models import Dataset
from webapp.datasets.sheet_orders import sorted_frames
from webapp.labels.audits import mixed_order, newest_audits
from webapp.labels.diverse import diverse_order
from webapp.labels.doubtful import doubts_of, judge_of, open_doubts, why_no_doubts
from webapp.labels.frames import UNSEEN
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.naming import LabelError
from webapp.labels.network import contradicted, thresholds_of
from webapp.labels.readings import Readings, disputed, readings_of
from webapp.labels.state_cache import CurrentLabels, current_labels

MODES = {
    "order": "unlabelled frames in order",
    "random": "unlabelled frames at random",
    "cluster": "one cluster, exemplars first",
    "uncertain": "where the network is least sure",
    "diverse": "the most different frames",
    "class": "what the network takes for one class",
    "labelled": "what is labelled as one class, to check it",
    "doubtful": "labels that look wrong",
    "contradicted": "where the network contradicts the label",
    "disputed": "where people disagree, to settle it",
    "second": "second reading of others’ labels, blind",
    "audit": "audit of frames drawn at random, blind",
    "picked": "audit of a class that was promised, blind",
}
# What is put before a person without its label, and what is put before a person because of it.
BLIND = {
    "second": LabelEvent.Purpose.SECOND,
    "audit": LabelEvent.Purpose.AUDIT,
    "picked": LabelEvent.Purpose.PICKED,
}
CHECKS = ("labelled", "contradicted", "disputed", "doubtful")
AUDIT_SEED = 1729  # one for all, so that several people audit the same frames
_BLOCK = 4096
_MOST_ORDERS = 32


@dataclass(frozen=True)
class Queue:
    """What a person asked to see: `mode` is a key of `MODES`; the others matter to some modes only.

    `seed` is drawn for each visit: orders that follow from the labels stay during it.
    """

    mode: str = "order"
    seed: int = 0
    cluster: int | None = None
    class_name: str = ""
    audit: int | None = None


@dataclass(frozen=True)
class Desk:
    """What a person has before them: the data set's columns, classes, labels and blind readings."""

    columns: Columns
    scheme: ClassScheme
    labels: CurrentLabels
    readings: Readings
    user: int = 0


def desk_of(dataset: Dataset, scheme: ClassScheme, user: User) -> Desk:
    """Return what `user` has before them."""
    return Desk(columns_of(dataset), scheme, current_labels(dataset), readings_of(dataset), user.pk)


def why_not(desk: Desk, mode: str) -> str:
    """Return why a queue cannot be offered yet; empty where it can."""
    columns, labels = desk.columns, desk.labels
    if mode == "cluster" and columns.clusters is None:
        return "there are no clusters yet"
    if mode == "diverse" and columns.latents is None:
        return "the frames have no latents yet"
    if mode in ("labelled", "contradicted", "second") and not labels.n_labelled:
        return "no frame is labelled yet"
    if mode in ("uncertain", "class", "contradicted") and columns.class_probabilities is None:
        return "no network has sorted the frames yet"
    if mode == "doubtful":
        return why_no_doubts(columns)
    if mode == "second" and not _of_others(desk, labels.state.indices()).any():
        return "nobody else has labelled a frame yet"
    if mode == "picked" and not newest_audits(columns.dataset):
        return "ask for a purity with a manifest first"
    if mode == "disputed" and not len(desk.readings.frames(("second", "repeat"))):
        return "no frame was read twice yet"
    return ""


def offered(desk: Desk) -> list[dict[str, str]]:
    """Return all queues: `mode`, `text`, and in `why` the reason where one is not there yet."""
    return [{"mode": mode, "text": text, "why": why_not(desk, mode)} for mode, text in MODES.items()]


def next_frames(desk: Desk, queue: Queue, place: int, count: int) -> tuple[np.ndarray, int]:
    """Return up to `count` frames from `place` in the queue on, and where to read on."""
    order, wanted, found = queue_order(desk, queue), _wanted(desk, queue), []
    place = max(0, place)
    while place < len(order) and len(found) < count:
        block = np.asarray(order[place : place + _BLOCK])
        for step in np.flatnonzero(wanted(block)):
            found.append(int(block[step]))
            if len(found) == count:
                return np.array(found, dtype=np.int64), place + int(step) + 1
        place += len(block)
    return np.array(found, dtype=np.int64), min(place, len(order))


def draw_repeats(desk: Desk, count: int) -> list[int]:
    """Return up to `count` labelled frames that the person has not read again yet, drawn at random."""
    labelled = desk.labels.state.indices()
    labelled = labelled[~np.isin(labelled, desk.readings.frames(LabelEvent.READINGS, desk.user))]
    if not labelled.size:
        return []
    return np.random.default_rng().choice(labelled, min(count, labelled.size), replace=False).tolist()


def queue_order(desk: Desk, queue: Queue) -> np.ndarray:
    """Return the numbers of the queue's frames, in its order."""
    columns, why = desk.columns, why_not(desk, queue.mode)
    if why:
        raise LabelError(f"The queue “{MODES[queue.mode]}” is not there: {why}.")
    if queue.mode == "order":
        return _in_order(columns.n_frames)
    if queue.mode in ("random", "second"):
        return _at_random(columns.n_frames, queue.seed)
    if queue.mode == "audit":
        return _at_random(columns.n_frames, AUDIT_SEED)
    if queue.mode == "picked":
        return mixed_order(newest_audits(columns.dataset), queue.audit)
    if queue.mode == "cluster":
        if queue.cluster is None:
            raise LabelError("Choose a cluster.")
        return sorted_frames(columns, {"cluster": queue.cluster}, "exemplars")
    if queue.mode in ("uncertain", "class"):
        return _by_the_network(columns, queue)
    return _of_this_visit(desk, queue)


def _of_this_visit(desk: Desk, queue: Queue) -> np.ndarray:
    """Return an order that follows from the labels, as they were when the visit began."""
    columns, labels = desk.columns, desk.labels
    source = ""
    if queue.mode == "labelled":
        has_class = _has(desk, queue.class_name)
    elif queue.mode == "contradicted":
        source = columns.products["classify"].folder
    elif queue.mode == "doubtful":
        source = judge_of(columns).folder
    elif queue.mode == "diverse":
        source = columns.products["embed"].folder / "latents.npy"

    def draw() -> np.ndarray:
        if queue.mode == "labelled":
            return np.flatnonzero(has_class(labels.state.masks))
        if queue.mode == "disputed":
            return np.array(list(disputed(desk.readings, labels)), dtype=np.int64)
        if queue.mode == "doubtful":
            return open_doubts(doubts_of(columns, desk.scheme), labels, desk.readings)
        if queue.mode == "contradicted":
            return contradicted(columns, desk.scheme, labels)
        return diverse_order(source, queue.seed, labels.state.indices())

    return _visits.order((columns.dataset.pk, queue.mode, queue.seed, queue.class_name, source), draw)


def _by_the_network(columns: Columns, queue: Queue) -> np.ndarray:
    path = columns.products["classify"].folder / "probabilities.npy"
    facts = columns.classifier.facts
    if queue.mode == "uncertain":
        return _least_sure(path, tuple(thresholds_of(columns)), bool(facts.get("single_label")))
    if queue.class_name not in facts["classes"]:
        raise LabelError("Choose one of the classes that the network knows.")
    return _likeliest(path, facts["classes"].index(queue.class_name))


def _wanted(desk: Desk, queue: Queue) -> Callable[[np.ndarray], np.ndarray]:
    """Return what tells of some of the queue's frames, int (m,), which are to be shown, bool (m,)."""
    masks = desk.labels.state.masks
    if queue.mode in BLIND:
        purposes = LabelEvent.AUDITS if queue.mode == "picked" else (BLIND[queue.mode],)
        read = desk.readings.frames(purposes, desk.user)
        if queue.mode in LabelEvent.AUDITS:
            return lambda block: ~np.isin(block, read)
        return lambda block: _of_others(desk, block) & ~np.isin(block, read)
    if queue.mode == "labelled":
        has_class = _has(desk, queue.class_name)
        return lambda block: has_class(masks[block])
    if queue.mode == "disputed":
        still = np.array(list(disputed(desk.readings, desk.labels)), dtype=np.int64)
        return lambda block: np.isin(block, still)
    if queue.mode == "doubtful":
        doubted = open_doubts(doubts_of(desk.columns, desk.scheme), desk.labels, desk.readings)
        return lambda block: np.isin(block, doubted)
    if queue.mode in CHECKS:
        return lambda block: masks[block] != UNSEEN
    return lambda block: masks[block] == UNSEEN


def _of_others(desk: Desk, frames: np.ndarray) -> np.ndarray:
    """Return which frames somebody else has labelled last; a file or the command line counts."""
    state = desk.labels.state
    return (state.masks[frames] != UNSEEN) & (state.authors[frames] != desk.user)


def _has(desk: Desk, name: str) -> Callable[[np.ndarray], np.ndarray]:
    bit = desk.scheme.bits([name])
    if not bit:
        raise LabelError("Choose a class.")
    return lambda masks: (masks != UNSEEN) & (masks & bit != 0)


class _Visits:
    """Orders that follow from labels: drawn once a visit, as places in them must hold while one labels."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.orders: OrderedDict[tuple, np.ndarray] = OrderedDict()

    def order(self, key: tuple, draw: Callable[[], np.ndarray]) -> np.ndarray:
        with self.lock:
            if key in self.orders:
                self.orders.move_to_end(key)
                return self.orders[key]
        order = _frozen(draw())
        with self.lock:
            self.orders[key] = order
            while len(self.orders) > _MOST_ORDERS:
                self.orders.popitem(last=False)
        return order


_visits = _Visits()


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
