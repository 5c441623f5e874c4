"""The tree of clusters, and clusters cut from it while a slider moves; nothing is written."""

from uuid import UUID

import numpy as np
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from webapp.accounts.access import get_for
from webapp.datasets.columns import Columns
from webapp.datasets.models import Dataset
from webapp.explore.cluster_tree import tree_of
from webapp.explore.map_points import points_of
from webapp.explore.tree_picture import cut_of, picture_of
from webapp.explore.views import columns_of_request
from webapp.jobs.models import Product

NO_TREE = (
    "The tree of these clusters was not kept: all frames are alike, or an earlier version found them. "
    "Sort the data set again for clusters with a tree."
)
MOST_FRAMES = 1 << 40


@login_required
@require_GET
def cluster_tree(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Answer the parts of the tree that are drawn, or why there are none."""
    _, clustering = _asked(request, pk)
    return JsonResponse(picture_of(clustering) or {"nodes": [], "words": NO_TREE})


@login_required
@require_GET
def tree_points(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer for each drawn point of the map its part of the tree, int32, -1 where it was not fitted."""
    columns, clustering = _asked(request, pk)
    tree = tree_of(clustering)
    if tree is None:
        raise Http404(NO_TREE)
    points = points_of(columns)
    if tree.rows is None:
        parts = tree.part[points]
    else:
        places = np.minimum(np.searchsorted(tree.rows, points), len(tree.rows) - 1)
        parts = np.where(tree.rows[places] == points, tree.part[places], -1)
    response = HttpResponse(parts.astype("<i4").tobytes(), content_type="application/octet-stream")
    response["Cache-Control"] = (
        "private, max-age=86400" if "clustering" in request.GET else "private, no-cache"
    )
    return response


@login_required
@require_GET
def cluster_cut(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Answer the clusters of a least size in frames and a method, as reading anew would give them."""
    _, clustering = _asked(request, pk)
    try:
        least = int(request.GET.get("least", ""))
    except ValueError:
        least = 0
    if not 2 <= least <= MOST_FRAMES:
        return JsonResponse(
            {"error": "The least size of a cluster is a number of frames, at least 2."}, status=400
        )
    found = cut_of(clustering, least, request.GET.get("method", "eom"))
    if found is None:
        return JsonResponse({"error": "There is no tree to cut, or no such method: eom or leaf."}, status=400)
    return JsonResponse(found)


def _asked(request: HttpRequest, pk: UUID) -> tuple[Columns, Product]:
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    columns = columns_of_request(request, dataset)
    if columns.clusters is None:
        raise Http404("There are no clusters yet.")
    clustering = Product.objects.get(pk=columns.products["cluster"].pk)
    clustering.dataset = dataset
    return columns, clustering
