"""Notices: the list, the poll of every page, what is read, and which mails a person wants."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.notices.forms import WishForm
from webapp.notices.selectors import newest_unread, notices_of
from webapp.notices.services import mark_read, save_wish


@login_required
@require_GET
def notice_list(request: HttpRequest) -> HttpResponse:
    """Show what has ended."""
    notices = notices_of(request.user)
    unread = any(notice.read_at is None for notice in notices)
    return render(request, "notices/notice_list.html", {"notices": notices, "has_unread": unread})


@login_required
@require_GET
def notice_state(request: HttpRequest) -> JsonResponse:
    """Answer the poll of a page: how many are unread, and the newest of them."""
    return JsonResponse(newest_unread(request.user), headers={"Cache-Control": "no-store"})


@login_required
@require_POST
def notice_read(request: HttpRequest) -> HttpResponse:
    """Mark one notice as read, or all up to a number."""
    one, up_to = (_number(request.POST.get(name, "")) for name in ("notice", "up_to"))
    n = mark_read(user=request.user, notice=one, up_to=up_to)
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"n": n})
    return redirect("notices:list")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@login_required
@require_http_methods(["GET", "POST"])
def notice_settings(request: HttpRequest) -> HttpResponse:
    """Say which mails to send, and where to."""
    form = WishForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        save_wish(user=request.user, **form.cleaned_data)
        messages.success(request, "Your wishes about mails are kept.")
        return redirect("notices:settings")
    context = {"form": form, "has_server": bool(settings.EMAIL_HOST)}
    return render(request, "notices/settings.html", context, status=422 if form.errors else 200)
