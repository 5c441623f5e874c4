"""The registry of networks, and the Learn step of a data set."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from webapp.accounts.access import get_for, require_writer
from webapp.accounts.models import Group
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.jobs.again import asked_before, beyond, recipe_of
from webapp.jobs.curve import WORDS
from webapp.jobs.models import Job, Product
from webapp.jobs.services import Handle
from webapp.jobs.status import job_row
from webapp.networks.applicability import candidates_for, judging_job
from webapp.networks.describe import entry_of, log_of, offered
from webapp.networks.figures import figures_of, sorted_percents
from webapp.networks.forms import LearnForm
from webapp.networks.lineage import lineage_of
from webapp.networks.selectors import (
    KINDS,
    NetworkRow,
    networks_of,
    newest_learning,
    traversal_table,
)
from webapp.networks.services import learn_patterns


@login_required
@require_GET
def network_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the card of a network: how it came about, and how good it is."""
    product = _get_network(request, pk)
    context = {
        "product": product,
        "row": NetworkRow(product),
        "entry": entry_of(product),
        "changes": log_of(product),
        "lineage": lineage_of(product),
        "can_write": Group.objects.writable_by(request.user).filter(pk=product.group_id).exists(),
        **_card_context(product),
    }
    return render(request, "networks/network_detail.html", context)


@login_required
@require_GET
def network_card(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Download the card."""
    product = _get_network(request, pk)
    headers = {"Content-Disposition": f'attachment; filename="network-{str(pk)[:8]}-card.json"'}
    text = json.dumps(product.facts, indent=1, ensure_ascii=False)
    return HttpResponse(text, content_type="application/json; charset=utf-8", headers=headers)


def _get_network(request: HttpRequest, pk: UUID) -> Product:
    networks = Product.objects.filter(kind__in=KINDS).select_related("dataset", "group", "job", "created_by")
    return get_for(request.user, networks, pk=pk)


def _card_context(product: Product) -> dict[str, Any]:
    card = product.facts
    figures = [
        (WORDS.get(name, name.replace("_", " ")), value)
        for name, value in (card.get("figures") or {}).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return {
        "card": card,
        "figures": figures,
        "found": figures_of(product, sorted_percents(product)),
        "traversals": traversal_table(product),
        "weights": product.files.get("network.safetensors", {}),
    }


@login_required
@require_http_methods(["GET", "POST"])
def dataset_learn(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the Learn step of a data set; a POST learns again, a poll gets the running training alone."""
    dataset = get_for(request.user, Dataset.objects.select_related("group"), pk=pk)
    condensation = newest(dataset, "condense")
    networks = offered(networks_of(request.user).of_kind("learn").filter(group=dataset.group))
    again = asked_before(request, dataset, "learn")
    kept = beyond(again, "n_steps", "patience")
    begun = _as_asked(again) | ({"start_from": request.GET["start"]} if request.GET.get("start") else {})
    form = LearnForm(request.POST or None, initial=begun, networks=networks, kept=kept)
    if request.method == "POST":
        require_writer(request.user, dataset.group)
        if condensation and form.is_valid():
            return _learn_again(request, dataset, condensation, form)
    product, job = newest_learning(dataset)
    context = {
        "dataset": dataset,
        "product": product,
        "job": job,
        "row": job_row(job) if job else None,
        "form": form,
        "again": again,
        "kept": kept,
        "condensation": condensation,
        "can_write": Group.objects.writable_by(request.user).filter(pk=dataset.group_id).exists(),
        **(_card_context(product) if product else {}),
    }
    context |= _offered(dataset)
    is_poll = context["was_polled"] = request.headers.get("HX-Request") == "true"
    template = "networks/partials/learning.html" if is_poll else "networks/dataset_learn.html"
    return render(request, template, context, status=422 if form.errors else 200)


@login_required
@require_GET
def dataset_offers(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show which networks of other data sets fit; the part of the Learn page that polls meanwhile."""
    dataset = get_for(request.user, Dataset.objects.select_related("group"), pk=pk)
    context = {"dataset": dataset, "condensation": newest(dataset, "condense"), **_offered(dataset)}
    context["can_write"] = Group.objects.writable_by(request.user).filter(pk=dataset.group_id).exists()
    return render(request, "networks/partials/use_latents.html", context)


def _offered(dataset: Dataset) -> dict[str, Any]:
    offers = candidates_for(dataset, "learn")
    unjudged = any(not offer.verdict for offer in offers)
    return {"offers": offers, "has_unjudged": unjudged, "looking_job": judging_job(dataset)}


def _as_asked(again: Job | None) -> dict[str, Any]:
    """Return what the form begins with: the settings of a training that is asked for again, or none."""
    if again is None:
        return {"seed": 0}
    recipe = recipe_of(again)
    given = {name: recipe.get(name) for name in ("n_steps", "patience")}
    return {"seed": again.params.get("seed", 0), "start_from": again.inputs.get("start_from"), **given}


def _learn_again(
    request: HttpRequest, dataset: Dataset, condensation: Product, form: LearnForm
) -> HttpResponse:
    start_from = form.cleaned_data["start_from"]
    handle = learn_patterns(
        dataset=dataset,
        condensation=Handle.of(condensation),
        recipe=form.recipe(),
        seed=form.cleaned_data["seed"],
        start_from=Handle.of(start_from) if start_from else None,
        user=request.user,
    )
    if handle.job is None:
        messages.info(request, "This network is there already: same data, recipe and seed.")
        return redirect("networks:network-detail", pk=handle.id)
    messages.success(
        request, "The training is on its way. What stands further along the line will be older than it."
    )
    return redirect("networks:dataset-learn", pk=dataset.pk)
