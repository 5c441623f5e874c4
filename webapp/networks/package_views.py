"""Send a network to another facility as one file, and take one in."""

import tempfile
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.accounts.models import Group
from webapp.datasets.sent import SentError, read_uuid
from webapp.jobs.models import Product
from webapp.networks.describe import entry_of
from webapp.networks.import_network import import_network
from webapp.networks.package import PackageError, packed_name, write_package
from webapp.networks.selectors import KINDS

_IN_MEMORY = 8 << 20


@login_required
@require_GET
def network_package(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Download a network with its card and geometry as one zip."""
    networks = Product.objects.filter(kind__in=KINDS).select_related("dataset")
    network = get_for(request.user, networks, pk=pk)
    entry, out = entry_of(network), tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
    try:
        write_package(network, entry.note, str(entry), out)
    except OSError as error:
        out.close()
        raise Http404("The network is no longer on the disk.") from error
    out.seek(0)
    name = packed_name(str(entry))
    return FileResponse(out, as_attachment=True, filename=name, content_type="application/zip")


@login_required
@require_POST
def network_import(request: HttpRequest) -> HttpResponse:
    """Take a network in that was exported elsewhere."""
    if not Group.objects.writable_by(request.user).exists():
        raise PermissionDenied("You are a viewer; ask an owner of a group for the right to change things.")
    group, file = _group(request), request.FILES.get("package")
    if group is None or file is None:
        messages.error(request, "Choose a group of yours and a file that a registry of Fringe exported.")
        return redirect("networks:network-list")
    require_writer(request.user, group)
    try:
        network, is_new = import_network(group=group, file=file, user=request.user)
    except PackageError as error:
        messages.error(request, f"{file.name[:80]}: {error}")
        return redirect("networks:network-list")
    words = "The network is in the registry." if is_new else "This network was in the registry already."
    messages.success(request, words)
    return redirect("networks:network-detail", pk=network.pk)


def _group(request: HttpRequest) -> Group | None:
    try:
        named = read_uuid(request.POST, "group")
    except SentError:
        return None
    return Group.objects.for_user(request.user).filter(pk=named).first() if named else None
