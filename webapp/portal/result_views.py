"""Results beside one another: two of them in a cross table, and all runs of a data set in a table."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from webapp.accounts.access import get_for
from webapp.datasets.models import Dataset
from webapp.portal.compare import address_of_scope, comparison_page
from webapp.portal.run_table import N_A_PAGE, csv_lines, run_table, sortable_groups, sorted_rows

HEADS = (
    ("run", ""),
    ("frames", "Frames"),
    ("hits", "Hits"),
    ("rate", "Hit rate"),
    ("photons", "Mean photons"),
)


@login_required
@require_GET
def dataset_compare(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Set two results against each other."""
    dataset = _dataset(request, pk)
    by_column = request.GET.get("by") == "column"
    first, second = request.GET.get("a", ""), request.GET.get("b", "")
    context = comparison_page(dataset, first, second, by_column=by_column)
    return render(request, "portal/dataset_compare.html", {"dataset": dataset, **context})


@login_required
@require_GET
def dataset_runs(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a row for each run."""
    dataset = _dataset(request, pk)
    table = run_table(dataset)
    context: dict[str, Any] = {"dataset": dataset, "table": table}
    if table:
        sort, order = request.GET.get("sort", "run"), request.GET.get("order", "")
        page = Paginator(sorted_rows(table, sort, descending=order == "down"), N_A_PAGE)
        page = page.get_page(request.GET.get("page", ""))
        clusters = reverse("explore:dataset-clusters", args=[pk])
        context |= {
            "page": page,
            "rows": [(row, address_of_scope(clusters, {"run": row.number})) for row in page],
            "heads": [_head(name, words or table.title, sort, order) for name, words in HEADS],
            "sort": sort,
            "order": order,
            "groups": sortable_groups(table),
            "kinds": [(kind, grouping.title) for kind, grouping in table.groupings.items()],
        }
    return render(request, "portal/dataset_runs.html", context)


def _head(name: str, words: str, sort: str, order: str) -> dict[str, str]:
    """Return a column's heading: the address that sorts by it, and how it is sorted now."""
    is_sorted = name == sort
    turned = "" if is_sorted and order == "down" else "down"
    if name == "run":
        turned = "down" if is_sorted and order != "down" else ""
    state = ("descending" if order == "down" else "ascending") if is_sorted else ""
    return {"name": name, "words": words, "state": state, "query": urlencode({"sort": name, "order": turned})}


@login_required
@require_GET
def dataset_runs_csv(request: HttpRequest, pk: UUID) -> StreamingHttpResponse:
    """Download the table of runs."""
    dataset = _dataset(request, pk)
    table = run_table(dataset)
    if table is None:
        raise Http404("The frames are not indexed yet.")
    stem = "".join(letter if letter.isalnum() else "-" for letter in dataset.name).strip("-") or "fringe"
    headers = {"Content-Disposition": f'attachment; filename="{_ascii(stem)}-runs.csv"'}
    return StreamingHttpResponse(csv_lines(table), content_type="text/csv; charset=utf-8", headers=headers)


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode().replace("?", "-")


def _dataset(request: HttpRequest, pk: UUID) -> Dataset:
    return get_for(request.user, Dataset.objects.select_related("group"), pk=pk)
