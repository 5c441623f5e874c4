"""The button of the Learn page that uses a network of another data set."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from webapp.accounts.access import get_for
from webapp.datasets.sent import SentError, read_uuid, writable_dataset
from webapp.explore.reuse import NotCondensed, cluster_with_network
from webapp.jobs.models import Product


@login_required
@require_POST
def latents_use(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Embed and cluster the frames with a FactorVAE of another data set."""
    dataset = writable_dataset(request, pk)
    try:
        named = read_uuid(request.POST, "network")
    except SentError as error:
        raise Http404(str(error)) from error
    if named is None:
        messages.error(request, "Say which network is meant.")
        return redirect("networks:dataset-learn", pk=pk)
    network = get_for(request.user, Product.objects.filter(group=dataset.group_id, kind="learn"), pk=named)
    try:
        handle = cluster_with_network(dataset=dataset, network=network, user=request.user)
    except NotCondensed as error:
        messages.error(request, str(error))
        return redirect("networks:dataset-learn", pk=pk)
    if handle.job is None:
        messages.success(request, f"The clusters found with “{network}” are the current ones.")
        return redirect("explore:dataset-clusters", pk=pk)
    messages.success(request, f"Clusters are being found among what “{network}” sees in the frames.")
    return redirect("explore:dataset-clusters", pk=pk)
