"""Register data sets: browse, dry run, confirm or discard."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.accounts.models import Group
from webapp.datasets.browse import PathRefused, allowed_roots, list_folder
from webapp.datasets.drafts import choose_frames, confirm_draft, discard_draft, dry_run_of
from webapp.datasets.forms import ChooseForm, RegisterForm
from webapp.datasets.models import Dataset
from webapp.datasets.services import inspect_source, register_dataset
from webapp.datasets.source_files import MOST_SHOWN


def _register_page(request: HttpRequest, status: int = 200, **forms: Any) -> HttpResponse:
    context = {
        "form": forms.get("form") or RegisterForm(user=request.user),
        "roots": allowed_roots(),
        "can_register": Group.objects.writable_by(request.user).exists(),
    }
    return render(request, "datasets/dataset_register.html", context, status=status)


def _require_some_group(request: HttpRequest) -> None:
    if not Group.objects.writable_by(request.user).exists():
        raise PermissionDenied("You may look but not register. Ask an owner of your group.")


def _open_draft(request: HttpRequest, **fields: Any) -> Dataset:
    require_writer(request.user, fields["group"])
    dataset = register_dataset(user=request.user, **fields)
    inspect_source(dataset=dataset, user=request.user)
    return dataset


@login_required
@require_http_methods(["GET", "POST"])
def dataset_register(request: HttpRequest) -> HttpResponse:
    """Register files where they lie."""
    if request.method == "GET":
        return _register_page(request)
    _require_some_group(request)
    form = RegisterForm(request.POST, user=request.user)
    if not form.is_valid():
        return _register_page(request, 422, form=form)
    asked_for = [line.strip() for line in request.POST["paths"].splitlines() if line.strip()]
    dataset = _open_draft(request, **form.cleaned_data, asked_for=asked_for)
    return redirect("datasets:dataset-draft", pk=dataset.pk)


@login_required
@require_GET
def folder_browse(request: HttpRequest) -> HttpResponse:
    """Show what an allowed folder holds; without a folder, the allowed roots."""
    context: dict[str, Any] = {"roots": allowed_roots()}
    if path := request.GET.get("path", ""):
        try:
            context["listing"] = list_folder(path)
        except PathRefused as error:
            context["error"] = str(error)
    return render(request, "datasets/partials/listing.html", context)


def _get_draft(request: HttpRequest, pk: UUID) -> Dataset:
    dataset = get_for(request.user, Dataset.objects.select_related("group").filter(is_draft=True), pk=pk)
    require_writer(request.user, dataset.group)
    return dataset


@login_required
@require_GET
def dataset_draft(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what the dry run found; a poll of the page gets that part alone."""
    dataset = get_for(request.user, Dataset.objects.select_related("group"), pk=pk)
    is_poll = request.headers.get("HX-Request") == "true"
    if not dataset.is_draft and not is_poll:
        return redirect("portal:dataset-detail", pk=pk)
    context = {
        "dataset": dataset,
        "run": dry_run_of(dataset),
        "source_files": list(dataset.source_files.all()[:MOST_SHOWN]),
        "n_files": dataset.source_files.count(),
        "can_write": Group.objects.writable_by(request.user).filter(pk=dataset.group_id).exists(),
    }
    template = "datasets/partials/dry_run.html" if is_poll else "datasets/dataset_draft.html"
    return render(request, template, context)


@login_required
@require_POST
def dataset_choose(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Look at another HDF5 path of the draft's files."""
    dataset = _get_draft(request, pk)
    form = ChooseForm(request.POST, candidates=dry_run_of(dataset).candidates)
    if form.is_valid():
        choose_frames(dataset=dataset, dataset_path=form.cleaned_data["dataset_path"], user=request.user)
    else:
        messages.error(request, "These frames are not among those that were found.")
    return redirect("datasets:dataset-draft", pk=pk)


@login_required
@require_POST
def dataset_confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Make the draft a data set; with `then=sort` the whole line follows."""
    dataset = _get_draft(request, pk)
    if dry_run_of(dataset).product is None:
        messages.error(request, "The look into the files has to end first.")
        return redirect("datasets:dataset-draft", pk=pk)
    confirm_draft(dataset=dataset, user=request.user)
    if request.POST.get("then") == "sort":
        return redirect("portal:dataset-sort", pk=pk, preserve_request=True)
    messages.success(request, f"“{dataset.name}” is registered. Its frames are being indexed.")
    return redirect("portal:dataset-detail", pk=pk)


@login_required
@require_POST
def dataset_discard(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Delete a draft; source files stay as they are, only an uploaded copy goes."""
    dataset = _get_draft(request, pk)
    discard_draft(dataset=dataset)
    messages.info(request, f"The draft “{dataset.name}” is gone.")
    return redirect("portal:home")
