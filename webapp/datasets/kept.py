"""Keep what was counted once of files that never change."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """The last few results by what they were made from; the oldest goes first."""

    def __init__(self, most: int) -> None:
        self.most, self.results = most, {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the result of `key`, made now if it is not kept."""
        if key not in self.results:
            made = make()
            while len(self.results) >= self.most:
                self.results.pop(next(iter(self.results)), None)
            self.results[key] = made
        return self.results[key]
