"""What people do to clusters on the clusters page: name, paint, merge, undo; and the list of it."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for
from webapp.accounts.models import Group
from webapp.datasets.cluster_operations import (
    Kind,
    OperationError,
    recolour_cluster,
    rename_cluster,
    undo_operation,
)
from webapp.datasets.models import ClusterOperation, Dataset
from webapp.datasets.sent import SentError, read_json_object, read_uuid, writable_dataset
from webapp.explore.operations import facts_of_names, history_of
from webapp.explore.recluster import merge_clusters
from webapp.explore.views import columns_of_request
from webapp.jobs.models import Product

MOST_MERGED = 1000


@login_required
@require_POST
def operation_add(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Take in `{kind, clustering, client_id, ...}`: rename, colour or merge."""
    dataset = writable_dataset(request, pk)
    try:
        sent = read_json_object(request)
        clustering = _clustering(dataset, sent)
        common = {"clustering": clustering, "user": request.user, "client_id": read_uuid(sent, "client_id")}
        kind = sent.get("kind")
        if kind == "rename":
            rename_cluster(cluster=_number(sent.get("cluster")), name=_text(sent, "name"), **common)
        elif kind == "colour":
            recolour_cluster(cluster=_number(sent.get("cluster")), colour=_text(sent, "colour"), **common)
        elif kind == "merge":
            handle = merge_clusters(clusters=_numbers(sent), name=_text(sent, "name"), **common)
            return JsonResponse({"isThere": handle.job is None})
        else:
            raise OperationError("This is nothing that can be done to clusters: rename, colour or merge.")
    except (OperationError, SentError) as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse({"clusters": facts_of_names(clustering)})


@login_required
@require_POST
def operation_undo(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Take back `{operation, client_id}`; says whether other clusters are current by that."""
    dataset = writable_dataset(request, pk)
    try:
        sent = read_json_object(request)
        rows = ClusterOperation.objects.filter(dataset=dataset)
        operation = rows.filter(pk=_number(sent.get("operation"))).first()
        if operation is None or operation.kind == Kind.PROMOTE:
            raise OperationError("There is nothing to undo under that number.")
        operation.dataset = dataset
        undo_operation(operation=operation, user=request.user, client_id=read_uuid(sent, "client_id"))
    except (OperationError, SentError) as error:
        return JsonResponse({"error": str(error)}, status=400)
    shown = Product.objects.filter(dataset=dataset, kind="cluster", pk=operation.clustering).first()
    is_other = "before" in operation.params
    return JsonResponse({"isOther": is_other, "clusters": facts_of_names(shown) if shown else []})


@login_required
@require_GET
def operation_list(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show who did what to the clusters; a fragment of the clusters page."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    columns = columns_of_request(request, dataset)
    entries, n_entries = history_of(dataset, columns.products.get("cluster"))
    context = {
        "dataset": dataset,
        "entries": entries,
        "n_entries": n_entries,
        "may_write": Group.objects.writable_by(request.user).filter(pk=dataset.group_id).exists(),
    }
    return render(request, "explore/partials/cluster_history.html", context)


def _clustering(dataset: Dataset, sent: dict[str, Any]) -> Product:
    named = read_uuid(sent, "clustering")
    found = Product.objects.filter(dataset=dataset, kind="cluster", pk=named).first() if named else None
    if found is None:
        raise OperationError("These clusters are not there any more. Load the page again.")
    found.dataset = dataset
    return found


def _text(sent: dict[str, Any], name: str) -> str:
    value = sent.get(name, "")
    if not isinstance(value, str):
        raise OperationError(f"“{name}” is a text.")
    return value


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -1 <= value < 1 << 31:
        raise OperationError("Clusters and operations are named by their numbers.")
    return value


def _numbers(sent: dict[str, Any]) -> list[int]:
    values = sent.get("clusters")
    if not isinstance(values, list) or len(values) > MOST_MERGED:
        raise OperationError(f"Say which clusters are to be merged, at most {MOST_MERGED}.")
    return [_number(value) for value in values]
