"""The registry: the table of networks, and what people say of one."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.access import get_for, require_writer
from webapp.accounts.models import Group
from webapp.jobs.models import Product
from webapp.networks.describe import archive_network, describe_network
from webapp.networks.registry import PER_PAGE, SORTS, STATES, Wish, datasets_of, rows_for, tell_uses
from webapp.networks.selectors import KIND_WORDS, KINDS


@login_required
@require_GET
def network_list(request: HttpRequest) -> HttpResponse:
    """Show the networks of my groups that are asked for."""
    wish = Wish.of(request.GET)
    found = rows_for(request.user, wish)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    tell_uses(rows)
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "wish": wish,
        "rows": rows,
        "page": page,
        "n_found": len(found),
        "query": query.urlencode(),
        "kinds": KIND_WORDS.items(),
        "states": STATES.items(),
        "sorts": SORTS.items(),
        "datasets": datasets_of(request.user),
        "import_groups": Group.objects.writable_by(request.user),
    }
    return render(request, "networks/network_list.html", context)


@login_required
@require_POST
def network_describe(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give a network a name and a note."""
    network = writable_network(request, pk)
    given = {name: request.POST.get(name, "") for name in ("name", "note")}
    describe_network(network=network, user=request.user, **given)
    messages.success(request, "Name and note are kept.")
    return redirect("networks:network-detail", pk=pk)


@login_required
@require_POST
def network_archive(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Offer a network no more, or again."""
    network, is_archived = writable_network(request, pk), request.POST.get("archived", "1") == "1"
    archive_network(network=network, is_archived=is_archived, user=request.user)
    words = "is archived: it is kept, but not offered any more" if is_archived else "is offered again"
    messages.success(request, f"The network {words}.")
    return redirect("networks:network-detail", pk=pk)


def writable_network(request: HttpRequest, pk: UUID) -> Product:
    """Return a network that the person may say something of; 404 to strangers, 403 to viewers."""
    networks = Product.objects.filter(kind__in=KINDS).select_related("group", "dataset")
    network = get_for(request.user, networks, pk=pk)
    require_writer(request.user, network.group)
    return network
