"""The table of what is known about each frame, and the threshold from which a frame is a hit."""

import math
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.datasets.columns import columns_of
from webapp.datasets.hits import count_hits, save_threshold
from webapp.datasets.known import known_columns
from webapp.datasets.models import Dataset
from webapp.datasets.recipes import at_work
from webapp.jobs.models import Product


@login_required
@require_GET
def dataset_columns(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer the table of columns."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    columns = columns_of(dataset)
    index = columns.products.get("index")
    source = index.inputs.get("source") if index else None
    found = (
        Product.objects.filter(pk=source).values_list("facts__columns", flat=True).first() if source else None
    )
    jobs = at_work(dataset, "index", "measure")
    context = {
        "dataset": dataset,
        "columns": known_columns(columns, found or {}),
        "jobs": jobs,
        "is_moving": any(job.is_active for job in jobs),
        "has_measures": "measure" in columns.products,
    }
    return render(request, "datasets/partials/columns_table.html", context)


@login_required
@require_GET
def dataset_hits(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer how many frames reach a threshold, and which lie next to it."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    columns = columns_of(dataset)
    threshold = _number(request.GET.get("threshold", ""))
    if threshold is None or columns.physics("lit_pixels") is None:
        return render(request, "datasets/partials/hits_near.html", {"threshold": None})
    n_hits, above, below = count_hits(columns, threshold)
    context = {"dataset": dataset, "threshold": threshold, "n_hits": n_hits, "n_frames": columns.n_frames}
    context |= {"above": above, "below": below, "percent": 100 * n_hits / max(columns.n_frames, 1)}
    return render(request, "datasets/partials/hits_near.html", context)


@login_required
@require_POST
def hits_save(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Set the threshold of hits; without a number it is automatic again."""
    dataset = get_for(request.user, Dataset.objects.select_related("group"), pk=pk)
    require_writer(request.user, dataset.group)
    text = "" if "automatic" in request.POST else request.POST.get("threshold", "")
    threshold = _number(text)
    if text.strip() and threshold is None:
        messages.error(
            request, "The threshold is no number of pixels. Give one from 0 on, or choose automatic."
        )
    else:
        saved = save_threshold(dataset=dataset, threshold=threshold, user=request.user)
        messages.success(request, f"Hits: {saved}." if threshold is None else f"A hit has at least {saved}.")
    return redirect("portal:dataset-detail", pk=pk)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= 1e12 else None
