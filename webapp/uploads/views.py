"""Sets of uploads on a page: how far one is, what is unfinished, take one back."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.uploads.finish import finish_soon
from webapp.uploads.models import UploadSet
from webapp.uploads.selectors import state_of, unfinished_sets
from webapp.uploads.services import expect_files, remove_set


def _get_set(request: HttpRequest, pk: UUID) -> UploadSet:
    upload_set = get_for(request.user, UploadSet.objects.select_related("group"), pk=pk)
    require_writer(request.user, upload_set.group)
    return upload_set


@login_required
@require_POST
def set_finish(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Say how far a set is; what has all its files and lies idle is finished now."""
    upload_set = _get_set(request, pk)
    if (files := request.POST.get("files", "")).isdecimal():
        expect_files(upload_set=upload_set, n_files=int(files))
    state = state_of(upload_set)
    if state["state"] == "checking" or (state["state"] == "trouble" and "again" in request.POST):
        UploadSet.objects.filter(pk=pk).update(trouble="")
        finish_soon(upload_set)
        state = {"state": "checking"}
    return JsonResponse(state)


@login_required
@require_POST
def set_remove(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take back a set that is no data set yet."""
    upload_set = _get_set(request, pk)
    if upload_set.dataset_id is None:
        remove_set(upload_set=upload_set)
    return _list(request)


@login_required
@require_GET
def set_list(request: HttpRequest) -> HttpResponse:
    """Show what is unfinished."""
    return _list(request)


def _list(request: HttpRequest) -> HttpResponse:
    return render(request, "uploads/partials/unfinished.html", {"unfinished": unfinished_sets(request.user)})
