"""Reading clusters anew on the clusters page: asking for it, how far it is, and which of them are current."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for
from webapp.datasets.models import Dataset
from webapp.datasets.sent import writable_dataset
from webapp.explore import recluster
from webapp.explore.clusterings import has_tree, reading_job
from webapp.explore.forms import AgainForm
from webapp.explore.views import columns_of_request, render_clusters
from webapp.jobs.models import Product, State
from webapp.jobs.selectors import progress_of

READY = "clusters-ready"  # an event for the page's script


@login_required
@require_POST
def cluster_again(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Read clusters anew with the settings of the form, or look into one of them."""
    dataset = writable_dataset(request, pk)
    columns = columns_of_request(request, dataset)
    clustering = columns.products.get("cluster")
    if clustering is None:
        raise Http404("There are no clusters yet.")
    clustering.dataset = dataset
    if not has_tree(clustering):
        messages.error(request, "The tree of these clusters was not kept, so they cannot be read anew.")
        return redirect("explore:dataset-clusters", pk=pk)
    form = AgainForm(request.POST, clustering=clustering)
    if not form.is_valid():
        return render_clusters(request, dataset, columns, form)
    handle = recluster.cluster_again(
        clustering=clustering, recipe=form.recipe(), within=form.cleaned_data["within"], user=request.user
    )
    if handle.job is None:
        messages.info(request, "These clusters had been read before; they are shown again.")
        return redirect("explore:dataset-clusters", pk=pk)
    return redirect(f"{reverse('explore:dataset-clusters', args=[pk])}#cluster-again")


@login_required
@require_GET
def again_status(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say how far the reading is; the fragment asks again only while one is under way."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    job = reading_job(dataset, was=request.GET.get("was", ""))
    running = job is not None and job.state == State.RUNNING
    context = {"dataset": dataset, "reading_job": job, "progress": progress_of(job) if running else None}
    response = render(request, "explore/partials/again_status.html", context)
    if job and job.state == State.SUCCEEDED:
        response["HX-Trigger"] = READY
    return response


@login_required
@require_POST
def clustering_choose(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Let pages and manifest go on from one of the clusterings."""
    dataset = writable_dataset(request, pk)
    try:
        named = UUID(request.POST.get("clustering", ""))
    except ValueError:
        messages.warning(request, "Choose one of the clusterings first.")
        return redirect("explore:dataset-clusters", pk=pk)
    product = get_for(request.user, Product.objects.filter(dataset=dataset, kind="cluster"), pk=named)
    product.dataset = dataset
    recluster.choose_earlier(dataset=dataset, clustering=product, user=request.user)
    messages.success(request, "Pages show these clusters now, and the next manifest holds them.")
    return redirect("explore:dataset-clusters", pk=pk)
