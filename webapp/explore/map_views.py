"""What the map of a data set and the sheet below it ask for; none of it is a page."""

import json
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for
from webapp.datasets.columns import MEASURES, PHYSICS, Columns, columns_of
from webapp.datasets.models import Dataset
from webapp.datasets.number_columns import number_columns
from webapp.datasets.runs import runs_of
from webapp.datasets.scopes import (
    ScopeError,
    columns_of_scope,
    frames_of_scope,
    title_of_scope,
    words_of_scope,
)
from webapp.datasets.sheet_orders import sorted_frames
from webapp.explore.map_points import LASTING, density_of, members_of_points, point_column
from webapp.explore.selectors import frame_entries
from webapp.explore.spread import spread_of

MOST_LISTED = 240
MOST_RUNS = 300
COLUMNS = (*LASTING, "run", "predicted", "number", *PHYSICS, *MEASURES)


def map_facts(dataset: Dataset, columns: Columns) -> dict[str, Any]:
    """Return what the scripts of map, sheet and histogram need to know."""
    names = {"membersUrl": "map-members", "spreadUrl": "map-spread", "listUrl": "frame-list"}
    points = reverse("explore:map-points", args=[dataset.pk, "index"])
    runs = runs_of(columns)
    return {
        **{key: reverse(f"explore:{name}", args=[dataset.pk]) for key, name in names.items()},
        "pointsUrl": points.removesuffix("index.bin"),
        "densityUrl": reverse("explore:map-density", args=[dataset.pk]),
        "numbers": [vars(column) for column in number_columns(columns)],
        "runs": runs.names[: MOST_RUNS + 1] if runs else [],
        "runTitle": runs.title if runs else "Run",
        "canBeNear": columns.latents is not None,
        "predicted": columns.classifier.facts["classes"] if columns.class_probabilities is not None else [],
    }


@login_required
@require_POST
def frame_list(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Answer which frames a scope holds: how many, in words, and one page of them in order."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    try:
        asked, columns = _read(request, dataset)
        scope, offset, limit = asked["scope"], int(asked.get("offset", 0)), int(asked.get("limit", 60))
        offset, limit = max(0, offset), min(max(1, limit), MOST_LISTED)
        near, seed = asked.get("near"), int(asked.get("seed", 0)) % 2**32
        frames = sorted_frames(
            columns,
            scope,
            asked.get("sort", "exemplars"),
            seed=seed,
            near=int(near) if near is not None else None,
            first=offset + limit,
        )
    except _UNREADABLE as error:
        return _refuse(error)
    return JsonResponse(
        {
            "n": len(frames),
            "offset": offset,
            "frames": frame_entries(columns, frames[offset : offset + limit]),
            "words": words_of_scope(columns, scope),
            "title": title_of_scope(columns, scope),
        }
    )


@login_required
@require_POST
def map_members(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer which of the drawn points a scope holds, a bit each."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    try:
        asked, columns = _read(request, dataset)
        bits = members_of_points(columns, frames_of_scope(columns, asked["scope"]))
    except _UNREADABLE as error:
        return _refuse(error)
    return HttpResponse(bits.tobytes(), content_type="application/octet-stream")


@login_required
@require_POST
def map_spread(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer the histogram of a column over all frames, and over those of a scope where one is given."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    try:
        asked = json.loads(request.body)
        scope = asked.get("scope")
        columns = columns_of_scope(dataset, {} if scope is None else scope)
        frames = None if scope is None else frames_of_scope(columns, scope)
        spread = spread_of(columns, str(asked["column"]), frames)
    except _UNREADABLE as error:
        return _refuse(error)
    if spread is None:
        return _refuse(ScopeError("There are no numbers of that name in this data set."))
    return JsonResponse(spread)


@login_required
@require_GET
def map_points(request: HttpRequest, pk: UUID, name: str) -> HttpResponse:
    """Answer one column of the drawn points as raw little-endian numbers."""
    columns, is_named = _columns_of_map(request, pk)
    wanted = request.GET.get("column", "") if name == "number" else name
    column = point_column(columns, wanted) if name in COLUMNS else None
    if column is None:
        raise Http404
    return _raw(column.tobytes(), lasting=is_named and name in LASTING)


@login_required
@require_GET
def map_density(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer how dense all frames lie on the map: four float64, then 256 x 256 levels."""
    columns, is_named = _columns_of_map(request, pk)
    density = density_of(columns)
    if density is None:
        raise Http404
    return _raw(density, lasting=is_named)


def _columns_of_map(request: HttpRequest, pk: UUID) -> tuple[Columns, bool]:
    """Return the columns of the map that the request names, and whether it names both of its products."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    try:
        wanted = {key: UUID(request.GET[key]) for key in ("clustering", "map") if request.GET.get(key)}
    except ValueError as error:
        raise Http404 from error
    columns = columns_of(dataset, clustering=wanted.get("clustering"), drawn=wanted.get("map"))
    if columns is None:
        raise Http404
    return columns, len(wanted) == 2


def _raw(numbers: bytes, *, lasting: bool) -> HttpResponse:
    response = HttpResponse(numbers, content_type="application/octet-stream")
    # Products never change: what is named by their ids may be kept.
    response["Cache-Control"] = "private, max-age=86400" if lasting else "private, no-cache"
    return response


_UNREADABLE = (ScopeError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


def _read(request: HttpRequest, dataset: Dataset) -> tuple[dict[str, Any], Columns]:
    asked = json.loads(request.body)
    return asked, columns_of_scope(dataset, asked["scope"])


def _refuse(error: Exception) -> JsonResponse:
    text = (
        str(error) if isinstance(error, ScopeError) else "The request names no frames that can be understood."
    )
    return JsonResponse({"error": text}, status=400)
