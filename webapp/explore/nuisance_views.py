"""The nuisance report on the clusters page."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.accounts.models import Group
from webapp.datasets.cluster_names import names_of_clustering
from webapp.datasets.models import Dataset
from webapp.explore.nuisances import read_report, report_job, report_product, write_report
from webapp.explore.views import columns_of_request


@login_required
@require_GET
def nuisance_report(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show how much of clusters and latents nuisances explain; a fragment of the clusters page."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    clustering = columns_of_request(request, dataset).products.get("cluster")
    product = report_product(clustering)
    context = {
        "dataset": dataset,
        "clustering": clustering,
        "product": product,
        "report": read_report(product, names_of_clustering(clustering)) if product else None,
        "job": None if product else report_job(clustering),
        "may_write": Group.objects.writable_by(request.user).filter(pk=dataset.group_id).exists(),
    }
    return render(request, "explore/partials/nuisance_report.html", context)


@login_required
@require_POST
def nuisance_write(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Write the nuisance report of the clusters that the page shows."""
    dataset = get_for(request.user, Dataset.objects.select_related("group"), pk=pk)
    require_writer(request.user, dataset.group)
    clustering = columns_of_request(request, dataset).products.get("cluster")
    if clustering is None or write_report(origin=clustering, user=request.user) is None:
        messages.error(request, "What these clusters were made from is gone. Sort the data set again.")
    return redirect("explore:dataset-clusters", pk=pk)
