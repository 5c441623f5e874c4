"""What was said of one frame, without reading again all that was said of others."""

from typing import Any

import numpy as np
from django.db.models import Exists, OuterRef

from webapp.datasets.models import Dataset
from webapp.labels.event_frames import spans_of, speaks_of
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.selectors import class_names

MOST_READ = 5000  # label events that the history of one frame looks through


def frame_history(dataset: Dataset, scheme: ClassScheme, index: int, most: int = 20) -> list[dict[str, Any]]:
    """Return what was said of one frame, the newest first, with what was taken back marked so."""
    said = LabelEvent.objects.filter(dataset=dataset).exclude(operation="undo").order_by("-id")
    acts, frame = list(said.values_list("client_id", flat=True)[:MOST_READ]), np.array([index])
    spans, found = spans_of(dataset.pk, acts), []
    for act in acts:
        if speaks_of(dataset.pk, act, spans[act], frame)[0]:
            found.append(act)
            if len(found) == most:
                break
    undo = LabelEvent.objects.filter(undoes=OuterRef("pk"))
    events = LabelEvent.objects.filter(dataset=dataset, client_id__in=found).defer("frames").order_by("-id")
    return [
        {
            "event": event,
            "classes": class_names(scheme, event.mask),
            "is_undone": event.is_undone,
        }
        for event in events.select_related("created_by").annotate(is_undone=Exists(undo))
    ]
