"""Live sessions: the list with the form that starts one, the page of one, stop and resume."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.accounts.models import Group
from webapp.live.forms import StartSessionForm
from webapp.live.models import LiveSession
from webapp.live.selectors import session_report
from webapp.live.services import resume_session, start_session, stop_session
from webapp.manifests.ranges import serve_file

N_LISTED = 100
_DETAILS = ("group", "network__dataset", "reference__dataset", "job", "created_by")


@login_required
@require_http_methods(["GET", "POST"])
def session_list(request: HttpRequest) -> HttpResponse:
    """Show the sessions of my groups, and start one."""
    can_write = Group.objects.writable_by(request.user).exists()
    if request.method == "POST" and not can_write:
        raise PermissionDenied("You are a viewer; ask an owner of your group to start a session.")
    form = StartSessionForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        session = start_session(user=request.user, **form.cleaned_data)
        return redirect("live:session-detail", pk=session.pk)
    found = LiveSession.objects.for_user(request.user).select_related(*_DETAILS).distinct()[:N_LISTED]
    context = {
        "reports": [session_report(session) for session in found],
        "form": form if can_write else None,
        "has_sorter": can_write and form.fields["sorter"].queryset.exists(),
        "roots": settings.ALLOWED_ROOTS,
    }
    status = 422 if form.is_bound else 200
    return render(request, "live/session_list.html", context, status=status)


@login_required
@require_GET
def session_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one session; a poll of the page gets its report alone."""
    session = get_for(request.user, LiveSession.objects.select_related(*_DETAILS), pk=pk)
    can_write = Group.objects.writable_by(request.user).filter(pk=session.group_id).exists()
    is_poll = request.headers.get("HX-Request") == "true"
    template = "live/partials/session_report.html" if is_poll else "live/session_detail.html"
    context = {"session": session, "report": session_report(session), "can_write": can_write}
    return render(request, template, context)


@login_required
@require_POST
def session_stop(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop watching."""
    session = get_for(request.user, LiveSession.objects.select_related("group", "job"), pk=pk)
    require_writer(request.user, session.group)
    stop_session(session=session)
    messages.info(request, f"“{session.name}” stops when the frames at hand are sorted.")
    return redirect("live:session-detail", pk=pk)


@login_required
@require_POST
def session_resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Watch on."""
    session = get_for(request.user, LiveSession.objects.select_related("group"), pk=pk)
    require_writer(request.user, session.group)
    resume_session(session=session, user=request.user)
    return redirect("live:session-detail", pk=pk)


@login_required
@require_GET
def session_ledger(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Return the ledger as it is now."""
    session = get_for(request.user, LiveSession.objects, pk=pk)
    return serve_file(request, session.folder / "ledger.jsonl", name=f"ledger-{session.pk}.jsonl")


@login_required
@require_GET
def session_thumbnail(request: HttpRequest, pk: UUID, number: int) -> FileResponse:
    """Return the picture of the frame in row `number` of the ledger; it never changes."""
    session = get_for(request.user, LiveSession.objects, pk=pk)
    try:
        file = (session.folder / "thumbnails" / f"{number}.webp").open("rb")
    except OSError as error:
        raise Http404("The picture is no longer kept.") from error
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return FileResponse(file, content_type="image/webp", headers=headers)
