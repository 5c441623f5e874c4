"""What the labelling scripts read: the state of some frames, the next ones of a queue, a map's column."""

from uuid import UUID

import numpy as np
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for
from webapp.datasets.models import Dataset
from webapp.datasets.scopes import ScopeError
from webapp.labels.answers import figures_of, refuse, require_scheme
from webapp.labels.forms import QueueForm, one_line
from webapp.labels.naming import LabelError
from webapp.labels.queue_entries import entries_of
from webapp.labels.queues import desk_of, next_frames
from webapp.labels.selectors import label_entries, rarest_classes
from webapp.labels.state_cache import current_labels

MOST_STATES = 1000
MOST_POINTS = 100_000


@login_required
@require_GET
def label_state(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Answer the labels of the frames `[start, stop)`, or of `frames=1,2,3`."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    n_frames = dataset.n_frames or 0
    try:
        if "frames" in request.GET:
            frames = [int(part) for part in request.GET["frames"].split(",") if part]
        else:
            start, stop = int(request.GET.get("start", 0)), int(request.GET.get("stop", 0))
            frames = list(range(max(0, start), max(0, min(stop, start + MOST_STATES + 1, n_frames))))
        if len(frames) > MOST_STATES:
            return refuse(f"Ask for at most {MOST_STATES} frames at a time.")
        if any(not 0 <= frame < n_frames for frame in frames):
            return refuse("One of these frames is not in this data set.")
        scheme = require_scheme(dataset)
    except (ValueError, LabelError) as error:
        return refuse(str(error) if isinstance(error, LabelError) else "Frames are whole numbers.")
    labels = current_labels(dataset)
    entries = label_entries(scheme, labels, np.array(frames, dtype=np.int64))
    return JsonResponse({"labels": entries, **figures_of(scheme, labels)})


@login_required
@require_GET
def label_queue(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Answer the next frames of a queue, and what is suggested; of those read blind the numbers alone."""
    dataset = get_for(request.user, Dataset.objects.select_related("scheme"), pk=pk)
    form = QueueForm(request.GET)
    if not form.is_valid():
        return refuse(one_line(form))
    try:
        desk, queue = desk_of(dataset, require_scheme(dataset), request.user), form.queue()
        place, count = form.cleaned_data["place"] or 0, form.cleaned_data["count"] or 12
        frames, read_on = next_frames(desk, queue, place, count)
    except (LabelError, ScopeError) as error:
        return refuse(str(error))
    entries = entries_of(desk, queue, frames, with_repeats="repeats" in request.GET)
    return JsonResponse({"frames": entries, "place": read_on, **figures_of(desk.scheme, desk.labels)})


@login_required
@require_POST
def label_column(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer for raw little-endian int32 frame numbers one class each, int8: -1 unlabelled, -2 none applies.

    It reads only; it is a POST because the numbers are too many for an address.
    """
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    if len(request.body) % 4 or len(request.body) > 4 * MOST_POINTS:
        return refuse(f"Send at most {MOST_POINTS} frame numbers of four bytes.")
    frames = np.frombuffer(request.body, dtype="<i4")
    labels = current_labels(dataset)
    if frames.size and (frames.min() < 0 or frames.max() >= len(labels.state.masks)):
        return refuse("One of these frames is not in this data set.")
    column = rarest_classes(labels, labels.state.masks[frames])
    return HttpResponse(column.tobytes(), content_type="application/octet-stream")
