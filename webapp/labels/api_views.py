"""What the labelling scripts ask: apply, undo, the state of some frames, the next ones of a queue."""

import json
from typing import Any
from uuid import UUID

import numpy as np
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.datasets.columns import columns_of
from webapp.datasets.models import Dataset
from webapp.datasets.scopes import ScopeError, columns_of_scope, frames_of_scope
from webapp.labels.forms import LabelForm, QueueForm, UndoForm, one_line
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.naming import LabelError
from webapp.labels.queues import next_frames
from webapp.labels.selectors import label_entries, rarest_classes
from webapp.labels.services import label_frames, undo_event
from webapp.labels.state_cache import CurrentLabels, current_labels
from webapp.labels.suggestions import suggest

MOST_STATES = 1000
MOST_POINTS = 100_000


@login_required
@require_POST
def label_apply(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Take in one act of labelling: `{scope, operation, classes, client_id}`."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    require_writer(request.user, dataset.group)
    try:
        sent = _read(request)
        _scheme(dataset)
        form = LabelForm(sent)
        if not form.is_valid():
            return _refuse(one_line(form))
        sent_before = LabelEvent.objects.filter(
            dataset=dataset, client_id=form.cleaned_data["client_id"]
        ).first()
        if sent_before:
            return _answer(dataset, sent_before)
        scope = sent.get("scope")
        frames = frames_of_scope(columns_of_scope(dataset, scope), scope)
        event = label_frames(
            dataset=dataset,
            frames=frames,
            operation=form.cleaned_data["operation"],
            classes=form.cleaned_data["classes"],
            user=request.user,
            client_id=form.cleaned_data["client_id"],
            scope=_describe(scope, len(frames)),
        )
    except (LabelError, ScopeError) as error:
        return _refuse(str(error))
    return _answer(dataset, event)


@login_required
@require_POST
def label_undo(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Take back the act that the browser named `undoes`."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    require_writer(request.user, dataset.group)
    try:
        form = UndoForm(_read(request))
        if not form.is_valid():
            return _refuse(one_line(form))
        event = LabelEvent.objects.filter(dataset=dataset, client_id=form.cleaned_data["undoes"]).first()
        if event is None:
            return _refuse("There is nothing to undo under that name.")
        undone = undo_event(event=event, user=request.user, client_id=form.cleaned_data["client_id"])
    except LabelError as error:
        return _refuse(str(error))
    return _answer(dataset, undone)


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
            return _refuse(f"Ask for at most {MOST_STATES} frames at a time.")
        if any(not 0 <= frame < n_frames for frame in frames):
            return _refuse("One of these frames is not in this data set.")
        scheme = _scheme(dataset)
    except (ValueError, LabelError) as error:
        return _refuse(str(error) if isinstance(error, LabelError) else "Frames are whole numbers.")
    labels = current_labels(dataset)
    entries = label_entries(scheme, labels, np.array(frames, dtype=np.int64))
    return JsonResponse({"labels": entries, **_figures(scheme, labels)})


@login_required
@require_GET
def label_queue(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Answer the next unlabelled frames of a queue, each with a suggestion."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    form = QueueForm(request.GET)
    if not form.is_valid():
        return _refuse(one_line(form))
    try:
        scheme, columns, labels = _scheme(dataset), columns_of(dataset), current_labels(dataset)
        place, count = form.cleaned_data["place"] or 0, form.cleaned_data["count"] or 12
        frames, read_on = next_frames(columns, labels, form.queue(), place, count)
    except (LabelError, ScopeError) as error:
        return _refuse(str(error))
    suggestions = suggest(columns, scheme, labels, frames)
    entries = [
        {"index": int(frame), "suggestion": suggestion}
        for frame, suggestion in zip(frames, suggestions, strict=True)
    ]
    return JsonResponse({"frames": entries, "place": read_on, **_figures(scheme, labels)})


@login_required
@require_POST
def label_column(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer for raw little-endian int32 frame numbers one class each, int8: -1 unlabelled, -2 none applies.

    It reads only; it is a POST because the numbers are too many for an address.
    """
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    if len(request.body) % 4 or len(request.body) > 4 * MOST_POINTS:
        return _refuse(f"Send at most {MOST_POINTS} frame numbers of four bytes.")
    frames = np.frombuffer(request.body, dtype="<i4")
    labels = current_labels(dataset)
    if frames.size and (frames.min() < 0 or frames.max() >= len(labels.state.masks)):
        return _refuse("One of these frames is not in this data set.")
    column = rarest_classes(labels, labels.state.masks[frames])
    return HttpResponse(column.tobytes(), content_type="application/octet-stream")


def _read(request: HttpRequest) -> dict[str, Any]:
    try:
        sent = json.loads(request.body)
    except ValueError as error:
        raise LabelError("The request is not JSON.") from error
    if not isinstance(sent, dict):
        raise LabelError("The request is not a JSON object.")
    return sent


def _scheme(dataset: Dataset) -> ClassScheme:
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    if scheme is None:
        raise LabelError("This data set has no classes yet. Name them on the Label page first.")
    return scheme


def _describe(scope: dict[str, Any], n_frames: int) -> str:
    """Return in words what was meant, for the history."""
    if "cluster" in scope:
        name = "noise" if scope["cluster"] < 0 else f"cluster {scope['cluster']}"
        return f"{name} as a whole, {n_frames} frames"
    if "polygon" in scope:
        return f"an area of the map, {n_frames} frames"
    return "one frame" if n_frames == 1 else f"a selection of {n_frames} frames"


def _answer(dataset: Dataset, event: LabelEvent) -> JsonResponse:
    n_frames = event.undoes.n_frames if event.undoes else event.n_frames
    figures = _figures(_scheme(dataset), current_labels(dataset))
    return JsonResponse({"event_id": event.pk, "n_frames": n_frames, **figures})


def _figures(scheme: ClassScheme, labels: CurrentLabels) -> dict[str, Any]:
    return {"counts": labels.class_counts(scheme.names), "n_labelled": labels.n_labelled}


def _refuse(error: str) -> JsonResponse:
    return JsonResponse({"error": error}, status=400)
