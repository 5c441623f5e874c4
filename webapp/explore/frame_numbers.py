"""Full-resolution numbers: a frame, the masks, and patterns over a choice of frames, raw or as NPY."""

import hashlib
import io
import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

import numpy as np
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.views.decorators.http import require_GET

from webapp.accounts.access import get_for
from webapp.datasets.columns import columns_of
from webapp.datasets.models import Dataset
from webapp.datasets.scopes import ScopeError
from webapp.explore.choices import choose_frames
from webapp.explore.frame_source import NO_SOURCE, FrameSourceError, Numbers, ask, dry_run_of_index
from webapp.explore.geometry import geometry_of
from webapp.jobs.models import Product

FOREVER = "private, max-age=31536000, immutable"
STATUS = {"source": 422, "request": 404}
MOST_BINNED = 64
PATTERNS = ("sum", "mean", "maximum")

View = Callable[..., HttpResponse]


def says_why_not(view: View) -> View:
    """Answer with one line of text where there are no numbers."""

    @wraps(view)
    def answer(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        try:
            return view(request, *arguments, **named)
        except FrameSourceError as error:
            return _line(str(error), STATUS.get(error.kind, 503))
        except ScopeError as error:
            return _line(str(error), 400)

    return answer


def _line(text: str, status: int) -> HttpResponse:
    response = HttpResponse(text, content_type="text/plain; charset=utf-8", status=status)
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_GET
@says_why_not
def frame_full(request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
    """Send one frame as it is in its file, or averaged over squares of pixels (`bin`)."""
    dataset, source = _find(request, pk)
    side = _whole(request, "bin", 1, MOST_BINNED)
    tag = _tag(dataset, source, index, side)
    if tag in request.headers.get("If-None-Match", ""):
        return _kept(HttpResponseNotModified(), request, source, tag)
    numbers = ask(dataset, source, "frame", index=index, bin=side, plain=True)
    response = _as_response(numbers)
    response["X-Frame-Type"] = numbers.facts["dtype_of_file"]
    return _kept(response, request, source, tag)


@login_required
@require_GET
@says_why_not
def frame_full_npy(request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
    """Send one frame in NumPy's format, in the type of its file."""
    dataset, source = _find(request, pk)
    return _as_npy(ask(dataset, source, "frame", index=index), f"frame-{index}-full.npy")


@login_required
@require_GET
@says_why_not
def detector_mask(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send the mask of the source file: one byte a pixel, 1 = masked; nothing where there is none."""
    dataset, source = _find(request, pk)
    tag = _tag(dataset, source, "mask")
    return _kept(_as_response(ask(dataset, source, "mask")), request, source, tag)


@login_required
@require_GET
def condensing_mask(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send the mask that frames were condensed with, in pixels of the detector: one byte each, 1 = masked."""
    product = get_for(request.user, Product.objects.filter(kind="condense").defer("files"), pk=pk)
    geometry = geometry_of(product.folder)
    if geometry is None:
        raise Http404
    masked = (~geometry.mask).astype(np.uint8)
    response = _as_response(Numbers(masked.tobytes(), masked.shape, "|u1", {}))
    response["Cache-Control"] = FOREVER
    return response


@login_required
@require_GET
@says_why_not
def frame_pattern(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send sum, mean or maximum (`what`) over a cluster, a class or frames by number: float64, or as NPY."""
    dataset, source = _find(request, pk)
    what = request.GET.get("what", "mean")
    if what not in PATTERNS:
        raise ScopeError(f"“{what}” is no pattern; there are {', '.join(PATTERNS)}.")
    columns = columns_of(dataset, clustering=_uuid(request, "clustering"))
    if columns is None:
        raise ScopeError("These clusters are not there any more. Load the page again.")
    frames, n_chosen = choose_frames(columns, request.GET)
    numbers = ask(dataset, source, "pattern", frames=frames, what=what)
    if request.GET.get("as") == "npy":
        return _as_npy(numbers, f"{what}-of-{numbers.facts['n_used']}-frames.npy")
    response = _as_response(numbers)
    response["X-Frames-Used"], response["X-Frames-Chosen"] = str(numbers.facts["n_used"]), str(n_chosen)
    response["Cache-Control"] = "private, max-age=3600"
    return response


def _find(request: HttpRequest, pk: UUID) -> tuple[Dataset, Product]:
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    named = _uuid(request, "of")
    source = dry_run_of_index(dataset, named)
    if source is None and named:
        raise Http404
    if source is None:
        raise FrameSourceError("source", NO_SOURCE)
    return dataset, source


def _uuid(request: HttpRequest, name: str) -> UUID | None:
    try:
        return UUID(request.GET[name]) if request.GET.get(name) else None
    except ValueError as error:
        raise Http404 from error


def _whole(request: HttpRequest, name: str, default: int, most: int) -> int:
    text = request.GET.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise Http404
    return int(text)


def _tag(dataset: Dataset, source: Product, *parts: object) -> str:
    where = json.dumps([str(source.pk), dataset.moved, *map(str, parts)], sort_keys=True)
    return f'"{hashlib.sha256(where.encode()).hexdigest()[:24]}"'


def _kept(response: HttpResponse, request: HttpRequest, source: Product, tag: str) -> HttpResponse:
    response["ETag"] = tag
    # What the source description names has a fingerprint, so these numbers never change under its id.
    is_named = request.GET.get("of") == str(source.pk)
    response["Cache-Control"] = FOREVER if is_named else "private, no-cache"
    return response


def _as_response(numbers: Numbers) -> HttpResponse:
    response = HttpResponse(bytes(numbers.data), content_type="application/octet-stream")
    height, width = numbers.shape
    response["X-Frame-Height"], response["X-Frame-Width"] = str(height), str(width)
    response["X-Frame-Numbers"] = numbers.dtype
    return response


def _as_npy(numbers: Numbers, name: str) -> HttpResponse:
    head = io.BytesIO()
    description = {"descr": numbers.dtype, "fortran_order": False, "shape": numbers.shape}
    np.lib.format.write_array_header_1_0(head, description)
    response = HttpResponse(head.getvalue() + numbers.data, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
