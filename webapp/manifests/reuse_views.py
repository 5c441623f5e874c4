"""Networks that are there already, on the Sort page: which fit, sort with one, go back to an earlier one."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for
from webapp.accounts.models import Group, User
from webapp.datasets.classifier_choice import ChoiceError, take_back, use_again
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.datasets.sent import SentError, read_uuid, writable_dataset
from webapp.jobs.models import Product
from webapp.jobs.status import job_row
from webapp.labels.naming import LabelError
from webapp.manifests.reuse import offers_for, sort_with_network
from webapp.manifests.services import NotReady
from webapp.manifests.sortings import sortings_of
from webapp.networks.applicability import judging_job, see_which_fit


@login_required
@require_GET
def dataset_networks(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show which networks of other data sets fit; the part of the Sort page that polls meanwhile."""
    dataset = get_for(request.user, Dataset.objects.select_related("group"), pk=pk)
    return render(request, "manifests/partials/use_network.html", offered(dataset, request.user))


@login_required
@require_POST
def networks_look(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Look which networks fit."""
    dataset = writable_dataset(request, pk)
    if see_which_fit(dataset=dataset, user=request.user) is None:
        messages.error(request, "There is nothing to try: no condensed frames here, or no network elsewhere.")
    if request.POST.get("from") == "learn":
        return redirect("networks:dataset-learn", pk=pk)
    return _back(dataset, "use-network")


@login_required
@require_POST
def network_use(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Sort all frames with a network of another data set."""
    dataset = writable_dataset(request, pk)
    networks = Product.objects.filter(group=dataset.group_id, kind="train")
    network = _named(request, networks, "network")
    if network is None:
        return _back(dataset, "use-network")
    try:
        found = sort_with_network(dataset=dataset, network=network, user=request.user)
    except (NotReady, LabelError) as error:
        messages.error(request, str(error))
        return _back(dataset, "use-network")
    if found.classification.job is None:
        messages.success(
            request, f"The frames were sorted with “{network}” before: that sorting is current now."
        )
    else:
        messages.success(
            request, f"The frames are being sorted with “{network}”. {found.match.words}".strip()
        )
    return _back(dataset)


@login_required
@require_POST
def classifier_choose(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Let all pages follow an earlier sorting again."""
    dataset = writable_dataset(request, pk)
    rows = Product.objects.filter(dataset=dataset, kind="classify")
    classification = _named(request, rows, "classification")
    if classification is None:
        return _back(dataset, "classifiers")
    try:
        use_again(dataset=dataset, classification=classification, user=request.user)
    except ChoiceError as error:
        messages.error(request, str(error))
    return _back(dataset, "classifiers")


@login_required
@require_POST
def classifier_undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take the last choice of a classifier back."""
    dataset = writable_dataset(request, pk)
    try:
        take_back(dataset=dataset, user=request.user)
    except ChoiceError as error:
        messages.error(request, str(error))
    return _back(dataset, "classifiers")


def offered(dataset: Dataset, user: User) -> dict[str, Any]:
    """Return what the parts of the Sort page about networks show."""
    offers, job = offers_for(dataset), judging_job(dataset)
    rows, changes = sortings_of(dataset)
    current = next((row for row in rows if row.is_current), None)
    return {
        "dataset": dataset,
        "offers": offers,
        "is_judged": any(offer.candidate.verdict for offer in offers),
        "has_unjudged": any(not offer.candidate.verdict for offer in offers),
        "looking": job_row(job) if job else None,
        "looking_job": job,
        "sortings": rows,
        "choices": changes,
        "sorted_by": current,
        "is_condensed": newest(dataset, "condense") is not None,
        "can_write": Group.objects.writable_by(user).filter(pk=dataset.group_id).exists(),
    }


def _named(request: HttpRequest, rows: QuerySet[Product], name: str) -> Product | None:
    """Return the product that a form names; 404 where it is none that the person may see."""
    try:
        pk = read_uuid(request.POST, name)
    except SentError as error:
        raise Http404(str(error)) from error
    if pk is None:
        messages.error(request, f"Say which {name} is meant.")
        return None
    return get_for(request.user, rows, pk=pk)


def _back(dataset: Dataset, part: str = "sorting") -> HttpResponse:
    response = redirect("manifests:dataset-classify", pk=dataset.pk)
    response["Location"] += f"#{part}"
    return response
