"""tus 1.0 as HTTP: who may speak it, and what stands in its headers."""

import base64
import binascii
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from webapp.accounts.models import Group
from webapp.uploads.admission import UploadRefused
from webapp.uploads.models import UploadSet
from webapp.uploads.receive import ALGORITHMS, Checksum

VERSION = "1.0.0"
BODY_TYPE = "application/offset+octet-stream"
OPTIONS = {
    "Tus-Version": VERSION,
    "Tus-Extension": "creation,expiration,checksum,termination",
    "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
}
METADATA_CHARACTERS = 4000
View = Callable[..., HttpResponse]


def tus_view(*methods: str) -> Callable[[View], View]:
    """Let a view answer `methods` in the protocol; it gets requests of members who may write only."""

    def decorate(view: View) -> View:
        @csrf_exempt  # the check is in here, so that its refusal bears the protocol's header, too
        @wraps(view)
        def answer(request: HttpRequest, **values: Any) -> HttpResponse:
            if request.method == "POST" and "X-HTTP-Method-Override" in request.headers:
                request.method = request.headers["X-HTTP-Method-Override"].upper()
            response = _answer(request, methods, view, values)
            response["Tus-Resumable"] = VERSION
            response["Cache-Control"] = "no-store"
            return response

        return answer

    return decorate


def _answer(
    request: HttpRequest, methods: tuple[str, ...], view: View, values: dict[str, Any]
) -> HttpResponse:
    allow = {"Allow": ", ".join((*methods, "OPTIONS"))}
    if request.method == "OPTIONS":
        largest = {"Tus-Max-Size": str(settings.UPLOAD_LIMIT_BYTES)}
        return HttpResponse(status=204, headers=OPTIONS | largest | allow)
    if not request.user.is_authenticated:
        if "Tus-Resumable" not in request.headers:
            return redirect_to_login(request.get_full_path())
        return say(401, "You are signed out. Sign in again in another tab, then resume.")
    if request.method not in methods:
        return say(405, "This address does not understand that method.", **allow)
    if not Group.objects.writable_by(request.user).exists():
        return say(403, "You may look but not upload. Ask an owner of your group.")
    if request.method == "POST" and int(request.headers.get("Content-Length") or 0):
        return say(400, "A creation has no body; send the bytes with PATCH.")
    try:
        return _refusing(view)(request, **values)
    except Http404:
        return say(404, "There is no such upload. Begin it again.")


def _refusing(view: View) -> View:
    @csrf_protect
    def checked(request: HttpRequest, **values: Any) -> HttpResponse:
        try:
            if request.headers.get("Tus-Resumable") != VERSION:
                raise UploadRefused(412, f"Only version {VERSION} of tus is spoken here.")
            return view(request, **values)
        except PermissionDenied as error:
            return say(403, str(error))
        except UploadRefused as error:
            return say(error.status, str(error))

    return checked


def say(status: int, words: str, **headers: str) -> HttpResponse:
    """Answer with one line that the page shows as it is."""
    if status == 412:
        headers["Tus-Version"] = VERSION
    return HttpResponse(words, status=status, content_type="text/plain; charset=utf-8", headers=headers)


def expiry(upload_set: UploadSet) -> dict[str, str]:
    """Return the header that says until when an upload is kept."""
    return {"Upload-Expires": http_date(upload_set.expires_at.timestamp())}


def read_number(request: HttpRequest, name: str) -> int:
    """Return a header that must be a whole number."""
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise UploadRefused(400, f"The header {name} must be a whole number.")
    return int(text)


def read_metadata(request: HttpRequest) -> dict[str, str]:
    """Return the pairs of Upload-Metadata: `name base64,name base64`, where a value may be missing."""
    text = request.headers.get("Upload-Metadata", "")
    if len(text) > METADATA_CHARACTERS:
        raise UploadRefused(400, "Upload-Metadata is too long. Shorten the names.")
    found: dict[str, str] = {}
    for pair in text.split(",") if text else ():
        name, _, value = pair.strip().partition(" ")
        try:
            words = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise UploadRefused(400, f"Upload-Metadata: {name} is not UTF-8 in base64.") from error
        if not name or name in found or "\0" in words:
            raise UploadRefused(400, "Upload-Metadata: each name once, and no value with a zero.")
        found[name] = words
    return found


def read_checksum(request: HttpRequest) -> Checksum | None:
    """Return what Upload-Checksum says: `algorithm base64`."""
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _, value = text.partition(" ")
    if algorithm not in ALGORITHMS:
        raise UploadRefused(400, f"Upload-Checksum: the algorithms are {', '.join(ALGORITHMS)}.")
    try:
        digest = base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise UploadRefused(400, "Upload-Checksum: the checksum is not base64.") from error
    return Checksum(algorithm, digest)
