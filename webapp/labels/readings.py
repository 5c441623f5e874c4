"""Frames that are read again without the label being shown: what was said, and where people differ."""

import uuid
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db.models import Count, Max, QuerySet

from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.labels.frames import UNSEEN, pack_frames, unpack_frames
from webapp.labels.models import LabelEvent
from webapp.labels.naming import LabelError
from webapp.labels.services import append_event, class_mask
from webapp.labels.state_cache import CurrentLabels, current_labels

MOST_KEPT = 8


@dataclass(frozen=True)
class Reading:
    """What one person said of a frame in the blind, and what it was called before, and by whom."""

    event_id: int
    frame: int
    purpose: str
    user: int
    mask: int
    first_mask: int | None
    first_by: int


@dataclass(frozen=True)
class Readings:
    """The last word of each person on each frame, and the event by which a frame was settled last."""

    given: tuple[Reading, ...]
    settled: dict[int, int]

    def frames(self, purposes: Iterable[str], user: int | None = None) -> np.ndarray:
        """Return the frames read for one of `purposes`, by `user` if given, int64 ascending."""
        wanted = {r.frame for r in self.given if r.purpose in purposes and user in (None, r.user)}
        return np.array(sorted(wanted), dtype=np.int64)


_kept: "OrderedDict[UUID, tuple[tuple[int, int], Readings]]" = OrderedDict()


def record_reading(
    *,
    dataset: Dataset,
    frames: np.ndarray,
    operation: str,
    classes: Iterable[str],
    purpose: str,
    user: User,
    client_id: uuid.UUID,
) -> LabelEvent:
    """Append what `user` said of one frame without seeing its label; "clear" takes it back."""
    if purpose not in LabelEvent.READINGS:
        raise LabelError(f"“{purpose}” is not a reading.")
    if operation not in ("set", "clear") or len(frames) != 1:
        raise LabelError("One frame at a time is read again, and all its classes are named at once.")
    frame, state = int(frames[0]), current_labels(dataset).state
    if not 0 <= frame < len(state.masks):
        raise LabelError(f"There is no frame {frame} in this data set.")
    first = int(state.masks[frame])
    return append_event(
        dataset=dataset,
        client_id=client_id,
        operation=operation,
        purpose=purpose,
        mask=class_mask(dataset.scheme, classes, operation),
        frames=pack_frames(np.array([frame], dtype=np.int64)),
        n_frames=1,
        first_mask=None if first == UNSEEN else first,
        first_by_id=int(state.authors[frame]) or None,
        created_by=user,
    )


def readings_of(dataset: Dataset) -> Readings:
    """Return the readings of a data set; they are read from the database when there are new ones."""
    events = LabelEvent.objects.filter(
        dataset=dataset, purpose__in=(*LabelEvent.READINGS, LabelEvent.Purpose.SETTLE)
    )
    found = events.aggregate(last=Max("id"), n=Count("id"))
    key = (found["last"] or 0, found["n"])
    kept_key, readings = _kept.get(dataset.pk, (None, None))
    if readings is None or kept_key != key:
        readings = _read(events)
        _kept[dataset.pk] = (key, readings)
        if len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return readings


def _read(events: QuerySet[LabelEvent]) -> Readings:
    undone = set(events.filter(operation="undo").values_list("undoes_id", flat=True))
    fields = ("id", "operation", "purpose", "mask", "frames", "created_by_id", "first_mask", "first_by_id")
    given: dict[tuple[int, int, str], Reading | None] = {}
    settled: dict[int, int] = {}
    for number, operation, purpose, mask, packed, user, first_mask, first_by in (
        events.exclude(operation="undo").order_by("id").values_list(*fields)
    ):
        if number in undone:
            continue
        frames = unpack_frames(packed).tolist()
        if purpose == LabelEvent.Purpose.SETTLE:
            settled.update(dict.fromkeys(frames, number))
            continue
        reading = Reading(number, frames[0], purpose, user or 0, mask, first_mask, first_by or 0)
        given[frames[0], user or 0, purpose] = reading if operation == "set" else None
    return Readings(tuple(reading for reading in given.values() if reading), settled)


def disputed(readings: Readings, labels: CurrentLabels) -> dict[int, list[Reading]]:
    """Return the frames whose label and blind readings differ and that nobody has settled since.

    Audits are left out: they are a measure of the labels, which settling one frame by another would spoil.
    """
    found: dict[int, list[Reading]] = {}
    for reading in readings.given:
        label = int(labels.state.masks[reading.frame])
        is_open = reading.event_id > readings.settled.get(reading.frame, 0)
        if is_open and reading.purpose not in LabelEvent.AUDITS and UNSEEN != label != reading.mask:
            found.setdefault(reading.frame, []).append(reading)
    return dict(sorted(found.items()))
