"""Home, group, data set and help: the pages that bring the other rooms together."""

import logging
import secrets
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.accounts.models import Group
from webapp.datasets.models import Dataset
from webapp.portal.demo import NAME
from webapp.portal.line import PLACES
from webapp.portal.selectors import dataset_facts, history_of, home_rows, needs_me, newest_recipe
from webapp.portal.services import sort_dataset
from webapp.portal.templatetags.line import line_context
from webapp.portal.tour import tour_for

logger = logging.getLogger(__name__)


@login_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show the data sets of my groups, and what needs me."""
    rows, needs = home_rows(request.user), needs_me(request.user)
    context = {
        "rows": rows,
        "needs": needs,
        "is_moving": any(row.is_moving for row in rows) or any(run.is_moving for _, run in needs["drafts"]),
        "can_register": Group.objects.writable_by(request.user).exists(),
        "tour": tour_for(request.user) if any(row.dataset.name == NAME for row in rows) else None,
    }
    return render(request, "portal/home.html", context)


@login_required
@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    """Explain the line, each part of it and the keys."""
    return render(request, "portal/help.html", {"tour": tour_for(request.user)})


@login_required
@require_GET
def group_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show who belongs to a group, and its data sets."""
    group = get_for(request.user, Group.objects, pk=pk)
    context = {
        "group": group,
        "memberships": group.memberships.select_related("user").order_by("role", "user__username"),
        "rows": home_rows(request.user, group=group),
    }
    return render(request, "portal/group_detail.html", context)


@login_required
@require_GET
def dataset_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the Data step: what the frames are, and what they look like."""
    dataset = get_for(request.user, Dataset.objects.select_related("group"), pk=pk)
    if dataset.is_draft:
        return redirect("datasets:dataset-draft", pk=pk)
    context = {
        "dataset": dataset,
        **dataset_facts(dataset),
        "history": history_of(dataset),
        "can_write": Group.objects.writable_by(request.user).filter(pk=dataset.group_id).exists(),
    }
    return render(request, "portal/dataset_detail.html", context)


@login_required
@require_GET
def dataset_line(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer the poll of the line; the fragment asks again only while something moves."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    names = {place.name for place in PLACES}
    here = request.GET.get("here", "data")
    was = request.GET.get("was", "")
    context = line_context(dataset, here if here in names else "data", request.user, was)
    return render(request, "portal/partials/line.html", context)


@login_required
@require_POST
def dataset_sort(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Submit all that is left between the source and the manifest."""
    dataset = get_for(request.user, Dataset.objects.select_related("group"), pk=pk)
    require_writer(request.user, dataset.group)
    if dataset.is_draft:
        messages.warning(request, "Confirm first which frames belong to this data set.")
        return redirect("datasets:dataset-draft", pk=pk)
    line = sort_dataset(dataset=dataset, recipe=newest_recipe(dataset), user=request.user)
    n_jobs = sum(1 for handle in line.handles if handle.job)
    if n_jobs:
        messages.success(
            request, f"{n_jobs} job{'s' if n_jobs > 1 else ''} on the way. You may leave this page."
        )
    else:
        messages.info(request, "Everything is done already: the newest results are up to date.")
    return redirect("portal:dataset-detail", pk=pk)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a fault of the portal with a number that stands in the log, too."""
    request_id = secrets.token_hex(6)
    logger.error(
        "Request %s: %s %s ended in the fault logged above.", request_id, request.method, request.path
    )
    return render(request, "500.html", {"request_id": request_id}, status=500)
