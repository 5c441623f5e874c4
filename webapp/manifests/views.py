"""The Sort page, the frames of one class, and the Download page of a data set."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.accounts.models import Group, User
from webapp.datasets.models import Dataset
from webapp.jobs.again import asked_before
from webapp.jobs.models import Product
from webapp.jobs.services import Handle
from webapp.manifests import selectors
from webapp.manifests.files import USUAL_FILES
from webapp.manifests.forms import TrainForm
from webapp.manifests.ranges import serve_file
from webapp.manifests.reuse_views import offered
from webapp.manifests.services import NotReady, train_and_sort
from webapp.networks.coach import coach_of


@login_required
@require_GET
def dataset_classify(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show labels, figures of the newest classifier and what it sorted; a poll gets the body alone."""
    dataset = _dataset(request, pk)
    is_poll = request.headers.get("HX-Request") == "true"
    template = "manifests/partials/sorting.html" if is_poll else "manifests/dataset_classify.html"
    again = asked_before(request, dataset, "train")
    more = {"again": again, "form": TrainForm(again=again)} if again else {}
    if not is_poll:
        more |= offered(dataset, request.user)
    return render(request, template, _sorting(dataset, request.user) | more)


@login_required
@require_POST
def dataset_train(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Train on the labels and sort all frames."""
    dataset = _dataset(request, pk)
    require_writer(request.user, dataset.group)
    again, given = asked_before(request, dataset, "train"), {}
    if again:
        form = TrainForm(request.POST, again=again)
        if not form.is_valid():
            context = _sorting(dataset, request.user) | offered(dataset, request.user)
            context |= {"again": again, "form": form}
            return render(request, "manifests/dataset_classify.html", context, status=422)
        given = {"recipe": form.recipe(), "seed": form.cleaned_data["seed"]}
        if start_from := form.cleaned_data["start_from"]:
            given["start_from"] = Handle.of(start_from)
    try:
        train_and_sort(dataset=dataset, user=request.user, **given)
    except NotReady as error:
        messages.error(request, str(error))
    return redirect("manifests:dataset-classify", pk=pk)


@login_required
@require_GET
def dataset_class(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the frames that were sorted into one class."""
    dataset, name = _dataset(request, pk), request.GET.get("class", "")
    classification, classes = selectors.sorted_classes(dataset)
    chosen = next((entry for entry in classes if entry.name == name), None)
    condensation = selectors.newest(dataset, "condense")
    if classification is None or chosen is None or condensation is None:
        raise Http404("There is no such class.")
    doubtful = request.GET.get("order") == "doubtful"
    tiles = selectors.frames_of_class(classification, name, doubtful=doubtful)
    context = {"dataset": dataset, "chosen": chosen, "classes": classes, "tiles": tiles}
    context |= {"doubtful": doubtful, "condensation": condensation}
    return render(request, "manifests/dataset_class.html", context)


@login_required
@require_GET
def dataset_download(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the manifests of a data set; a poll gets the list alone."""
    dataset = _dataset(request, pk)
    jobs = [running for running in selectors.running_jobs(dataset) if running.job.kind == "manifest"]
    context = {
        "dataset": dataset,
        "rows": selectors.manifests_of(dataset),
        "running": jobs,
        "can_write": _can_write(request.user, dataset),
        "gallery": selectors.newest(dataset, "gallery"),
        "usual_files": USUAL_FILES,
        "is_indexed": selectors.newest(dataset, "index") is not None,
    }
    context["has_all"] = any(
        not row.is_stale and "scope" not in row.product.params for row in context["rows"]
    )
    for row in context["rows"][:1]:
        context["card"] = _read_card(row.product)
        context["card_text"] = json.dumps(context["card"], indent=2, ensure_ascii=False)
        chosen = context["card"].get("selection")
        context["rule"] = json.dumps(chosen["rule"], ensure_ascii=False) if chosen else ""
    is_poll = request.headers.get("HX-Request") == "true"
    template = "manifests/partials/manifests.html" if is_poll else "manifests/dataset_download.html"
    return render(request, template, context)


@login_required
@require_http_methods(["GET", "HEAD"])
def manifest_file(request: HttpRequest, pk: UUID, name: str) -> HttpResponse:
    """Return a file of a manifest or a gallery, whole or in part."""
    products = Product.objects.of_kind("manifest", "gallery").select_related("dataset")
    product = get_for(request.user, products, pk=pk)
    if name not in product.files:
        raise Http404("The manifest has no such file.")
    path = product.path(name)
    stem = "".join(letter if letter.isalnum() else "-" for letter in product.dataset.name).strip("-")
    called = f"{stem or 'fringe'}-{str(product.pk)[:8]}-{name}"
    return serve_file(request, path, name=called, sha256=product.files[name]["sha256"])


def _dataset(request: HttpRequest, pk: UUID) -> Dataset:
    return get_for(request.user, Dataset.objects.select_related("group"), pk=pk)


def _can_write(user: User, dataset: Dataset) -> bool:
    return Group.objects.writable_by(user).filter(pk=dataset.group_id).exists()


def _sorting(dataset: Dataset, user: User) -> dict[str, Any]:
    counts = selectors.label_counts(dataset)
    classification, classes = selectors.sorted_classes(dataset)
    sorter = selectors.newest(dataset, "train")
    is_own = bool(classification and sorter and classification.inputs["network"] == str(sorter.pk))
    percents = {entry.name: entry.percent for entry in classes} if is_own else None
    report = selectors.classifier_report(dataset, counts.last_event, percents)
    return {
        "dataset": dataset,
        "counts": counts,
        "missing": selectors.what_is_missing(dataset, counts),
        "running": selectors.running_jobs(dataset),
        "failed": selectors.failed_job(dataset),
        "report": report,
        "coach": coach_of(
            report.network if report else None, {entry.name: entry.n for entry in counts.classes}
        ),
        "classification": classification,
        "sorted_with": classification.input("network") if classification else None,
        "is_other_network": bool(
            classification and report and classification.inputs["network"] != str(report.network.pk)
        ),
        "classes": classes,
        "can_write": _can_write(user, dataset),
    }


def _read_card(manifest: Product) -> dict[str, Any]:
    try:
        return json.loads(manifest.path("manifest.json").read_text(encoding="utf-8"))
    except (OSError, KeyError) as error:
        raise Http404("The manifest is no longer on the disk.") from error
