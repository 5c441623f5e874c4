"""The form that asks for a manifest of some frames in some formats."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from webapp.accounts.access import get_for, require_writer
from webapp.accounts.models import Group
from webapp.datasets.models import Dataset
from webapp.datasets.scopes import ScopeError, frames_of_scope
from webapp.manifests.choice import ChoiceForm, initial_choice
from webapp.manifests.files import copy_size
from webapp.manifests.promises import promise_from
from webapp.manifests.services import NotReady, newest_columns, write_newest_manifest

CHOSEN = "chosen"  # a field that the form has and the simple button has not


@login_required
@require_http_methods(["GET", "POST"])
def dataset_write(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the form of frames and files, and write what it asks for; an empty POST asks for everything."""
    dataset = _dataset(request, pk)
    if request.method == "POST":
        require_writer(request.user, dataset.group)
        return _write(request, dataset)
    columns = newest_columns(dataset)
    form = ChoiceForm(_asked(request.GET), columns=columns) if columns else None
    return _form_page(request, dataset, form, request.GET)


@login_required
@require_GET
def frames_meant(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say how many frames the form means as it is filled now."""
    dataset = _dataset(request, pk)
    return render(request, "manifests/partials/frames_meant.html", _count(dataset, request.GET))


def _write(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    wishes: dict[str, Any] = {}
    try:
        if CHOSEN in request.POST and (columns := newest_columns(dataset)):
            form = ChoiceForm(request.POST, columns=columns)
            if not form.is_valid():
                return _form_page(request, dataset, form, request.POST, status=422)
            if wrong := _refusal(_count(dataset, request.POST)):
                form.add_error(None, wrong)
                return _form_page(request, dataset, form, request.POST, status=422)
            promise = promise_from(dataset, request.POST)
            wishes = {"scope": form.scope(), "formats": form.cleaned_data["files"], "promise": promise}
        handle = write_newest_manifest(dataset=dataset, user=request.user, **wishes)
    except NotReady as error:
        messages.error(request, str(error))
    else:
        if handle.job is None:
            messages.info(request, "Nothing has changed since: that manifest is there already.")
    return redirect("manifests:dataset-download", pk=dataset.pk)


def _refusal(meant: dict[str, Any]) -> str:
    """Return why nothing can be written; empty if it can."""
    if not meant.get("n"):
        return meant.get("error") or "No frame fits; take a filter away."
    copy = meant["copy"]
    return "" if copy is None or copy.fits else "The disk has no room for the copies; choose fewer frames."


def _form_page(
    request: HttpRequest, dataset: Dataset, form: ChoiceForm | None, data: QueryDict, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {"dataset": dataset, "form": form}
    context["can_write"] = Group.objects.writable_by(request.user).filter(pk=dataset.group_id).exists()
    if form is not None:
        context |= _count(dataset, data)
    return render(request, "manifests/dataset_write.html", context, status=status)


def _asked(data: QueryDict) -> QueryDict | dict[str, Any]:
    """Return how the form is filled at first: as the address says, so that a choice can be linked."""
    filled = QueryDict(mutable=True)
    for name, value in initial_choice().items():
        filled.setlist(name, value if isinstance(value, list) else [value])
    for name, values in data.lists():
        filled.setlist(name, values)
    return filled


def _count(dataset: Dataset, data: QueryDict) -> dict[str, Any]:
    """Return how many frames are meant, of how many, or in one line why that cannot be said."""
    try:
        promise = promise_from(dataset, data)
    except NotReady as error:
        return {"error": str(error)}
    columns = newest_columns(dataset, promise)
    if columns is None:
        return {"error": "The frames are not indexed yet. Sort this data set first."}
    form = ChoiceForm(data, columns=columns)
    wrong = next((errors[0] for name, errors in (form.errors or {}).items() if name != "files"), None)
    if wrong:
        return {"error": wrong, "of": columns.n_frames}
    scope = form.scope()
    try:
        n = columns.n_frames if scope is None else len(frames_of_scope(columns, scope))
    except ScopeError as error:
        return {"error": str(error), "of": columns.n_frames}
    copied = "cxi-copy" in form.cleaned_data.get("files", ())
    return {"n": n, "of": columns.n_frames, "copy": copy_size(columns, n) if copied else None}


def _dataset(request: HttpRequest, pk: UUID) -> Dataset:
    return get_for(request.user, Dataset.objects.select_related("group"), pk=pk)
