"""The server: understands requests, and hands each connection to a reader of its source.

It runs in one thread, so that it can fork, and never opens a file with the libraries that it has loaded.
"""

import logging
import os
import selectors
import signal
import socket
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.frames.pool import Reader, Visit, fork_reader
from workers.frames.protocol import LONGEST_REQUEST, Request, RequestError, parse_request
from workers.frames.reader import BEGINS, ENDS, send

logger = logging.getLogger(__name__)

TOO_LONG = (
    "The frame could not be read within {:.0f} s. Check whether the file system answers, and try again."
)
DIED = "The process that read this frame ended, perhaps over a damaged file. Try again, or check the file."
BUSY = "All readers of frames are busy. Try again in a moment."


@dataclass(frozen=True)
class Limits:
    """How many readers there are, and how long things may take, in seconds."""

    n_readers: int = 8
    n_for_each_source: int = 2
    idle_s: float = 120
    frame_s: float = 20
    pattern_s: float = 110
    request_s: float = 5


class FrameServer:
    """Answers on `listener` until told to stop.

    Parameters
    ----------
    listener : socket
        Bound and listening.
    data_folder : Path
        Source descriptions below it may be named.
    secret : bytes
        Key of signed requests; empty where the listener admits nobody else.
    limits : Limits
    """

    def __init__(
        self, listener: socket.socket, data_folder: Path, secret: bytes = b"", limits: Limits | None = None
    ) -> None:
        self.listener, self.data_folder, self.secret = listener, data_folder, secret
        self.limits = limits or Limits()
        self.selector = selectors.DefaultSelector()
        self.asking: dict[socket.socket, tuple[bytearray, float]] = {}
        self.waiting: deque[Visit] = deque()
        self.readers: list[Reader] = []
        self.is_stopping = False
        listener.setblocking(False)
        self.selector.register(listener, selectors.EVENT_READ, self._accept)

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        wake, woken = socket.socketpair()
        for end in (wake, woken):
            end.setblocking(False)
        signal.set_wakeup_fd(woken.fileno())
        self.selector.register(wake, selectors.EVENT_READ, lambda: wake.recv(64))
        while not self.is_stopping:
            for key, _ in self.selector.select(self._patience()):
                key.data()
            self._expire()
            self._dispatch()
        for reader in list(self.readers):
            self._end(reader)

    def _stop(self, *_: Any) -> None:
        self.is_stopping = True

    def _patience(self) -> float:
        """Return how long nothing can happen by itself."""
        deadlines = [reader.visit.deadline for reader in self.readers if reader.visit]
        deadlines += [visit.deadline for visit in self.waiting]
        deadlines += [deadline for _, deadline in self.asking.values()]
        deadlines += [reader.last_used + self.limits.idle_s for reader in self.readers if not reader.visit]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else 3600

    def _accept(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except BlockingIOError:
            return
        connection.setblocking(False)
        self.asking[connection] = bytearray(), time.monotonic() + self.limits.request_s
        self.selector.register(connection, selectors.EVENT_READ, lambda: self._hear(connection))

    def _hear(self, connection: socket.socket) -> None:
        buffer = self.asking[connection][0]
        try:
            piece = connection.recv(64 * 1024)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        buffer += piece
        if piece and not buffer.endswith(b"\n") and len(buffer) <= LONGEST_REQUEST:
            return
        self._forget_connection(connection)
        if buffer.endswith(b"\n") and len(buffer) <= LONGEST_REQUEST:
            self._admit(connection, bytes(buffer[:-1]))
        elif piece:
            _refuse(connection, "request", f"a request is one line of at most {LONGEST_REQUEST} bytes")
        else:
            connection.close()

    def _forget_connection(self, connection: socket.socket) -> None:
        del self.asking[connection]
        self.selector.unregister(connection)

    def _admit(self, connection: socket.socket, line: bytes) -> None:
        try:
            request = parse_request(line, data_folder=self.data_folder, secret=self.secret)
        except RequestError as error:
            _refuse(connection, "request", str(error))
            return
        if request.operation == "status":
            send(connection, {"ok": True, "readers": [_tell(reader) for reader in self.readers]})
            connection.close()
            return
        seconds = self.limits.pattern_s if request.operation == "pattern" else self.limits.frame_s
        self.waiting.append(Visit(connection, request, time.monotonic() + seconds))

    def _dispatch(self) -> None:
        """Give waiting visits to readers, the longest waiting first; those that find none stay."""
        for visit in list(self.waiting):
            reader = self._reader_for(visit.request)
            if reader is None:
                continue
            self.waiting.remove(visit)
            try:
                reader.take(visit)
            except OSError:
                self._end(reader, DIED)

    def _reader_for(self, request: Request) -> Reader | None:
        own = [reader for reader in self.readers if reader.key == request.key]
        idle = [reader for reader in own if reader.visit is None]
        if idle:
            return max(idle, key=lambda reader: reader.last_used)
        most = 1 if request.operation == "pattern" else self.limits.n_for_each_source
        if len(own) >= most or not self._make_room():
            return None
        reader = fork_reader(request, self._close_all)
        self.readers.append(reader)
        self.selector.register(reader.channel, selectors.EVENT_READ, lambda: self._listen(reader))
        return reader

    def _make_room(self) -> bool:
        if len(self.readers) < self.limits.n_readers:
            return True
        idle = [reader for reader in self.readers if reader.visit is None]
        if idle:
            self._end(min(idle, key=lambda reader: reader.last_used))
        return bool(idle)

    def _listen(self, reader: Reader) -> None:
        if reader not in self.readers:
            return  # ended by what happened just before
        try:
            word = reader.channel.recv(16)
        except OSError:
            word = b""
        if word == BEGINS and reader.visit:
            reader.visit.has_begun = True
        elif word == ENDS and reader.visit:
            reader.visit.connection.close()
            reader.visit, reader.last_used = None, time.monotonic()
        elif not word:
            self._end(reader, DIED)

    def _end(self, reader: Reader, cause: str = "") -> None:
        self.selector.unregister(reader.channel)
        self.readers.remove(reader)
        reader.end()
        if reader.visit:
            logger.warning("Reader %d of %s ended: %s", reader.pid, reader.source, cause)
            if reader.visit.has_begun or not cause:
                reader.visit.connection.close()  # the client sees that it is not whole
            else:
                _refuse(reader.visit.connection, "died", cause)

    def _expire(self) -> None:
        now = time.monotonic()
        for connection, (_, deadline) in list(self.asking.items()):
            if now >= deadline:
                self._forget_connection(connection)
                connection.close()
        for visit in [visit for visit in self.waiting if now >= visit.deadline]:
            self.waiting.remove(visit)
            _refuse(visit.connection, "busy", BUSY)
        for reader in list(self.readers):
            if reader.visit and now >= reader.visit.deadline:
                slow = reader.visit.request.operation == "pattern"
                self._end(reader, TOO_LONG.format(self.limits.pattern_s if slow else self.limits.frame_s))
            elif reader.visit is None and now >= reader.last_used + self.limits.idle_s:
                self._end(reader)

    def _close_all(self) -> None:
        """Close, in a fresh child, what belongs to the server."""
        signal.set_wakeup_fd(-1)
        for key in list(self.selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        for visit in [*self.waiting, *(reader.visit for reader in self.readers if reader.visit)]:
            visit.connection.close()
        self.selector.close()
        self.secret = b""


def _refuse(connection: socket.socket, kind: str, error: str) -> None:
    connection.setblocking(False)  # a line fits the buffer of a connection that has carried nothing
    send(connection, {"ok": False, "kind": kind, "error": error})
    connection.close()


def _tell(reader: Reader) -> dict[str, Any]:
    return {
        "pid": reader.pid,
        "source": reader.source,
        "kind": reader.key[0],
        "is_busy": reader.visit is not None,
    }


def listen_on(address: str) -> socket.socket:
    """Listen on a path, for this user alone, or on ``host:port``."""
    if "/" in address:
        path = Path(address)
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        old = os.umask(0o177)
        try:
            listener.bind(address)
        finally:
            os.umask(old)
    else:
        host, _, port = address.rpartition(":")
        listener = socket.create_server((host, int(port)))
    listener.listen(128)
    return listener
