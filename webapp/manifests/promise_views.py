"""The part of the form that asks for a purity, and the audits that prove one."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.jobs.services import Handle
from webapp.labels.models import SelectionAudit
from webapp.labels.naming import LabelError
from webapp.manifests.promise_audits import audit_views, begin_audit
from webapp.manifests.promise_jobs import ask_for_promise
from webapp.manifests.promise_page import form_context, stricter
from webapp.manifests.promise_words import no_table_words
from webapp.manifests.promises import (
    PromiseError,
    asked_percents,
    audit_of,
    class_promises,
    is_under_way,
    table_of,
)


@login_required
@require_GET
def promise_rows(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what can be promised of each class for the purity that the form asks for now."""
    dataset = _dataset(request, pk)
    context = form_context(dataset, request.user, request.GET)
    return render(request, "manifests/partials/promise_rows.html", context)


@login_required
@require_POST
def promise_ask(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Let a worker work out what can be promised of the newest sorting."""
    dataset = _dataset(request, pk)
    require_writer(request.user, dataset.group)
    classification, clustering = newest(dataset, "classify"), newest(dataset, "cluster")
    if classification is None:
        messages.error(request, no_table_words(dataset, is_under_way=False))
    else:
        ask_for_promise(
            dataset=dataset,
            classification=Handle.of(classification),
            clustering=Handle.of(clustering) if clustering else None,
            user=request.user,
        )
    return redirect("manifests:dataset-write", pk=pk)


@login_required
@require_POST
def audit_start(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Freeze the selection of one class and go to its blind queue."""
    dataset = _dataset(request, pk)
    require_writer(request.user, dataset.group)
    name = request.POST.get("audit_class", "")
    try:
        audit = _begin(request, dataset, name)
    except (PromiseError, LabelError) as error:
        messages.error(request, str(error))
        return redirect("manifests:dataset-write", pk=pk)
    return redirect(f"{reverse('labels:dataset-label', args=[pk])}?mode=picked&audit={audit.pk}")


def _begin(request: HttpRequest, dataset: Dataset, name: str) -> SelectionAudit:
    table = table_of(dataset)
    if table is None:
        raise PromiseError(no_table_words(dataset, is_under_way(dataset)))
    names = list(table.facts["classes"])
    if name not in names:
        raise PromiseError("The classifier knows no class of that name. Load the page again.")
    view = audit_of(audit_views(dataset, table.classification), name)
    if view is not None and "stricter" in request.POST:
        found, asked = stricter(table, view), view.audit.asked
    elif view is not None:
        return view.audit
    else:
        percents = asked_percents(request.POST, names)
        if percents is None:
            raise PromiseError("Say first what purity is asked for.")
        promise = class_promises(dataset, table, {name: percents[name]})[0]
        found, asked = promise.proposed, promise.asked / 100
    if not found:
        raise PromiseError(f"No stricter selection of “{name}” is left to audit.")
    return begin_audit(
        dataset=dataset,
        classification=table.classification,
        name=name,
        asked=asked,
        threshold=found["threshold"],
        user=request.user,
    )


def _dataset(request: HttpRequest, pk: UUID) -> Dataset:
    return get_for(request.user, Dataset.objects.select_related("group"), pk=pk)
