"""Jobs: the list, the page of one, cancel and retry; and the images that products hold."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.accounts.models import Group
from webapp.jobs.listing import JobFilter, choices_of, page_of_jobs
from webapp.jobs.models import Job, Product
from webapp.jobs.resume import start_over
from webapp.jobs.services import cancel_job, retry_job
from webapp.jobs.status import job_status, rows_of

IMAGES = ("mean.png", "max.png", "preview.png", "reconstructions.png", "traversals.png")


@login_required
@require_GET
def job_list(request: HttpRequest) -> HttpResponse:
    """Show the jobs of my groups; a poll of the page gets the table alone."""
    wanted = JobFilter.read(request.GET)
    page = page_of_jobs(request.user, wanted, request.GET.get("page", ""))
    number = page.number if page.number > 1 else ""
    context = {
        "rows": rows_of(page),
        "page": page,
        "wanted": wanted,
        "writable": set(Group.objects.writable_by(request.user).values_list("pk", flat=True)),
        "list_url": request.path + wanted.query(page=number),
        "poll_url": request.path + wanted.query(page=number, since=wanted.since.isoformat()),
        "previous_url": wanted.query(page=page.number - 1) if page.has_previous() else "",
        "next_url": wanted.query(page=page.number + 1) if page.has_next() else "",
        "is_moving": any(job.is_active for job in page),
    }
    if request.headers.get("HX-Request") == "true":
        return render(request, "jobs/partials/job_table.html", context)
    return render(request, "jobs/job_list.html", context | choices_of(request.user))


@login_required
@require_GET
def job_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one job; a poll of the page gets its state alone."""
    job = get_for(request.user, Job.objects.select_related("dataset", "group", "created_by"), pk=pk)
    is_poll = request.headers.get("HX-Request") == "true"
    template = "jobs/partials/job_status.html" if is_poll else "jobs/job_detail.html"
    return render(request, template, job_status(job, request.user))


@login_required
@require_GET
def job_curve(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Return the points of the live curve."""
    job = get_for(request.user, Job.objects, pk=pk)
    return JsonResponse({"points": job.curve, "is_active": job.is_active})


@login_required
@require_POST
def job_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop a job."""
    job = get_for(request.user, Job.objects.select_related("group"), pk=pk)
    require_writer(request.user, job.group)
    cancel_job(job=job)
    messages.info(request, f"“{job.kind_of.title}” stops at the next opportunity.")
    return _back(request, job)


@login_required
@require_POST
def job_retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Queue a failed or cancelled job again."""
    job = get_for(request.user, Job.objects.select_related("group"), pk=pk)
    require_writer(request.user, job.group)
    retry_job(job=job)
    messages.success(request, f"“{job.kind_of.title}” is queued again; what was finished is kept.")
    return _back(request, job)


@login_required
@require_POST
def job_start_over(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Queue a failed or cancelled training again, without its checkpoint."""
    job = get_for(request.user, Job.objects.select_related("group"), pk=pk)
    require_writer(request.user, job.group)
    start_over(job=job)
    messages.success(request, f"“{job.kind_of.title}” is queued again and starts from its beginning.")
    return _back(request, job)


def _back(request: HttpRequest, job: Job) -> HttpResponse:
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        return redirect(target)
    return redirect("jobs:job-detail", pk=job.pk)


@login_required
@require_GET
def product_image(request: HttpRequest, pk: UUID, name: str) -> FileResponse:
    """Return an image of a product; products never change, so the browser may keep it."""
    product = get_for(request.user, Product.objects, pk=pk)
    if name not in IMAGES or name not in product.files:
        raise Http404("The product has no such image.")
    try:
        file = product.path(name).open("rb")
    except OSError as error:
        raise Http404("The image is no longer on the disk.") from error
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return FileResponse(file, content_type="image/png", headers=headers)
