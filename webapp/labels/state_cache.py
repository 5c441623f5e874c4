"""The labels as they are now, kept by each process and brought up to date with the events since."""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from uuid import UUID

import numpy as np
from django.db.models import Count, Max, QuerySet

from webapp.datasets.models import Dataset
from webapp.labels.event_frames import remember, spans_of, speaks_of
from webapp.labels.frames import UNSEEN, LabelState, unpack_frames
from webapp.labels.models import LabelEvent

MOST_KEPT = 8
FEWEST_COUNTED, MOST_COUNTED = 500, 2000
_BITS = 63
_FEW = 1 << 20


@dataclass(frozen=True)
class CurrentLabels:
    """Labels after the last event, not to be changed.

    `sizes` says how many frames have each mask, those left out of which nobody has spoken. `n_events` counts
    those after the event `counted_from`: all of them, as long as they are not many.
    """

    state: LabelState
    n_events: int
    sizes: dict[int, int]
    counted_from: int = 0

    @cached_property
    def counts(self) -> np.ndarray:
        """The frames of each class, by bit, int64 (63,)."""
        masks = np.array(list(self.sizes), dtype=np.int64)
        bits = (masks[:, None] >> np.arange(_BITS)) & 1
        return (bits * np.array(list(self.sizes.values()), dtype=np.int64)[:, None]).sum(axis=0)

    @property
    def n_labelled(self) -> int:
        """How many frames carry a label, be it that none of the classes applies."""
        return sum(self.sizes.values())

    def class_counts(self, names: list[str]) -> dict[str, int]:
        """Return the number of frames of each class."""
        return {name: int(self.counts[place]) for place, name in enumerate(names)}


@dataclass
class _Kept:
    lock: Lock = field(default_factory=Lock)
    entries: "OrderedDict[UUID, CurrentLabels]" = field(default_factory=OrderedDict)


_kept = _Kept()


def current_labels(dataset: Dataset) -> CurrentLabels:
    """Return the labels of a data set after its last event."""
    with _kept.lock:
        entry = _kept.entries.get(dataset.pk)
    last, n_events = _extent(dataset, entry.counted_from if entry else 0)
    if entry is None or not _fits(entry, dataset, last):
        entry = None
    elif entry.state.last_event < last:
        entry = _advance(entry, dataset, n_events)
    elif entry.n_events != n_events:
        entry = None
    if entry is None:
        entry = replay(dataset, last)  # an undo that comes meanwhile is for the next look
    if entry.n_events > MOST_COUNTED:
        entry = _count_fewer(entry, dataset)
    with _kept.lock:
        _kept.entries[dataset.pk] = entry
        _kept.entries.move_to_end(dataset.pk)
        while len(_kept.entries) > MOST_KEPT:
            _kept.entries.popitem(last=False)
    return entry


def label_events(dataset: Dataset) -> QuerySet[LabelEvent]:
    """Return the events that change labels; readings do not."""
    return LabelEvent.objects.filter(dataset=dataset, purpose__in=LabelEvent.LABELS)


def replay(dataset: Dataset, as_of: int | None = None) -> CurrentLabels:
    """Build the labels from the first event on, undone ones left out."""
    events = label_events(dataset)
    if as_of is not None:
        events = events.filter(id__lte=as_of)
    undone = set(events.filter(operation="undo").values_list("undoes_id", flat=True))
    state, n_events = LabelState.empty(dataset.n_frames or 0), 0
    rows = events.values_list("id", "client_id", "operation", "mask", "clears", "frames", "created_by_id")
    for event_id, act, operation, mask, clears, frames, author in rows.iterator():
        state.last_event, n_events = event_id, n_events + 1
        if operation != "undo" and event_id not in undone:
            numbers = unpack_frames(frames)
            remember(dataset.pk, act, numbers)
            state.apply(operation, mask, numbers, author or 0, clears)
    return CurrentLabels(state, n_events, dict(_sizes(state.masks)))


