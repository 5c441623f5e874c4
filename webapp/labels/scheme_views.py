"""The forms about classes: name the first ones, add to them, change them."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.datasets.models import Dataset
from webapp.labels.forms import ClassForm, LabelsFileForm, SchemeForm, read_groups
from webapp.labels.models import ClassScheme
from webapp.labels.naming import LabelError
from webapp.labels.scheme_edit import ClassEntry, edit_scheme
from webapp.labels.services import KEYS, add_class, create_scheme
from webapp.labels.state_cache import current_labels
from webapp.labels.views import may_write, show_page


@login_required
@require_POST
def scheme_create(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Create the classes of a data set."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    require_writer(request.user, dataset.group)
    form = SchemeForm(request.POST)
    if form.is_valid():
        try:
            create_scheme(dataset=dataset, **form.cleaned_data)
            return redirect("labels:dataset-label", pk=pk)
        except LabelError as error:
            form.add_error(None, str(error))
    return show_page(request, dataset, form, LabelsFileForm(auto_id="import_%s"), status=400)


@login_required
@require_POST
def class_add(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Append a class."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    require_writer(request.user, dataset.group)
    scheme, form = ClassScheme.objects.filter(dataset=dataset).first(), ClassForm(request.POST)
    try:
        if scheme is None:
            raise LabelError("Name the first classes of the data set before you add to them.")
        if not form.is_valid():
            raise LabelError("A class needs a name of at most 60 signs.")
        add_class(scheme=scheme, name=form.cleaned_data["name"])
        messages.success(request, f"The class “{form.cleaned_data['name']}” can be used now.")
    except LabelError as error:
        messages.error(request, str(error))
    return redirect("labels:scheme-edit" if "edit" in request.POST else "labels:dataset-label", pk=pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def scheme_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the classes, and change them."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    if request.method != "POST":
        return _scheme_page(request, dataset, scheme)
    require_writer(request.user, dataset.group)
    sent = _sent(request)
    try:
        if scheme is None:
            raise LabelError("Name the first classes of the data set before you change them.")
        n_wrong = edit_scheme(scheme=scheme, **sent)
    except LabelError as error:
        return _scheme_page(request, dataset, scheme, sent, str(error))
    messages.success(request, "The classes are changed.")
    if n_wrong:
        words = "frame has" if n_wrong == 1 else "frames have"
        messages.warning(
            request,
            f"{n_wrong} {words} classes that exclude each other now. These labels stay until given anew.",
        )
    return redirect("labels:scheme-edit", pk=pk)


def _sent(request: HttpRequest) -> dict[str, Any]:
    sent = request.POST
    rows = zip(sent.getlist("name"), sent.getlist("key"), sent.getlist("colour"), strict=False)
    alone, hidden = set(sent.getlist("alone")), set(sent.getlist("hidden"))
    entries = [
        ClassEntry(name, key.strip().lower(), colour.lower(), str(place) in alone, str(place) in hidden)
        for place, (name, key, colour) in enumerate(rows)
    ]
    every = sent.get("repeat_every", "").strip() or "0"
    return {
        "entries": entries,
        "excludes": read_groups(sent.get("excludes", "")),
        "single_label": "single_label" in sent,
        "repeat_every": int(every) if every.isascii() and every.isdigit() and len(every) < 5 else 9999,
    }


def _scheme_page(
    request: HttpRequest,
    dataset: Dataset,
    scheme: ClassScheme | None,
    sent: dict[str, Any] | None = None,
    error: str = "",
) -> HttpResponse:
    context = {
        "dataset": dataset,
        "scheme": scheme,
        "may_write": may_write(request, dataset),
        "class_form": ClassForm(),
        "error": error,
        "keys": " ".join(KEYS),
    }
    if scheme:
        counts = current_labels(dataset).class_counts(scheme.names)
        context |= _shown(scheme, sent)
        for row, name in zip(context["rows"], scheme.names, strict=False):
            row["n"] = counts[name]
    return render(request, "labels/scheme_edit.html", context, status=400 if error else 200)


def _shown(scheme: ClassScheme, sent: dict[str, Any] | None) -> dict[str, Any]:
    """Return what stands in the form: what was sent and refused, else what holds."""
    if sent and len(sent["entries"]) == len(scheme.classes):
        rows = [
            {"name": e.name, "key": e.key, "colour": e.colour, "alone": e.stands_alone, "hidden": e.is_hidden}
            for e in sent["entries"]
        ]
        groups, single, every = sent["excludes"], sent["single_label"], sent["repeat_every"]
    else:
        rows = [
            {**entry, "alone": entry["name"] in scheme.exclusive, "hidden": entry.get("hidden", False)}
            for entry in scheme.classes
        ]
        groups, single, every = scheme.excludes, scheme.single_label, scheme.repeat_every
    excludes = "\n".join(", ".join(group) for group in groups)
    return {"rows": rows, "excludes": excludes, "single_label": single, "repeat_every": every}
