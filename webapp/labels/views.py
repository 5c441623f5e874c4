"""The labelling page, the forms about classes, and fragments that other pages show."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.accounts.models import Group
from webapp.datasets.cluster_names import names_of
from webapp.datasets.columns import Columns, columns_of
from webapp.datasets.lineage import chosen_dry_run
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job
from webapp.labels.audits import newest_audits
from webapp.labels.carry import ask_for_file_labels
from webapp.labels.doubtful import judge_of
from webapp.labels.exclusions import excluded_by
from webapp.labels.forms import ClassForm, LabelsFileForm, SchemeForm
from webapp.labels.history import frame_history
from webapp.labels.label_files import ask_to_read, is_simple
from webapp.labels.models import ClassScheme
from webapp.labels.naming import LabelError
from webapp.labels.queues import Desk, offered
from webapp.labels.readings import readings_of
from webapp.labels.services import import_labels_csv
from webapp.labels.state_cache import current_labels
from webapp.networks.coach import coach_of


@login_required
@require_GET
def dataset_label(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the labelling page, or on the first visit the form that names the classes."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    return show_page(request, dataset, SchemeForm(), LabelsFileForm(auto_id="import_%s"))


def show_page(
    request: HttpRequest,
    dataset: Dataset,
    scheme_form: SchemeForm,
    file_form: LabelsFileForm,
    status: int = 200,
) -> HttpResponse:
    """Show the labelling page with forms that were refused, or new ones."""
    scheme, columns = _scheme(dataset), columns_of(dataset)
    labels = current_labels(dataset)
    modes = offered(Desk(columns, scheme, labels, readings_of(dataset), request.user.pk)) if scheme else []
    context: dict[str, Any] = {
        "dataset": dataset,
        "scheme": scheme,
        "may_write": may_write(request, dataset),
        "has_frames": columns.condensed is not None,
        "jobs": Job.objects.active().filter(dataset=dataset).order_by("created_at"),
        "scheme_form": scheme_form,
        "file_form": file_form,
        "class_form": ClassForm(),
        "file_label_names": _file_label_names(dataset),
        "n_labelled": labels.n_labelled,
        "n_frames": columns.n_frames,
        "modes": modes,
        "clusters": _clusters(columns),
        "audits": newest_audits(dataset),
        "classes": _classes(scheme, labels.class_counts(scheme.names)) if scheme else [],
        "coach": coach_of(judge_of(columns), labels.class_counts(scheme.names) if scheme else None),
        "network_classes": columns.classifier.facts["classes"] if columns.classifier else [],
        "page": _page_facts(dataset, columns, scheme)
        | {"user": request.user.pk, "mayWrite": may_write(request, dataset)},
    }
    return render(request, "labels/dataset_label.html", context, status=status)


def _clusters(columns: Columns) -> list[dict[str, Any]]:
    if columns.clusters is None:
        return []
    called = names_of(columns)
    return [
        {
            **cluster,
            "name": called[cluster["id"]].name if cluster["id"] in called else f"Cluster {cluster['id']}",
        }
        for cluster in columns.cluster_list
    ]


def _file_label_names(dataset: Dataset) -> list[str]:
    """Return what the labels are called that the source files hold."""
    source = chosen_dry_run(dataset)
    return source.facts.get("label_names", []) if source else []


def _page_facts(dataset: Dataset, columns: Columns, scheme: ClassScheme | None) -> dict[str, Any]:
    """Return what the page's script needs to know."""
    condensation = columns.products.get("condense")
    frame = reverse("explore:frame-detail", args=[dataset.pk, 0])
    sheet = reverse("explore:sheet", args=[condensation.pk, 0]) if condensation else ""
    names = ("apply", "undo", "redo", "acts", "state", "queue")
    return {
        "dataset": str(dataset.pk),
        "framesUrl": frame.removesuffix("0/"),
        "sheetsUrl": sheet.removesuffix("0.jpg"),
        "maskUrl": reverse("explore:condensed-mask", args=[condensation.pk]) if condensation else "",
        "condensation": str(condensation.pk) if condensation else None,
        "nFrames": columns.n_frames,
        "classes": scheme.classes if scheme else [],
        "excluded": excluded_by(scheme) if scheme else {},
        "singleLabel": bool(scheme and scheme.single_label),
        **{f"{name}Url": reverse(f"labels:label-{name}", args=[dataset.pk]) for name in names},
    }


