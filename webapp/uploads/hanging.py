"""Connections that have fallen silent must not keep the threads of the web server."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from django.http import HttpRequest

SILENCE_S = 30

_listening: dict[UUID, socket.socket] = {}


@contextmanager
def listening(request: HttpRequest, upload_id: UUID) -> Iterator[None]:
    """Read the body of `request` for at most `SILENCE_S` without a byte; it is gunicorn's socket."""
    connection = request.META.get("gunicorn.socket")
    if connection is None:
        yield
        return
    connection.settimeout(SILENCE_S)
    _listening[upload_id] = connection
    try:
        yield
    finally:
        if _listening.get(upload_id) is connection:
            del _listening[upload_id]


def hang_up(upload_id: UUID) -> None:
    """End an earlier request of this process for the same upload; whoever comes later goes on with it."""
    connection = _listening.pop(upload_id, None)
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
