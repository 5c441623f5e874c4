"""The page that sets classifiers against each other on the same held-back frames."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for
from webapp.accounts.models import Group
from webapp.datasets.models import Dataset
from webapp.datasets.sent import writable_dataset
from webapp.manifests.comparison import (
    FEWEST,
    MOST,
    Choice,
    choices_for,
    compare_networks,
    judge_here,
    judging_jobs,
)


@login_required
@require_GET
def networks_compare(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Compare the classifiers named by `network`, or the newest that can be compared."""
    dataset = get_for(request.user, Dataset.objects.select_related("group"), pk=pk)
    choices, jobs = choices_for(dataset), judging_jobs(dataset)
    asked = request.GET.getlist("network")
    chosen = _chosen(choices, asked)
    context = {
        "dataset": dataset,
        "choices": [(choice, choice in chosen) for choice in choices],
        "must_judge": [choice for choice in choices if choice.must_judge],
        "jobs": jobs,
        "can_write": Group.objects.writable_by(request.user).filter(pk=dataset.group_id).exists(),
        "fewest": FEWEST,
        "most": MOST,
        "is_asked": bool(asked),
    }
    if FEWEST <= len(chosen) <= MOST:
        context["found"] = compare_networks(dataset, chosen)
    elif asked:
        context["refused"] = f"Choose {FEWEST} to {MOST} classifiers; these are {len(chosen)}."
    is_poll = request.headers.get("HX-Request") == "true"
    template = "manifests/partials/comparison.html" if is_poll else "manifests/networks_compare.html"
    return render(request, template, context)


@login_required
@require_POST
def networks_judge(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask the networks of other data sets that are named what they say of the labelled frames."""
    dataset = writable_dataset(request, pk)
    asked = request.POST.getlist("network")
    named = [one for one in choices_for(dataset) if one.must_judge and str(one.network.pk) in asked]
    if not named:
        messages.error(
            request, "Name networks of other data sets that have not been asked about these labels."
        )
    elif not judge_here(dataset=dataset, networks=[one.network for one in named[:MOST]], user=request.user):
        messages.error(request, "No frame is labelled here, so there is nothing to ask about.")
    response = redirect("manifests:networks-compare", pk=pk)
    kept = [(name, value) for name, value in (("network", pk) for pk in asked[:MOST])]
    response["Location"] += f"?{urlencode(kept)}" if kept else ""
    return response


def _chosen(choices: list[Choice], asked: list[str]) -> list[Choice]:
    if asked:
        return [one for one in choices if str(one.network.pk) in asked]
    return [one for one in choices if one.judged is not None][:3]
