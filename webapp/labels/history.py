"""What was said of one frame, without reading again all that was said of others."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from webapp.datasets.models import Dataset
from webapp.labels.frames import unpack_frames
from webapp.labels.models import ClassScheme, LabelEvent

MOST_READ = 5000  # label events that the history of one frame looks through
_MOST_SPANS = 200_000
_AT_A_TIME = 500
_spans: dict[int, tuple[int, int]] = {}  # the first and the last frame of an event; events never change


def frame_history(dataset: Dataset, scheme: ClassScheme, index: int, most: int = 20) -> list[dict[str, Any]]:
    """Return what was said of one frame, the newest first, with what was taken back marked so."""
    said = LabelEvent.objects.filter(dataset=dataset).exclude(operation="undo").order_by("-id")
    numbers = list(said.values_list("id", flat=True)[:MOST_READ])
    _read_spans(number for number in numbers if number not in _spans)
    found: list[int] = []
    for number in numbers:
        first, last = _spans.get(number, (index, index - 1))
        # An event of one frame, or of an end of its span, need not be unpacked.
        if index in (first, last) or (first < index < last and _speaks_of(number, index)):
            found.append(number)
            if len(found) == most:
                break
    events = LabelEvent.objects.filter(pk__in=found).defer("frames").order_by("-id")
    return [
        {
            "event": event,
            "classes": [name for place, name in enumerate(scheme.names) if event.mask >> place & 1],
            "is_undone": bool(event.undone_by.all()),
        }
        for event in events.select_related("created_by").prefetch_related("undone_by")
    ]


def _read_spans(missing: Iterable[int]) -> None:
    wanted = list(missing)
    if len(_spans) + len(wanted) > _MOST_SPANS:
        _spans.clear()
    for start in range(0, len(wanted), _AT_A_TIME):
        events = LabelEvent.objects.filter(pk__in=wanted[start : start + _AT_A_TIME])
        for number, packed in events.values_list("id", "frames"):
            frames = unpack_frames(packed)
            _spans[number] = (int(frames[0]), int(frames[-1])) if len(frames) else (0, -1)


def _speaks_of(number: int, index: int) -> bool:
    frames = _frames_of(number)
    place = int(np.searchsorted(frames, index))
    return place < len(frames) and int(frames[place]) == index


@lru_cache(maxsize=16)
def _frames_of(number: int) -> np.ndarray:
    return unpack_frames(LabelEvent.objects.values_list("frames", flat=True).get(pk=number)).astype(np.int32)
