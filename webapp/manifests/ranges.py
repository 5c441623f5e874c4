"""Serve a file whole or in part, so that a download that broke off can go on (RFC 9110, section 14)."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header

BLOCK = 1 << 20
CONTENT_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".cxi": "application/x-hdf5",
    ".zip": "application/zip",
    **dict.fromkeys((".txt", ".lst", ".dat", ".bib"), "text/plain; charset=utf-8"),
}
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")


class Unsatisfiable(Exception):
    """No byte of the file lies in the range."""


def serve_file(request: HttpRequest, path: Path, *, name: str, sha256: str = "") -> HttpResponse:
    """Answer with the file at `path` as a download called `name`.

    With `sha256`, the file never changes: it is the ETag, and If-None-Match, If-Range and Range are
    honoured. Without, the file may grow: ranges are honoured, and what it has now is sent.
    """
    etag = f'"{sha256}"' if sha256 else ""
    if etag and _matches(request.headers.get("If-None-Match", ""), etag):
        return HttpResponse(status=304, headers={"ETag": etag})
    try:
        size = path.stat().st_size
    except OSError as error:
        raise Http404("The file is no longer on the disk.") from error
    try:
        asked = _asked_range(request, etag, size)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    start, stop = asked or (0, size)
    response = StreamingHttpResponse(
        _blocks(path, start, stop),
        status=206 if asked else 200,
        content_type=CONTENT_TYPES.get(path.suffix, "application/octet-stream"),
    )
    response["Content-Length"] = str(stop - start)
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    response["Accept-Ranges"] = "bytes"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-cache"
    if etag:
        response["ETag"] = etag
    if asked:
        response["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return response


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the half-open range of bytes that a Range header asks for, of a file of `size` bytes.

    None where the header is to be ignored: another unit, several ranges, or not well-formed.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        start, stop = max(0, size - int(suffix)), size
    else:
        start = int(first)
        if last and int(last) < start:
            return None
        stop = min(size, int(last) + 1) if last else size
    if start >= stop:
        raise Unsatisfiable
    return start, stop


def _asked_range(request: HttpRequest, etag: str, size: int) -> tuple[int, int] | None:
    header, condition = request.headers.get("Range", ""), request.headers.get("If-Range", "")
    # The part of another version is no part of this one: then the whole file is sent.
    if not header or (condition and condition.strip() != etag):
        return None
    return parse_range(header, size)


def _matches(header: str, etag: str) -> bool:
    candidates = [candidate.strip().removeprefix("W/") for candidate in header.split(",")]
    return etag in candidates or header.strip() == "*"


def _blocks(path: Path, start: int, stop: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while start < stop:
            block = file.read(min(BLOCK, stop - start))
            if not block:
                return
            start += len(block)
            yield block
