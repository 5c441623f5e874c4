"""The client of the frame server: full-resolution numbers, or one clear line why there are none.

What crosses the line is described in `workers/frames/protocol.py`, which the portal does not load.
"""

import hmac
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any
from uuid import UUID

from django.conf import settings

from webapp.datasets.models import Dataset
from webapp.jobs.models import Product

PATIENCE_S = {"frame": 30, "mask": 30, "pattern": 130}  # a little more than the server's own
CONNECT_S = 2
# Whoever waits for numbers holds a thread of the web server; the others are for the rest of the portal.
SEATS = {name: BoundedSemaphore(n) for name, n in (("frame", 8), ("pattern", 3))}
SEAT_S = {"frame": 3, "pattern": 0.1}  # a frame is soon there, a pattern may take minutes
LONGEST_LINE = 64 * 1024

AWAY = (
    "The server of full-resolution frames does not answer. "
    "Try again in a few seconds; if it stays away, ask whoever runs this portal."
)
BROKEN = "The frame broke off on its way. Try again; if it stays so, check the source file."
BUSY = "Too many people wait for full-resolution numbers. Try again in a moment."
TOO_OLD = (
    "This data set was looked into by an earlier version of the portal. "
    "Look into its files again to see full-resolution frames."
)
NO_SOURCE = "Nobody has looked into the source files yet, so there are no full-resolution frames."


class FrameSourceError(Exception):
    """There are no numbers; the text is for the user. `kind` says whose fault it is.

    `away`, `busy`, `died`, `unexpected`: the server; `source`: the files; `request`: there is no such frame.
    """

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        super().__init__(text)


@dataclass(frozen=True)
class Numbers:
    """An array as the server sent it: little-endian bytes, row by row."""

    data: bytes | bytearray
    shape: tuple[int, ...]
    dtype: str
    facts: dict[str, Any]


def dry_run_of_index(dataset: Dataset, pk: UUID | None = None) -> Product | None:
    """Return the dry run whose description leads to the frames: `pk`, else the one that was indexed."""
    looks = Product.objects.filter(dataset=dataset, kind="inspect").defer("files", "facts")
    if pk is not None:
        return looks.filter(pk=pk).first()
    index = Product.objects.filter(dataset=dataset).of_kind("index").defer("files", "facts").first()
    indexed = looks.filter(pk=index.inputs["source"]).first() if index and "source" in index.inputs else None
    return indexed or looks.order_by("-created_at").first()


def source_problem(source: Product | None) -> str:
    """Return why there can be no full-resolution frames, or nothing."""
    if source is None:
        return NO_SOURCE
    return "" if (source.folder / "source.json").exists() else TOO_OLD


def ask(dataset: Dataset, source: Product, operation: str, **task: Any) -> Numbers:
    """Ask the frame server for an operation on the frames of a data set."""
    description = source.folder / "source.json"
    if not description.exists():
        raise FrameSourceError("source", TOO_OLD)
    asked = {"op": operation, "source": str(description), "moved": dataset.moved, **task}
    try:
        with _seat("pattern" if operation == "pattern" else "frame"), _connect() as connection:
            connection.settimeout(PATIENCE_S[operation])
            connection.sendall(_signed(json.dumps(asked).encode()) + b"\n")
            header, rest = _read_line(connection)
            if not header.get("ok"):
                raise FrameSourceError(header["kind"], header["error"])
            data = _read_rest(connection, rest, header["length"])
    except OSError as error:
        raise FrameSourceError("away", AWAY) from error
    return Numbers(data, tuple(header.pop("shape")), header.pop("dtype"), header)


@contextmanager
def _seat(kind: str) -> Iterator[None]:
    """Wait with few others at a time, or say at once that there are too many."""
    if not SEATS[kind].acquire(timeout=SEAT_S[kind]):
        raise FrameSourceError("busy", BUSY)
    try:
        yield
    finally:
        SEATS[kind].release()


def _connect() -> socket.socket:
    address = settings.FRAME_SERVER
    if "/" not in address:
        host, _, port = address.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=CONNECT_S)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(CONNECT_S)
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


def _signed(line: bytes) -> bytes:
    if not settings.FRAME_SECRET:
        return line
    proof = hmac.new(settings.FRAME_SECRET.encode(), line, "sha256").hexdigest().encode()
    return proof + b" " + line


def _read_line(connection: socket.socket) -> tuple[dict[str, Any], bytes]:
    answer = bytearray()
    while b"\n" not in answer:
        piece = connection.recv(LONGEST_LINE)
        if not piece or len(answer) > LONGEST_LINE * 2:
            raise FrameSourceError("died", BROKEN)
        answer += piece
    line, _, rest = bytes(answer).partition(b"\n")
    return json.loads(line), rest


def _read_rest(connection: socket.socket, first: bytes, length: int) -> bytearray:
    data = bytearray(length)
    data[: len(first)] = first
    view, place = memoryview(data), len(first)
    while place < length:
        n_read = connection.recv_into(view[place:])
        if n_read == 0:
            raise FrameSourceError("died", BROKEN)
        place += n_read
    return data
