"""Work through many frames in chunks, on several threads, with the results in order."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

Result = TypeVar("Result")


def in_chunks(
    work: Callable[[int, int], Result], n: int, size: int, threads: int = 1
) -> Iterator[tuple[int, int, Result]]:
    """Call `work` on the ranges of `size` that cover `n`, `threads` of them at a time.

    What lies below (BLAS, torch) runs on one thread in each, for the pieces are too small to be shared out
    further. No more results than threads wait to be taken, so memory does not grow with `n`.

    Parameters
    ----------
    work : callable
        Takes `start` and `stop`.
    n, size : int
        How many there are, and how many of them make a chunk.
    threads : int, default=1
        With one, `work` runs in the caller's thread.

    Yields
    ------
    start, stop : int
    result : object
        What `work` returned, in ascending order of the ranges.
    """
    ranges = [(start, min(start + size, n)) for start in range(0, n, size)]
    if threads <= 1 or len(ranges) <= 1:
        yield from ((start, stop, work(start, stop)) for start, stop in ranges)
        return
    waiting: deque = deque()
    with (
        threadpool_limits(1),
        ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        for start, stop in ranges:
            waiting.append((start, stop, pool.submit(work, start, stop)))
            if len(waiting) > threads:
                first, last, future = waiting.popleft()
                yield first, last, future.result()
        for first, last, future in waiting:
            yield first, last, future.result()
