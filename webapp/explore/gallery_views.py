"""Pictures of the clusters, and what became of those of the clustering before."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from webapp.accounts.access import get_for
from webapp.datasets.models import Dataset
from webapp.explore.cluster_patterns import pattern_of_cluster
from webapp.explore.fates import fates_of
from webapp.explore.views import columns_of_request

_FOREVER = "private, max-age=31536000, immutable"


@login_required
@require_GET
def cluster_pattern(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send the mean or the maximum of a cluster's frames; the browser keeps it where `of` says of which."""
    columns = columns_of_request(request, get_for(request.user, Dataset.objects, pk=pk))
    try:
        cluster = int(request.GET.get("cluster", ""))
    except ValueError as error:
        raise Http404("A cluster is named by its number.") from error
    picture = pattern_of_cluster(columns, cluster, request.GET.get("what", "mean"))
    if picture is None:
        raise Http404("There is no such cluster.")
    response = HttpResponse(picture, content_type="image/png")
    is_named = "clustering" in request.GET and request.GET.get("of") == str(columns.products["condense"].pk)
    response["Cache-Control"] = _FOREVER if is_named else "private, no-cache"
    return response


@login_required
@require_GET
def cluster_fates(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what became of the clusters from before; a fragment of the clusters page."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    columns = columns_of_request(request, dataset)
    fates = fates_of(columns.products["cluster"]) if columns.clusters is not None else None
    return render(request, "explore/partials/cluster_fates.html", {"dataset": dataset, "fates": fates})
