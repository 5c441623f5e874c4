"""Pictures of the clusters, and what became of those of the clustering before."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from webapp.accounts.access import get_for
from webapp.datasets.models import Dataset
from webapp.explore.cluster_patterns import patterns_of_clusters
from webapp.explore.fates import fates_of
from webapp.explore.views import columns_of_request

_FOREVER = "private, max-age=31536000, immutable"


@login_required
@require_GET
def cluster_patterns(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send mean and maximum of some clusters; the browser keeps it where `of` says of which frames."""
    columns = columns_of_request(request, get_for(request.user, Dataset.objects, pk=pk))
    try:
        clusters = [int(part) for part in request.GET.get("clusters", "").split(",")]
    except ValueError as error:
        raise Http404("Clusters are named by their numbers.") from error
    picture = patterns_of_clusters(columns, clusters)
    if picture is None:
        raise Http404("There are no such clusters.")
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
