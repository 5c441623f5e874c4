"""The page of a file of labels: what a worker found in it, and whether it is taken in."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.jobs.models import Job, Product
from webapp.jobs.selectors import progress_of
from webapp.labels.label_files import events_of, new_classes, take_back, take_in
from webapp.labels.naming import LabelError
from webapp.labels.views import may_write


@login_required
@require_GET
def label_file(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what a file says; while a worker reads it, a poll gets the body alone."""
    product = Product.objects.for_user(request.user).filter(pk=pk, kind="label-file").first()
    if product is None:
        job = get_for(request.user, Job.objects.filter(kind="label-file"), result_id=pk)
        context: dict[str, Any] = {"job": job, "progress": progress_of(job), "dataset": job.dataset}
    else:
        fresh = new_classes(product)
        rows = [(name, n, name in fresh) for name, n in product.facts["counts"].items()]
        context = {"product": product, "facts": product.facts, "dataset": product.dataset, "rows": rows}
        context |= {"is_taken": bool(events_of(product)), "n_new": len(fresh)}
        context["n_missing"] = product.facts["n_rows"] - product.facts["n_found"]
    context |= {"pk": pk, "may_write": may_write(request, context["dataset"])}
    is_poll = request.headers.get("HX-Request") == "true"
    template = "labels/partials/label_file.html" if is_poll else "labels/label_file.html"
    return render(request, template, context)


@login_required
@require_POST
def label_file_take(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take the labels in."""
    product = _writable(request, pk)
    try:
        n_frames = take_in(product=product, user=request.user, classes=request.POST.getlist("classes"))
    except LabelError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Labels of {n_frames} frames are taken in.")
    return redirect("labels:label-file", pk=pk)


@login_required
@require_POST
def label_file_back(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take all labels of the file back."""
    product = _writable(request, pk)
    try:
        take_back(product=product, user=request.user)
    except LabelError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The labels of this file are taken back.")
    return redirect("labels:label-file", pk=pk)


def _writable(request: HttpRequest, pk: UUID) -> Product:
    product = get_for(request.user, Product.objects.filter(kind="label-file"), pk=pk)
    require_writer(request.user, product.dataset.group)
    return product
