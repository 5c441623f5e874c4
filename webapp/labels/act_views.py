"""What people do to labels: say what frames are called, take it back, do it once more."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.accounts.models import Group
from webapp.datasets.columns import Columns
from webapp.datasets.models import Dataset
from webapp.datasets.scopes import (
    ScopeError,
    columns_of_scope,
    frames_of_scope,
    name_of_scope,
    words_of_scope,
)
from webapp.datasets.sent import SentError, read_json_object
from webapp.labels.acts import last_acts
from webapp.labels.answers import figures_of, refuse, require_scheme
from webapp.labels.forms import LabelForm, RedoForm, UndoForm, one_line
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.naming import LabelError
from webapp.labels.readings import record_reading
from webapp.labels.services import label_frames, redo_event, undo_event
from webapp.labels.state_cache import current_labels

MOST_ACTS = 100


@login_required
@require_POST
def label_apply(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Take in one act of labelling: `{scope, operation, classes, client_id}`, and `purpose` for a reading."""
    dataset = _writable(request, pk)
    try:
        sent = read_json_object(request)
        scheme = require_scheme(dataset)
        form = LabelForm(sent)
        if not form.is_valid():
            return refuse(one_line(form))
        event = _sent_before(dataset, form, sent) or _take_in(request, dataset, form.cleaned_data, sent)
    except (LabelError, ScopeError, SentError) as error:
        return refuse(str(error))
    return _answer(dataset, scheme, event)


def _sent_before(dataset: Dataset, form: LabelForm, sent: dict[str, Any]) -> LabelEvent | None:
    """Return the event of an act that comes again; frames named by number are looked up when it is stored."""
    if isinstance(sent.get("scope"), dict) and sent["scope"].keys() == {"frames"}:
        return None
    return LabelEvent.objects.filter(dataset=dataset, client_id=form.cleaned_data["client_id"]).first()


def _take_in(request: HttpRequest, dataset: Dataset, act: dict[str, Any], sent: dict[str, Any]) -> LabelEvent:
    scope = sent.get("scope")
    by_number = isinstance(scope, dict) and scope.keys() == {"frames"}
    columns = Columns(dataset) if by_number else columns_of_scope(dataset, scope)
    frames = frames_of_scope(columns, scope)
    if act["purpose"] in LabelEvent.READINGS:
        return record_reading(dataset=dataset, frames=frames, user=request.user, **act)
    return label_frames(
        dataset=dataset, frames=frames, user=request.user, scope=_describe(columns, scope, len(frames)), **act
    )


@login_required
@require_POST
def label_undo(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Take back the act that the browser named `undoes`, whoever did it and whenever."""
    return _do_to_act(request, pk, UndoForm, "undoes", undo_event)


@login_required
@require_POST
def label_redo(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Do the act `redoes` once more, which was taken back."""
    return _do_to_act(request, pk, RedoForm, "redoes", redo_event)


def _do_to_act(
    request: HttpRequest, pk: UUID, form_class: type[Form], name: str, do: Callable[..., LabelEvent]
) -> JsonResponse:
    dataset = _writable(request, pk)
    try:
        form = form_class(read_json_object(request))
        if not form.is_valid():
            return refuse(one_line(form))
        event = _named(dataset, form.cleaned_data[name])
        done = do(event=event, user=request.user, client_id=form.cleaned_data["client_id"])
        return _answer(dataset, require_scheme(dataset), done)
    except (LabelError, SentError) as error:
        return refuse(str(error))


@login_required
@require_GET
def label_acts(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Answer the last acts, the newest first: of everybody, or with `mine=1` one's own."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    try:
        scheme = require_scheme(dataset)
        count = min(MOST_ACTS, max(1, int(request.GET.get("count", 30))))
    except (ValueError, LabelError) as error:
        return refuse(str(error) if isinstance(error, LabelError) else "A count is a whole number.")
    mine = request.GET.get("mine") == "1"
    acts = last_acts(
        dataset, scheme, request.user, count, mine=mine, standing=request.GET.get("standing") == "1"
    )
    return JsonResponse({"acts": acts})


def _writable(request: HttpRequest, pk: UUID) -> Dataset:
    few = Dataset.objects.select_related("scheme").only("group_id", "n_frames", "scheme")
    dataset = get_for(request.user, few, pk=pk)
    if not Group.objects.writable_by(request.user).filter(pk=dataset.group_id).exists():
        require_writer(request.user, dataset.group)
    return dataset


def _named(dataset: Dataset, client_id: UUID) -> LabelEvent:
    event = LabelEvent.objects.filter(dataset=dataset, client_id=client_id).first()
    if event is None:
        raise LabelError("There is nothing to undo under that name.")
    return event


def _describe(columns: Columns, scope: dict[str, Any], n_frames: int) -> str:
    """Return in words what was meant, for the history."""
    name = name_of_scope(scope)
    if name == "cluster":
        called = "noise" if scope["cluster"] < 0 else f"cluster {scope['cluster']}"
        return f"{called} as a whole, {n_frames} frames"
    if name == "polygon":
        return f"an area of the map, {n_frames} frames"
    if name == "frames":
        return "one frame" if n_frames == 1 else f"a selection of {n_frames} frames"
    return f"frames {words_of_scope(columns, scope)}, {n_frames} frames"[:200]


def _answer(dataset: Dataset, scheme: ClassScheme, event: LabelEvent) -> JsonResponse:
    n_frames = event.undoes.n_frames if event.undoes_id else event.n_frames
    figures = figures_of(scheme, current_labels(dataset))
    return JsonResponse({"event_id": event.pk, "n_frames": n_frames, **figures})
