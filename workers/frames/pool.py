"""The children: one or two for each source that is looked at, the ones not used for longest ended first."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from workers.frames.protocol import Request
from workers.frames.reader import serve

PR_SET_PDEATHSIG = 1


@dataclass
class Visit:
    """A client that waits for an answer: its connection, what it asks for, and until when it may take."""

    connection: socket.socket
    request: Request
    deadline: float
    has_begun: bool = False


@dataclass
class Reader:
    """A child process, and the visit that it is at."""

    key: tuple[str, str]
    source: str
    pid: int
    channel: socket.socket
    visit: Visit | None = None
    last_used: float = field(default_factory=time.monotonic)

    def take(self, visit: Visit) -> None:
        """Hand a visit's connection to the child."""
        self.visit, self.last_used = visit, time.monotonic()
        visit.connection.setblocking(True)
        line = json.dumps(visit.request.task).encode()
        socket.send_fds(self.channel, [line], [visit.connection.fileno()])

    def end(self) -> None:
        """Kill the child; it holds nothing that could be lost."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.channel.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def fork_reader(request: Request, forget: Callable[[], None]) -> Reader:
    """Start a child for the source that `request` names.

    `forget` is called in the child: it closes everything that the server has open.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            forget()
            _die_with(server)
            serve(request, theirs)
        finally:
            os._exit(0)
    theirs.close()
    return Reader(request.key, request.source, pid, ours)


def _die_with(server: int) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(0)
