"""Thumbnails, many by one request: sheets of neighbours, and frames picked from everywhere."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from webapp.accounts.access import get_for
from webapp.explore.sheets import draw_picked, draw_sheet
from webapp.jobs.models import Product

MOST_PICKED = 64


@login_required
@require_GET
def sheet(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """Send a sheet of 256 thumbnails; the browser keeps it."""
    return _answer(draw_sheet(_condensation(request, pk).folder, number))


@login_required
@require_GET
def picked_frames(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send the thumbnails of `frames=812,9,4711`, at most 64, eight a row; the browser keeps them."""
    product = _condensation(request, pk)
    try:
        frames = tuple(int(number) for number in request.GET.get("frames", "").split(","))
    except ValueError as error:
        raise Http404 from error
    return _answer(draw_picked(product.folder, frames) if len(frames) <= MOST_PICKED else None)


def _condensation(request: HttpRequest, pk: UUID) -> Product:
    return get_for(request.user, Product.objects.filter(kind="condense").defer("files"), pk=pk)


def _answer(picture: bytes | None) -> HttpResponse:
    if picture is None:
        raise Http404
    response = HttpResponse(picture, content_type="image/jpeg")
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response