def _scheme(dataset: Dataset) -> ClassScheme | None:
    return ClassScheme.objects.filter(dataset=dataset).first()


def may_write(request: HttpRequest, dataset: Dataset) -> bool:
    """Return whether the person may label here."""
    return Group.objects.writable_by(request.user).filter(pk=dataset.group_id).exists()


def _classes(scheme: ClassScheme, counts: dict[str, int]) -> list[dict[str, Any]]:
    """Return all classes with their frames; those put away are told apart by `hidden`."""
    return [{**entry, "n": counts[entry["name"]]} for entry in scheme.classes]


@login_required
@require_POST
def label_import(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take in a short CSV with labels, or ask a worker what a file of another format says."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    require_writer(request.user, dataset.group)
    form = LabelsFileForm(request.POST, request.FILES, auto_id="import_%s")
    if form.is_valid():
        try:
            if not is_simple(form.cleaned_data["file"]):
                return _ask_to_read(request, dataset, form)
            n_frames = import_labels_csv(
                dataset=dataset,
                file=form.cleaned_data["file"],
                user=request.user,
                single_label=form.cleaned_data["single_label"],
            )
            messages.success(request, f"Labels of {n_frames} frames are taken in.")
            return redirect("labels:dataset-label", pk=pk)
        except LabelError as error:
            form.add_error("file", str(error))
    return show_page(request, dataset, SchemeForm(), form, status=400)


def _ask_to_read(request: HttpRequest, dataset: Dataset, form: LabelsFileForm) -> HttpResponse:
    named = ("file", "everything", "class_name")
    given = {name: form.cleaned_data[name] for name in named}
    handle = ask_to_read(dataset=dataset, user=request.user, **given)
    return redirect("labels:label-file", pk=handle.id)


@login_required
@require_POST
def label_read_files(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take in the labels that the source files hold."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    require_writer(request.user, dataset.group)
    if not _file_label_names(dataset):
        messages.error(request, "The source files hold no labels. Take labels in from a CSV.")
        return redirect("labels:dataset-label", pk=pk)
    names = [line for line in request.POST.get("names", "").splitlines() if line.strip()]
    try:
        handle = ask_for_file_labels(
            dataset=dataset, source=chosen_dry_run(dataset), names=names, user=request.user
        )
    except LabelError as error:
        messages.error(request, str(error))
    else:
        words = "A worker reads the labels." if handle.job else "These labels have been taken in before."
        messages.info(request, words)
    return redirect("labels:dataset-label", pk=pk)


@login_required
@require_GET
def label_bar(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the buttons with which other pages label what is selected."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    scheme = _scheme(dataset)
    context = {
        "dataset": dataset,
        "scheme": scheme,
        "may_write": may_write(request, dataset),
        "classes": _classes(scheme, current_labels(dataset).class_counts(scheme.names)) if scheme else [],
        "excluded": json.dumps(excluded_by(scheme)) if scheme else "{}",
    }
    return render(request, "labels/partials/label_bar.html", context)


@login_required
@require_GET
def frame_labels(request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
    """Show what one frame is called, and who said so and when."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    if index >= (dataset.n_frames or 0):
        raise Http404
    scheme = _scheme(dataset)
    history = frame_history(dataset, scheme, index) if scheme else []
    context = {"dataset": dataset, "scheme": scheme, "index": index, "history": history}
    return render(request, "labels/partials/frame_labels.html", context)
