"""Why a frame got its class: a part of the frame page."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.accounts.models import Group
from webapp.datasets.columns import Columns, columns_of
from webapp.datasets.models import Dataset
from webapp.networks.explanations import (
    ask_why,
    can_explain,
    class_heats,
    explaining_job,
    explanation_of,
    heat_bytes,
)

_FOREVER = "private, max-age=31536000, immutable"


@login_required
@require_GET
def frame_why(request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
    """Show what spoke for the classes of a frame, how far the looking is, or the button that asks for it."""
    dataset, columns = _find(request, pk, index)
    return render(request, "networks/partials/why.html", _context(request, dataset, columns, index))


@login_required
@require_POST
def frame_ask_why(request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
    """Ask a worker what spoke for the classes of a frame."""
    dataset, columns = _find(request, pk, index)
    require_writer(request.user, dataset.group)
    ask_why(columns=columns, frame=index, user=request.user)
    if not request.headers.get("HX-Request"):
        return redirect(f"{_frame_url(dataset, index)}#why")
    return render(request, "networks/partials/why.html", _context(request, dataset, columns, index))


@login_required
@require_GET
def frame_heat(request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
    """Send the heat of the class in row `place` of the explanation `of`: a byte a pixel, row by row."""
    columns = _find(request, pk, index)[1]
    product = explanation_of(columns, index)
    place = request.GET.get("place", "")
    if product is None or not place.isdecimal() or int(place) >= len(product.facts["classes"]):
        raise Http404("Nothing is known of that class on this frame.")
    response = HttpResponse(heat_bytes(product, int(place)), content_type="application/octet-stream")
    if request.GET.get("of") == str(product.pk):
        response["Cache-Control"] = _FOREVER
    return response


def _find(request: HttpRequest, pk: UUID, index: int) -> tuple[Dataset, Columns]:
    dataset = get_for(request.user, Dataset.objects.select_related("group"), pk=pk)
    columns = columns_of(dataset)
    if not can_explain(columns) or index >= columns.n_frames:
        raise Http404("No classifier has sorted such a frame.")
    return dataset, columns


def _context(request: HttpRequest, dataset: Dataset, columns: Columns, index: int) -> dict[str, Any]:
    product = explanation_of(columns, index)
    return {
        "dataset": dataset,
        "index": index,
        "product": product,
        "heats": class_heats(columns, index, product) if product else [],
        "job": None if product else explaining_job(columns, index),
        "can_write": Group.objects.writable_by(request.user).filter(pk=dataset.group_id).exists(),
    }


def _frame_url(dataset: Dataset, index: int) -> str:
    # The page lies in an app above, so it is named, not imported.
    return reverse("explore:frame-detail", args=[dataset.pk, index])
