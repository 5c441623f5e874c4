"""What the clusters page asks about labels: how pure clusters are, and to make a class of one."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for
from webapp.datasets.cluster_operations import Kind
from webapp.datasets.columns import Columns, columns_of
from webapp.datasets.models import ClusterOperation, Dataset
from webapp.datasets.sent import SentError, read_json_object, read_uuid, writable_dataset
from webapp.labels.models import ClassScheme
from webapp.labels.naming import LabelError
from webapp.labels.promotion import promote_cluster, undo_promotion
from webapp.labels.purity import purities_of
from webapp.labels.state_cache import current_labels


@login_required
@require_GET
def cluster_purity(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Answer the commonest class of each cluster that has labelled frames, and how common it is."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    try:
        clustering = UUID(request.GET["clustering"]) if request.GET.get("clustering") else None
    except ValueError as error:
        raise Http404 from error
    columns = columns_of(dataset, clustering=clustering)
    if columns is None:
        raise Http404("There are no such clusters.")
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    found = purities_of(columns, scheme, current_labels(dataset)) if scheme else {}
    return JsonResponse(
        {
            "clusters": {
                cluster: {
                    "class": purity.class_name,
                    "nAgree": purity.n_agree,
                    "nLabelled": purity.n_labelled,
                }
                for cluster, purity in found.items()
            }
        }
    )


@login_required
@require_POST
def cluster_promote(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Take in `{clustering, cluster, name, client_id}`: label the frames of a cluster with a class."""
    dataset = writable_dataset(request, pk)
    try:
        sent = read_json_object(request)
        columns, cluster = _columns(dataset, sent), sent.get("cluster")
        if isinstance(cluster, bool) or not isinstance(cluster, int) or not isinstance(sent.get("name"), str):
            raise LabelError("Name a cluster by its number, and the class by its name.")
        operation = promote_cluster(
            columns=columns,
            cluster=cluster,
            name=sent["name"],
            user=request.user,
            client_id=read_uuid(sent, "client_id"),
        )
    except (LabelError, SentError) as error:
        return JsonResponse({"error": str(error)}, status=400)
    told = operation.params
    return JsonResponse({"operation": operation.pk, "class": told["class"], "n": told["n"]})


@login_required
@require_POST
def promotion_undo(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Take back `{operation, client_id}`: the labels that a cluster got when a class was made of it."""
    dataset = writable_dataset(request, pk)
    try:
        sent = read_json_object(request)
        number = sent.get("operation")
        rows = ClusterOperation.objects.filter(dataset=dataset, kind=Kind.PROMOTE)
        is_number = isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 1 << 62
        operation = rows.filter(pk=number).first() if is_number else None
        if operation is None:
            raise LabelError("There is nothing to undo under that number.")
        operation.dataset = dataset
        undo_promotion(operation=operation, user=request.user, client_id=read_uuid(sent, "client_id"))
    except (LabelError, SentError) as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse({"isOther": False, "cluster": operation.cluster})


def _columns(dataset: Dataset, sent: dict[str, Any]) -> Columns:
    columns = columns_of(dataset, clustering=read_uuid(sent, "clustering"))
    if columns is None or columns.clusters is None:
        raise LabelError("These clusters are not there any more. Load the page again.")
    return columns
