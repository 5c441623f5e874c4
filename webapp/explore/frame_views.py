"""The frame page: one frame, what is known of it, and the frames that are like it."""

import io
from typing import Any
from uuid import UUID

import numpy as np
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from webapp.accounts.access import get_for
from webapp.datasets.cluster_names import name_of, names_of
from webapp.datasets.columns import NOISE, Columns, columns_of
from webapp.datasets.levels import level_counts, shown_levels
from webapp.datasets.models import Dataset
from webapp.datasets.nearness import compared_step, nearest_frames
from webapp.explore.frame_facts import drawing_facts, format_words_of, identity_of, measured_of, recorded_of
from webapp.explore.frame_source import dry_run_of_index, source_problem
from webapp.explore.geometry import geometry_of
from webapp.explore.selectors import (
    active_jobs,
    class_probabilities_of,
    condensed_mask,
)
from webapp.explore.thumbs import draw_thumb
from webapp.explore.views import page_urls
from webapp.jobs.models import Product

_FOREVER = "private, max-age=31536000, immutable"


@login_required
@require_GET
def frame_detail(request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
    """Show one frame; to htmx, only what stands beside the picture."""
    dataset, columns = _find(request, pk, index)
    source = dry_run_of_index(dataset)
    context = {"dataset": dataset, "index": index, **_side(columns, source, index)}
    if request.headers.get("HX-Request"):
        response = render(request, "explore/partials/frame_side.html", context)
    else:
        context |= _viewer(dataset, columns, source, index)
        response = render(request, "explore/frame_detail.html", context)
    response["Vary"] = "HX-Request"
    return response


def _side(columns: Columns, source: Product | None, index: int) -> dict[str, Any]:
    """Return what is known of the frame."""
    row = columns.identity(index)
    return {
        "identity": identity_of(row),
        "format_words": format_words_of(source),
        "measured": measured_of(row, columns.units),
        "recorded": recorded_of(row, source),
        "cluster": _cluster_of(columns, index) if columns.clusters is not None else None,
        "probabilities": class_probabilities_of(columns, index),
        "nearest": nearest_frames(columns, index),
        "nearest_of": compared_step(columns),
    }


def _viewer(dataset: Dataset, columns: Columns, source: Product | None, index: int) -> dict[str, Any]:
    """Return what the picture and its tools need."""
    has_condensed = columns.condensed is not None
    return {
        "last": columns.n_frames - 1,
        "previous": index - 1 if index > 0 else None,
        "next": index + 1 if index + 1 < columns.n_frames else None,
        "has_condensed": has_condensed,
        "source": source,
        "problem": source_problem(source),
        "clusters": [(number, name.name) for number, name in names_of(columns).items() if number != NOISE],
        "classes": columns.classifier.facts["classes"] if columns.classifier else [],
        "jobs": [] if has_condensed else active_jobs(dataset),
        "page": _page_facts(dataset, columns, source, index),
    }


def _find(request: HttpRequest, pk: UUID, index: int) -> tuple[Dataset, Columns]:
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    columns = columns_of(dataset)
    if index >= columns.n_frames:
        raise Http404
    return dataset, columns


def _cluster_of(columns: Columns, index: int) -> dict[str, Any]:
    cluster = int(columns.clusters[index])
    return {
        **vars(name_of(names_of(columns), cluster)),
        "id": cluster,
        "probability": float(columns.membership[index]),
        "outlier": float(columns.outlier_scores[index]),
    }


def _page_facts(dataset: Dataset, columns: Columns, source: Product | None, index: int) -> dict[str, Any]:
    condensation, clustering = columns.products.get("condense"), columns.products.get("cluster")
    masking = reverse("explore:condensing-mask", args=[condensation.pk]) if condensation else ""
    return {
        **page_urls(dataset, columns),
        **drawing_facts(columns),
        "dataset": str(dataset.pk),
        "name": dataset.name,
        "index": index,
        "height": dataset.height,
        "width": dataset.width,
        "source": str(source.pk) if source else None,
        "problem": source_problem(source),
        "clustering": str(clustering.pk) if clustering else None,
        "patternUrl": reverse("explore:frame-pattern", args=[dataset.pk]),
        "detectorMaskUrl": reverse("explore:detector-mask", args=[dataset.pk]),
        "condensingMaskUrl": masking,
    }


@login_required
@require_GET
def frame_raw(request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
    """Send the condensed frame as raw bytes, row by row."""
    _, columns = _find(request, pk, index)
    if columns.condensed is None:
        raise Http404
    response = HttpResponse(columns.condensed[index].tobytes(), content_type="application/octet-stream")
    response["X-Frame-Side"] = str(columns.condensed.shape[1])
    # The address carries the condensation where the page knows it, and that never changes.
    if request.GET.get("of") == str(columns.products["condense"].pk):
        response["Cache-Control"] = _FOREVER
    return response


@login_required
@require_GET
def frame_thumb(request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
    """Send one thumbnail alone, for data sets whose sheets are too many."""
    _, columns = _find(request, pk, index)
    if columns.condensed is None:
        raise Http404
    product = columns.products["condense"]
    frame, geometry = columns.condensed[index], geometry_of(product.folder)
    if geometry is not None:
        frame = shown_levels(geometry.scale, geometry.scale_max)[frame]
    picture = draw_thumb(frame, condensed_mask(product.folder))
    response = HttpResponse(picture, content_type="image/png")
    if request.GET.get("of") == str(product.pk):
        response["Cache-Control"] = _FOREVER
    return response


@login_required
@require_GET
def frame_npy(request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
    """Send the condensed frame as counts, float32, in NumPy's format."""
    _, columns = _find(request, pk, index)
    geometry = geometry_of(columns.products["condense"].folder) if columns.condensed is not None else None
    if geometry is None:
        raise Http404
    counts = level_counts(geometry.scale, geometry.scale_max)[columns.condensed[index]]
    buffer = io.BytesIO()
    np.save(buffer, counts, allow_pickle=False)
    response = HttpResponse(buffer.getvalue(), content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="frame-{index}.npy"'
    return response


@login_required
@require_GET
def condensed_mask_file(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send which pixels of the condensed frames are masked: raw bytes, 1 = masked."""
    product = get_for(request.user, Product.objects.filter(kind="condense").defer("files"), pk=pk)
    mask = condensed_mask(product.folder)
    if mask is None:
        raise Http404
    response = HttpResponse(mask.tobytes(), content_type="application/octet-stream")
    response["Cache-Control"] = _FOREVER
    return response
