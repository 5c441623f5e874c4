"""Which labelled frames a person has looked at, and which were labelled with many others at once."""

import numpy as np

from webapp.datasets.models import Dataset
from webapp.labels.frames import UNSEEN, unpack_frames
from webapp.labels.selectors import label_state
from webapp.labels.state_cache import label_events

MOST_LOOKED_AT = 48  # frames that a page shows side by side
FROM_FILES = ("imported from ", "read from the source files")


def looked_at_frames(dataset: Dataset, as_of: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the frames labelled after event `as_of`, int64 ascending, and whether somebody looked, bool.

    A label that came with an act on more frames than are shown side by side was given without looking at
    each; labels from files are taken to have been given one by one.
    """
    state = label_state(dataset, as_of)
    in_bulk = np.zeros(len(state.masks), dtype=bool)
    events = label_events(dataset).filter(id__lte=as_of)
    undone = events.filter(operation="undo").values("undoes_id")
    rows = events.exclude(operation="undo").exclude(pk__in=undone).order_by("id")
    for packed, n_frames, scope in rows.values_list("frames", "n_frames", "scope").iterator():
        frames = unpack_frames(packed)
        in_bulk[frames] = n_frames > MOST_LOOKED_AT and not scope.startswith(FROM_FILES)
    frames = np.flatnonzero(state.masks != UNSEEN)
    return frames, ~in_bulk[frames]
