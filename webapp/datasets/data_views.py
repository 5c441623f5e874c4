"""Masks, centre and recipe of a data set: preview, condense with another recipe, choose the current one."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for
from webapp.accounts.models import Group
from webapp.datasets.lineage import choose_condensation, newest
from webapp.datasets.masks import MaskError, read_bits, save_mask, words_of
from webapp.datasets.models import Dataset
from webapp.datasets.preview import pattern_facts, read_reasons, reason_rows
from webapp.datasets.recipe_forms import RecipeForm
from webapp.datasets.recipes import read_geometry, recipe_words
from webapp.datasets.refresh import refresh_of
from webapp.datasets.sent import writable_dataset
from webapp.datasets.services import condense_again, plan_condensation
from webapp.jobs.again import asked_before, recipe_of
from webapp.jobs.models import Job, Product
from webapp.jobs.services import Handle

_FOREVER = "private, max-age=31536000, immutable"


@login_required
@require_GET
def dataset_recipe(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show masks and centre over the patterns, and the recipe by which frames are condensed."""
    return _recipe_page(request, _find(request, pk))


def _recipe_page(
    request: HttpRequest, dataset: Dataset, form: RecipeForm | None = None, status: int = 200
) -> HttpResponse:
    """Show the page with the recipe of the current condensation, or with what was typed and refused."""
    condensation, index = newest(dataset, "condense"), newest(dataset, "index")
    again = asked_before(request, dataset, "condense")
    recipe = condensation.params.get("recipe", {}) if condensation else {}
    recipe = recipe_of(again) if again else recipe
    facts = pattern_facts(dataset, index, condensation)
    context = {
        "dataset": dataset,
        "index": index,
        "condensation": condensation,
        "form": form or RecipeForm(dataset=dataset, initial=recipe),
        "again": again,
        "masks": [(mask, words_of(mask)) for mask in dataset.masks.select_related("created_by")],
        "reasons": reason_rows(condensation),
        "done": read_geometry(condensation.folder).get("done", []) if condensation else [],
        "can_write": Group.objects.writable_by(request.user).filter(pk=dataset.group_id).exists(),
        "page": facts,
        "refresh": refresh_of(dataset),
    }
    return render(request, "datasets/dataset_recipe.html", context, status=status)


@login_required
@require_GET
def data_refresh(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer the poll of the Data page or of the recipe page; it ends where nothing is on its way."""
    dataset = _find(request, pk)
    refresh = refresh_of(dataset)
    context = {"dataset": dataset, "refresh": refresh, "has_news": request.GET.get("was") != refresh.state}
    page = "recipe" if request.GET.get("page") == "recipe" else "data"
    return render(request, f"datasets/partials/{page}_refresh.html", context)


@login_required
@require_POST
def recipe_plan(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask a worker what a recipe would mask and where it would put the centre; answer with the preview."""
    dataset = writable_dataset(request, pk)
    form = RecipeForm(request.POST, dataset=dataset)
    parents = _parents(dataset)
    if parents is None or not form.is_valid():
        return render(request, "datasets/partials/recipe_preview.html", {"form": form, "dataset": dataset})
    handle = plan_condensation(dataset=dataset, recipe=form.recipe(), user=request.user, **parents)
    return _preview(request, handle.id)


@login_required
@require_GET
def recipe_preview(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answer the poll of a preview."""
    return _preview(request, pk)


def _preview(request: HttpRequest, plan: UUID) -> HttpResponse:
    """Show what a plan says, or how far the job is that makes it."""
    product = Product.objects.for_user(request.user).filter(kind="plan", pk=plan).first()
    job = Job.objects.for_user(request.user).filter(kind="plan", result_id=plan).first()
    if product is None and job is None:
        raise Http404
    found = read_geometry(product.folder) if product else {}
    context = {"plan": plan, "product": product, "job": job, "reasons": reason_rows(product)}
    context |= {"done": found.get("done", []), "centre": found.get("centre")}
    return render(request, "datasets/partials/recipe_preview.html", context)


@login_required
@require_POST
def dataset_condense(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Condense with the recipe of the form; what was condensed before stays."""
    dataset = writable_dataset(request, pk)
    form = RecipeForm(request.POST, dataset=dataset)
    parents = _parents(dataset)
    if parents is None:
        messages.warning(request, "The frames are not indexed yet; sort this data set first.")
        return redirect("datasets:dataset-recipe", pk=pk)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, " ".join(errors))
        return _recipe_page(request, dataset, form, status=422)
    recipe = form.recipe()
    handle = condense_again(dataset=dataset, recipe=recipe, user=request.user, **parents)
    words = recipe_words(recipe, {mask.sha256: mask for mask in dataset.masks.all()})
    if handle.job:
        messages.success(
            request,
            f"Condensing with: {words}. The old result stays; the new one is current once it is there.",
        )
    else:
        messages.info(request, f"Condensed in this way before ({words}); that one is current again.")
    return redirect("portal:dataset-detail", pk=pk)


@login_required
@require_POST
def condensation_choose(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Let what follows go on from one of the condensations."""
    dataset = writable_dataset(request, pk)
    try:
        current = UUID(request.POST.get("current", ""))
    except ValueError:
        messages.warning(request, "Choose one of the condensations first.")
        return redirect("portal:dataset-detail", pk=pk)
    product = get_for(request.user, Product.objects.filter(dataset=dataset, kind="condense"), pk=current)
    choose_condensation(dataset=dataset, condensation=product.pk)
    messages.success(
        request, "What follows goes on from this condensation; steps made from another are stale."
    )
    return redirect("portal:dataset-detail", pk=pk)


@login_required
@require_POST
def mask_save(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Keep a drawn mask, one bit a pixel, as a new version."""
    dataset = writable_dataset(request, pk)
    try:
        mask = save_mask(
            dataset=dataset, bits=request.body, note=request.GET.get("note", ""), user=request.user
        )
    except RequestDataTooBig:
        return JsonResponse({"error": "The mask is larger than the portal takes."}, status=413)
    except MaskError as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse(
        {"version": mask.version, "sha256": mask.sha256, "n": mask.n_masked, "words": words_of(mask)}
    )


@login_required
@require_GET
def mask_bits(request: HttpRequest, pk: UUID, version: int) -> HttpResponse:
    """Send a drawn mask, one bit a pixel."""
    mask = _find(request, pk).masks.filter(version=version).first()
    if mask is None:
        raise Http404
    response = HttpResponse(read_bits(mask), content_type="application/octet-stream")
    response["Cache-Control"] = _FOREVER
    return response


@login_required
@require_GET
def mask_reasons(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send why each pixel of the pattern's picture is masked, one byte a pixel of the picture."""
    products = Product.objects.filter(kind__in=("plan", "condense")).defer("files")
    reasons = read_reasons(get_for(request.user, products, pk=pk).folder)
    if reasons is None:
        raise Http404
    response = HttpResponse(reasons.tobytes(), content_type="application/octet-stream")
    response["Cache-Control"] = _FOREVER
    return response


def _find(request: HttpRequest, pk: UUID) -> Dataset:
    return get_for(request.user, Dataset.objects.select_related("group"), pk=pk)


def _parents(dataset: Dataset) -> dict[str, Handle] | None:
    source, index = newest(dataset, "inspect"), newest(dataset, "index")
    if source is None or index is None:
        return None
    return {"source": Handle.of(index.input("source")), "index": Handle.of(index)}
