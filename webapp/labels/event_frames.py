"""Which frames an act of labelling speaks of, kept small, for the same acts are asked again and again.

Acts are known by their data set and `client_id`: unlike the number of a row, nothing else ever gets it.
"""

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from uuid import UUID

import numpy as np

from webapp.labels.frames import unpack_frames
from webapp.labels.models import LabelEvent

Span = tuple[int, int]
_MOST_SPANS = 200_000
_AT_A_TIME = 500
_NOTHING = (0, -1)
_MOST_BYTES = 64 << 20
_spans: dict[tuple[UUID, UUID], Span] = {}
_kept: OrderedDict[tuple[UUID, UUID], np.ndarray] = OrderedDict()
_lock = Lock()


def spans_of(dataset: UUID, acts: Iterable[UUID]) -> dict[UUID, Span]:
    """Return the first and the last frame of acts; those not seen before are read from the database."""
    acts = list(acts)
    found = {act: _spans[dataset, act] for act in acts if (dataset, act) in _spans}
    missing = [act for act in acts if act not in found]
    for start in range(0, len(missing), _AT_A_TIME):
        some = missing[start : start + _AT_A_TIME]
        events = LabelEvent.objects.filter(dataset_id=dataset, client_id__in=some)
        for act, packed in events.values_list("client_id", "frames"):
            found[act] = remember(dataset, act, unpack_frames(packed))
    return found


def remember(dataset: UUID, act: UUID, frames: np.ndarray) -> Span:
    """Keep the span of an act that has just been unpacked."""
    if len(_spans) >= _MOST_SPANS:
        _spans.clear()
    span = (int(frames[0]), int(frames[-1])) if len(frames) else _NOTHING
    _spans[dataset, act] = span
    return span


def speaks_of(dataset: UUID, act: UUID, span: Span, frames: np.ndarray) -> np.ndarray:
    """Return of which of `frames`, int64 (m,), an act speaks, bool (m,)."""
    first, last = span
    if first == last:
        return frames == first
    inside = (frames >= first) & (frames <= last)
    if inside.any():
        places = frames[inside] - first
        inside[inside] = _bits(dataset, act)[places >> 3] >> (places & 7) & 1 == 1
    return inside


def _bits(dataset: UUID, act: UUID) -> np.ndarray:
    """Return one bit for each frame of an act's span, an eighth of a megabyte for a million frames."""
    with _lock:
        if (dataset, act) in _kept:
            _kept.move_to_end((dataset, act))
            return _kept[dataset, act]
    events = LabelEvent.objects.filter(dataset_id=dataset, client_id=act)
    frames = unpack_frames(events.values_list("frames", flat=True)[0])
    marks = np.zeros(int(frames[-1] - frames[0]) + 1, dtype=bool)
    marks[frames - frames[0]] = True
    bits = np.packbits(marks, bitorder="little")
    with _lock:
        _kept[dataset, act] = bits
        while len(_kept) > 1 and sum(kept.nbytes for kept in _kept.values()) > _MOST_BYTES:
            _kept.popitem(last=False)
    return bits
