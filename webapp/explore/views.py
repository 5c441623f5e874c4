"""The clusters page: its map, its gallery, and the thumbnail sheets."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from webapp.accounts.access import get_for
from webapp.accounts.models import Group
from webapp.datasets.columns import Columns, columns_of
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.datasets.palette import CYCLE, NOISE_COLOUR
from webapp.explore.cluster_patterns import PATTERN_KINDS
from webapp.explore.clusterings import has_tree, reading_job, reading_words, readings_of, sweeps_of
from webapp.explore.forms import AgainForm, as_asked
from webapp.explore.map_views import map_facts
from webapp.explore.nuisances import flags_of
from webapp.explore.sampling import MOST_POINTS
from webapp.explore.selectors import (
    SHOWN_ON_CARD,
    active_jobs,
    cluster_cards,
    n_fitted,
)
from webapp.jobs.again import asked_before
from webapp.jobs.models import Job, Product


@login_required
@require_GET
def dataset_clusters(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the map and the clusters of a data set."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    return render_clusters(request, dataset, columns_of_request(request, dataset))


def columns_of_request(request: HttpRequest, dataset: Dataset) -> Columns:
    """Return the columns with the clustering that the request names, or with the current one."""
    given = request.GET.get("clustering") or request.POST.get("clustering")
    try:
        columns = columns_of(dataset, clustering=UUID(given) if given else None)
    except ValueError as error:
        raise Http404 from error
    if columns is None:
        raise Http404("There are no such clusters.")
    return columns


def render_clusters(
    request: HttpRequest, dataset: Dataset, columns: Columns, form: AgainForm | None = None
) -> HttpResponse:
    """Answer the clusters page; `form` is one that was filled in wrongly."""
    again = asked_before(request, dataset, "cluster", "recluster")
    cards = cluster_cards(columns)
    flags = flags_of(columns.products.get("cluster"))
    for card in cards:
        card["flags"] = flags.get(card["id"], {})
    context = {
        "dataset": dataset,
        "cards": cards,
        "pattern_kinds": PATTERN_KINDS,
        "has_clusters": columns.clusters is not None,
        "has_map": columns.positions is not None,
        "n_drawn": min(columns.n_frames, MOST_POINTS),
        "n_frames": columns.n_frames,
        "n_fitted": n_fitted(columns),
        "jobs": active_jobs(dataset),
        "may_write": Group.objects.writable_by(request.user).filter(pk=dataset.group_id).exists(),
        "page": {**_page_facts(dataset, columns, cards), "user": request.user.pk},
        **_again_context(dataset, columns.products.get("cluster"), form, again),
    }
    return render(request, "explore/dataset_clusters.html", context, status=422 if form else 200)


def _again_context(
    dataset: Dataset, shown: Product | None, form: AgainForm | None, again: Job | None
) -> dict[str, Any]:
    """Return what the panel needs that reads clusters anew."""
    if shown is None:
        return {}
    shown.dataset = dataset
    current = newest(dataset, "cluster")
    return {
        "shown": shown,
        "shown_words": reading_words(shown, current),
        "is_current": shown == current,
        "form": form or (AgainForm(clustering=shown, asked=as_asked(again)) if has_tree(shown) else None),
        "again": again,
        "sweeps": sweeps_of(shown),
        "readings": readings_of(dataset, shown, current),
        "reading_job": reading_job(dataset),
    }


def _page_facts(dataset: Dataset, columns: Columns, cards: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the page's script needs to know."""
    ids = {kind: str(product.pk) for kind, product in columns.products.items()}
    return {
        **page_urls(dataset, columns),
        **map_facts(dataset, columns),
        "clustering": ids.get("cluster"),
        "map": ids.get("project"),
        "nDrawn": min(columns.n_frames, MOST_POINTS),
        "cycle": CYCLE,
        "noiseColour": NOISE_COLOUR,
        "shownOnCard": SHOWN_ON_CARD,
        "clusters": [{name: card[name] for name in ("id", "name", "size", "colour")} for card in cards],
    }


def page_urls(dataset: Dataset, columns: Columns) -> dict[str, Any]:
    """Return from where scripts get frames and thumbnails."""
    condensation = columns.products.get("condense")
    frame = reverse("explore:frame-detail", args=[dataset.pk, 0])
    sheet = reverse("explore:sheet", args=[condensation.pk, 0]) if condensation else ""
    return {
        "framesUrl": frame.removesuffix("0/"),
        "sheetsUrl": sheet.removesuffix("0.jpg"),
        "condensation": str(condensation.pk) if condensation else None,
        "nFrames": columns.n_frames,
        "maskUrl": reverse("explore:condensed-mask", args=[condensation.pk]) if condensation else "",
    }
