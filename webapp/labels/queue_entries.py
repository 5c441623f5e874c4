"""What a page is told of the frames of a queue; of a frame that is read blind, nothing but its number."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from webapp.accounts.models import User
from webapp.labels.doubtful import doubts_of
from webapp.labels.models import LabelEvent
from webapp.labels.queues import BLIND, CHECKS, Desk, Queue, draw_repeats
from webapp.labels.readings import Reading, disputed
from webapp.labels.selectors import class_names, label_entries
from webapp.labels.suggestions import suggest


def entries_of(
    desk: Desk, queue: Queue, frames: np.ndarray, *, with_repeats: bool = False
) -> list[dict[str, Any]]:
    """Return `index`, `suggestion`, `purpose`, and where a label is to be checked what it is.

    With repeats, frames that were labelled before are mixed in where the classes ask for it.
    """
    if queue.mode in BLIND:
        return [_blind(frame, BLIND[queue.mode]) for frame in frames.tolist()]
    suggestions = suggest(desk.columns, desk.scheme, desk.labels, frames)
    entries = [
        {"index": frame, "suggestion": suggestion, "purpose": LabelEvent.Purpose.LABEL}
        for frame, suggestion in zip(frames.tolist(), suggestions, strict=True)
    ]
    if queue.mode in CHECKS:
        _add_labels(desk, queue, entries)
    elif with_repeats and desk.scheme.repeat_every:
        return _mix_in(desk, entries)
    return entries


def _blind(frame: int, purpose: str) -> dict[str, Any]:
    return {"index": frame, "suggestion": None, "purpose": purpose}


def _add_labels(desk: Desk, queue: Queue, entries: list[dict[str, Any]]) -> None:
    frames = np.array([entry["index"] for entry in entries], dtype=np.int64)
    for entry, label in zip(entries, label_entries(desk.scheme, desk.labels, frames), strict=True):
        entry |= {"classes": label["classes"], "by": label["by"]}
    if queue.mode == "doubtful":
        _add_doubts(desk, entries)
    if queue.mode == "disputed":
        said = disputed(desk.readings, desk.labels)
        people = _people(reading for entry in entries for reading in said.get(entry["index"], []))
        for entry in entries:
            entry["purpose"] = LabelEvent.Purpose.SETTLE
            entry["said"] = [
                {"by": people.get(r.user, "somebody"), "classes": class_names(desk.scheme, r.mask)}
                for r in said.get(entry["index"], [])
            ]


def _add_doubts(desk: Desk, entries: list[dict[str, Any]]) -> None:
    """Put what the fits say in the place of what the network says, which has learned the doubted label."""
    doubts = doubts_of(desk.columns, desk.scheme)
    for entry in entries:
        entry["purpose"], place = LabelEvent.Purpose.SETTLE, doubts.place(entry["index"])
        if place is not None:
            classes = class_names(desk.scheme, int(doubts.said[place]))
            entry["suggestion"] = {"classes": classes, "source": doubts.words[place], "others": []}


def _people(readings: Iterable[Reading]) -> dict[int, str]:
    users = {reading.user for reading in readings}
    return dict(User.objects.filter(pk__in=users).values_list("pk", "username"))


def _mix_in(desk: Desk, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put a frame that was labelled before in front of each so-manyth, drawn by chance."""
    random = np.random.default_rng()
    before = random.random(len(entries)) < 1 / desk.scheme.repeat_every
    repeats, mixed = draw_repeats(desk, int(before.sum())), []
    for entry, is_drawn in zip(entries, before.tolist(), strict=True):
        if is_drawn and repeats:
            mixed.append(_blind(repeats.pop(), LabelEvent.Purpose.REPEAT))
        mixed.append(entry)
    return mixed
