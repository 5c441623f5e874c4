"""The frame page: one frame, what is known of it, and the frames that are like it."""

import io
from typing import Any
from uuid import UUID

import numpy as np
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from webapp.accounts.access import get_for
from webapp.datasets.columns import PHYSICS, Columns, columns_of
from webapp.datasets.models import Dataset
from webapp.explore.palette import cluster_colour
from webapp.explore.selectors import (
    active_jobs,
    class_probabilities_of,
    condensed_mask,
    nearest_frames,
    scale_max,
)
from webapp.explore.thumbs import draw_thumb
from webapp.explore.views import page_urls
from webapp.jobs.models import Product

_FOREVER = "private, max-age=31536000, immutable"


@login_required
@require_GET
def frame_detail(request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
    """Show one frame."""
    dataset, columns = _find(request, pk, index)
    row = columns.identity(index)
    has_clusters = columns.clusters is not None
    context = {
        "dataset": dataset,
        "index": index,
        "last": columns.n_frames - 1,
        "previous": index - 1 if index > 0 else None,
        "next": index + 1 if index + 1 < columns.n_frames else None,
        "has_frames": columns.condensed is not None,
        "identity": [(name, row[name]) for name in row if name not in PHYSICS and row[name] is not None],
        "physics": [(name, row[name], unit) for name, unit in PHYSICS.items() if name in row],
        "cluster": _cluster_of(columns, index) if has_clusters else None,
        "probabilities": class_probabilities_of(columns, index),
        "nearest": nearest_frames(columns, index),
        "jobs": active_jobs(dataset) if columns.condensed is None else [],
        "page": _page_facts(dataset, columns, index),
    }
    return render(request, "explore/frame_detail.html", context)


def _find(request: HttpRequest, pk: UUID, index: int) -> tuple[Dataset, Columns]:
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    columns = columns_of(dataset)
    if index >= columns.n_frames:
        raise Http404
    return dataset, columns


def _cluster_of(columns: Columns, index: int) -> dict[str, Any]:
    cluster = int(columns.clusters[index])
    return {
        "id": cluster,
        "name": "Noise" if cluster < 0 else f"Cluster {cluster}",
        "colour": cluster_colour(cluster),
        "probability": float(columns.membership[index]),
        "outlier": float(columns.outlier_scores[index]),
    }


def _page_facts(dataset: Dataset, columns: Columns, index: int) -> dict[str, Any]:
    return {
        **page_urls(dataset, columns),
        "index": index,
        "size": columns.condensed.shape[1] if columns.condensed is not None else 0,
        "scaleMax": scale_max(columns),
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
    picture = draw_thumb(columns.condensed[index], condensed_mask(product.folder))
    response = HttpResponse(picture, content_type="image/png")
    if request.GET.get("of") == str(product.pk):
        response["Cache-Control"] = _FOREVER
    return response


@login_required
@require_GET
def frame_npy(request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
    """Send the condensed frame as counts, float32, in NumPy's format."""
    _, columns = _find(request, pk, index)
    top = scale_max(columns)
    if columns.condensed is None or top is None:
        raise Http404
    counts = np.expm1(columns.condensed[index] / 255 * np.log1p(top)).astype(np.float32)
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
