"""Look again at the files of a data set, or look for them elsewhere."""

from pathlib import Path
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.datasets.browse import PathRefused
from webapp.datasets.expand import check_sources
from webapp.datasets.models import Dataset
from webapp.datasets.relink import look_again


def _find(request: HttpRequest, pk: UUID) -> Dataset:
    dataset = get_for(request.user, Dataset.objects.select_related("group").filter(is_draft=False), pk=pk)
    require_writer(request.user, dataset.group)
    return dataset


@login_required
@require_POST
def dataset_look_again(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Look at the same files again, and at those that have come to their folder since."""
    dataset = _find(request, pk)
    known = [Path(file.path) for file in dataset.source_files.all()]
    is_upload = dataset.source_files.filter(is_upload=True).exists()
    try:
        found = known if is_upload or dataset.moved else check_sources(dataset.asked_for)
    except PathRefused as error:
        messages.error(request, f"{error} If the files were moved, say below where they lie now.")
        return redirect("portal:dataset-detail", pk=pk)
    return _look(request, dataset, list(dict.fromkeys([*known, *found])))


@login_required
@require_POST
def dataset_relink(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Look for the frames of the data set in other files."""
    dataset = _find(request, pk)
    lines = [line.strip() for line in request.POST.get("paths", "").splitlines() if line.strip()]
    try:
        paths = check_sources(lines)
    except PathRefused as error:
        messages.error(request, str(error))
        return redirect("portal:dataset-detail", pk=pk)
    if not paths:
        messages.error(request, "Say where the files lie now: one full path in each line.")
        return redirect("portal:dataset-detail", pk=pk)
    return _look(request, dataset, paths)


def _look(request: HttpRequest, dataset: Dataset, paths: list[Path]) -> HttpResponse:
    missing = [path for path in paths if not path.is_file()]
    if missing:
        messages.error(request, f"{missing[0]} is not there. If it was moved, say below where it lies now.")
        return redirect("portal:dataset-detail", pk=dataset.pk)
    look_again(dataset=dataset, paths=paths, user=request.user)
    messages.info(request, "A worker looks into the files. What it finds is said on this page.")
    return redirect("portal:dataset-detail", pk=dataset.pk)
