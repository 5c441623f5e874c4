"""The tus server: creation, how far an upload is, its next bytes, its end."""

import errno
import logging
import re
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.urls import reverse

from webapp.accounts.access import get_for, require_writer
from webapp.accounts.models import Group
from webapp.uploads import protocol
from webapp.uploads.admission import UploadRefused, check_disk
from webapp.uploads.finish import finish_soon, is_complete
from webapp.uploads.hanging import hang_up, listening
from webapp.uploads.models import Upload
from webapp.uploads.receive import ChecksumMismatch, CutOff, receive
from webapp.uploads.services import Offer, begin_upload, keep_longer, remove_upload
from webapp.uploads.storage import TurnLost, WrongOffset

logger = logging.getLogger(__name__)


ELSEWHERE = "The upload is at another offset by now. Ask for it and go on from there."

DISK_FULL = "The server's disk is full. What has arrived is kept; ask the operator for space, then resume."


@protocol.tus_view("POST")
def upload_create(request: HttpRequest) -> HttpResponse:
    """Make room for a file."""
    size = protocol.read_number(request, "Upload-Length")
    told = protocol.read_metadata(request)
    group = _group_of(request, told)
    offer = _offer_of(told, size, request.headers.get("Upload-Metadata", ""))
    upload = begin_upload(group=group, user=request.user, offer=offer)
    where = reverse("uploads:upload-file", kwargs={"pk": upload.pk})
    return HttpResponse(status=201, headers={"Location": where} | protocol.expiry(upload.upload_set))


def _group_of(request: HttpRequest, told: dict[str, str]) -> Group:
    group = Group.objects.for_user(request.user).filter(pk=_uuid_of(told, "group")).first()
    if group is None:
        raise Http404
    require_writer(request.user, group)
    return group


def _offer_of(told: dict[str, str], size: int, metadata: str) -> Offer:
    filename, n_files = told.get("filename", "").strip(), told.get("n_files") or "1"
    sha256 = told.get("sha256", "").lower()
    if not 1 <= len(filename) <= 255:
        raise UploadRefused(422, "A file needs a name of at most 255 characters. Rename it.")
    if sha256 and not re.fullmatch("[0-9a-f]{64}", sha256):
        raise UploadRefused(400, "Upload-Metadata: sha256 must have 64 hexadecimal digits.")
    if not re.fullmatch("[0-9]{1,6}", n_files):
        raise UploadRefused(400, "Upload-Metadata: n_files must be a whole number.")
    set_id = _uuid_of(told, "set") if told.get("set") else None
    return Offer(filename, size, told.get("name", "").strip(), sha256, set_id, int(n_files), metadata)


def _uuid_of(told: dict[str, str], name: str) -> UUID:
    try:
        return UUID(told.get(name, ""))
    except ValueError as error:
        raise UploadRefused(400, f"Upload-Metadata: {name} must be the id of a {name}.") from error


@protocol.tus_view("HEAD", "PATCH", "DELETE")
def upload_file(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say how far an upload is, go on with it, or take it back."""
    rows = Upload.objects.select_related("upload_set__group")
    upload = get_for(request.user, rows, pk=pk)
    require_writer(request.user, upload.upload_set.group)
    _require_alive(upload)
    if request.method == "DELETE":
        _require_open(upload)
        hang_up(upload.pk)
        remove_upload(upload=upload)
        return HttpResponse(status=204)
    return _head(upload) if request.method == "HEAD" else _patch(request, upload)


def _require_alive(upload: Upload) -> None:
    if upload.upload_set.is_refused:
        raise UploadRefused(410, upload.upload_set.trouble)
    if upload.upload_set.is_expired or upload.received is None:
        raise UploadRefused(410, "Nothing came for this upload for days, so it was removed. Begin it again.")


def _require_open(upload: Upload) -> None:
    if upload.upload_set.dataset_id:
        raise UploadRefused(403, "This file belongs to a data set already. Discard that instead.")


def _head(upload: Upload) -> HttpResponse:
    """Tell the offset; who still writes loses the turn, so that the answer stays true."""
    hang_up(upload.pk)
    try:
        _, offset = upload.part.take_turn()
    except FileNotFoundError:  # it was moved into place
        offset = upload.size
    headers = {"Upload-Offset": str(offset), "Upload-Length": str(upload.size)}
    if upload.metadata:
        headers["Upload-Metadata"] = upload.metadata
    return HttpResponse(status=200, headers=headers | protocol.expiry(upload.upload_set))


def _patch(request: HttpRequest, upload: Upload) -> HttpResponse:
    _require_open(upload)
    if request.content_type != protocol.BODY_TYPE:
        raise UploadRefused(415, f"The Content-Type of a PATCH must be {protocol.BODY_TYPE}.")
    offset, length = protocol.read_number(request, "Upload-Offset"), _length_of(request)
    if offset != upload.received:
        raise UploadRefused(409, ELSEWHERE)
    if offset + length > upload.size:
        raise UploadRefused(413, "That is more than was said when the upload began. Begin it again.")
    checksum = protocol.read_checksum(request)
    check_disk(length if checksum else 0)  # a body with a checksum lies aside until it is verified
    hang_up(upload.pk)
    try:
        with listening(request, upload.pk):
            offset = receive(upload.part, read=request.read, offset=offset, length=length, checksum=checksum)
    except Exception as error:
        return _refusal_of(error, upload)
    keep_longer(upload=upload)
    upload.upload_set.refresh_from_db()
    if offset == upload.size and is_complete(upload.upload_set):
        finish_soon(upload.upload_set)
    headers = {"Upload-Offset": str(offset)} | protocol.expiry(upload.upload_set)
    return HttpResponse(status=204, headers=headers)


def _length_of(request: HttpRequest) -> int:
    if "Content-Length" not in request.headers:
        raise UploadRefused(411, "A PATCH must say its Content-Length; send the file in chunks.")
    return protocol.read_number(request, "Content-Length")


def _refusal_of(error: Exception, upload: Upload) -> HttpResponse:
    """Say what ended a PATCH; whether anybody still listens is not known."""
    match error:
        case WrongOffset() | TurnLost() | FileNotFoundError():
            return protocol.say(409, ELSEWHERE)
        case ChecksumMismatch():
            return HttpResponse("These bytes were damaged on their way; they are sent again.", status=460)
        case CutOff() | UnreadablePostError():
            keep_longer(upload=upload)
            return protocol.say(400, "The connection ended too early. Go on from its offset.")
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            logger.error("No space is left for upload %s.", upload.pk)
            return protocol.say(507, DISK_FULL)
    raise error
