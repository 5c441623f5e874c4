"""Workers for a command: the ones that run already, else a group of its own that ends with it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from webapp.supervisor.group import AlreadyRunningError, ProcessGroup

RETRY_S = 2


class Workforce:
    """See to it that somebody works on the jobs of this data folder."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.group: ProcessGroup | None = None
        self.next_try = 0.0

    def tend(self) -> None:
        """Keep the own group alive, or start one when nobody else's runs (any more)."""
        if self.group:
            self.group.tend()
        elif time.monotonic() >= self.next_try:
            self.next_try = time.monotonic() + RETRY_S
            group = ProcessGroup(say=self.say)
            try:
                self.group = group.__enter__()
            except AlreadyRunningError:
                self.group = None

    def end(self) -> None:
        """End what this command started."""
        if self.group:
            self.group.__exit__()


@contextmanager
def workforce(say: Callable[[str], None]) -> Iterator[Workforce]:
    """Have workers for the time of a command."""
    force = Workforce(say)
    try:
        force.tend()
        yield force
    finally:
        force.end()