def _extent(dataset: Dataset, after: int) -> tuple[int, int]:
    """Return the last event, and how many there are after the event `after`."""
    found = label_events(dataset).filter(id__gt=after).aggregate(last=Max("id"), n=Count("id"))
    return found["last"] or 0, found["n"]


def _count_fewer(entry: CurrentLabels, dataset: Dataset) -> CurrentLabels:
    """Count the last events only from now on: the ones before were complete, and counting takes its time."""
    known = label_events(dataset).filter(id__lte=entry.state.last_event).order_by("-id")
    start = known.values_list("id", flat=True)[FEWEST_COUNTED]
    return replace(entry, n_events=FEWEST_COUNTED, counted_from=start)


def _fits(entry: CurrentLabels, dataset: Dataset, last: int) -> bool:
    """Whether what is kept is the beginning of what there is now."""
    same_frames = len(entry.state.masks) == (dataset.n_frames or 0)
    return same_frames and entry.state.last_event <= last


def _advance(entry: CurrentLabels, dataset: Dataset, n_events: int) -> CurrentLabels | None:
    """Apply the events since; None where one came in between those that are applied already."""
    events = label_events(dataset).filter(id__gt=entry.state.last_event)
    fields = ("id", "client_id", "operation", "mask", "clears", "frames", "created_by_id", "undoes_id")
    rows = list(events.values_list(*fields))
    if entry.n_events + len(rows) != n_events:
        return None
    # A copy: another thread may be reading what was kept.
    state = LabelState(entry.state.masks.copy(), entry.state.authors.copy(), entry.state.last_event)
    taken_back = {undoes for *_, undoes in rows if undoes}
    sizes = Counter(entry.sizes)
    for event_id, act, operation, mask, clears, packed, author, _ in rows:
        if operation != "undo" and event_id not in taken_back:
            frames = unpack_frames(packed)
            remember(dataset.pk, act, frames)
            before = state.masks[frames]
            state.apply(operation, mask, frames, author or 0, clears)
            sizes.update(_sizes(state.masks[frames]))
            sizes.subtract(_sizes(before))
        state.last_event = event_id
    for undone in LabelEvent.objects.filter(pk__in=taken_back, id__lte=entry.state.last_event):
        frames = unpack_frames(undone.frames)
        before = state.masks[frames]
        state.masks[frames], state.authors[frames] = _replay_some(dataset, frames, state.last_event)
        sizes.update(_sizes(state.masks[frames]))
        sizes.subtract(_sizes(before))
    sizes = {mask: n for mask, n in sizes.items() if n}
    return CurrentLabels(state, n_events, sizes, entry.counted_from)


def _replay_some(dataset: Dataset, frames: np.ndarray, as_of: int) -> tuple[np.ndarray, np.ndarray]:
    """Return masks and authors of `frames`, int64 ascending, from the first event on."""
    events = label_events(dataset).filter(id__lte=as_of)
    undone = events.filter(operation="undo").values("undoes_id")
    rows = events.exclude(operation="undo").exclude(pk__in=undone)
    acts = list(rows.values_list("client_id", "operation", "mask", "clears", "created_by_id"))
    spans, state = spans_of(dataset.pk, (act for act, *_ in acts)), LabelState.empty(len(frames))
    for act, operation, mask, clears, author in acts:
        first, last = spans[act]
        if first <= frames[-1] and frames[0] <= last:
            places = np.flatnonzero(speaks_of(dataset.pk, act, (first, last), frames))
            state.apply(operation, mask, places, author or 0, clears)
    return state.masks, state.authors


def _sizes(masks: np.ndarray) -> Counter[int]:
    """Return how many of `masks`, int64 (m,), there are of each, those of unlabelled frames left out."""
    if masks.max(initial=0) < _FEW:  # counted in a twentieth of the time that sorting takes
        sizes = np.bincount(masks - UNSEEN)
        values = np.flatnonzero(sizes)
        pairs = zip((values + UNSEEN).tolist(), sizes[values].tolist(), strict=True)
    else:
        pairs = zip(*(part.tolist() for part in np.unique(masks, return_counts=True)), strict=True)
    return Counter({mask: n for mask, n in pairs if mask != UNSEEN})
