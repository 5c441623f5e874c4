"""Exact nearest neighbours of all points of a set, on all cores."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.point_tree import PointTree, plant_beside
from workers.science.progress import Progress, silent
from workers.science.tree_search import nearest_in_another, nearest_of_leaves

PORTIONS = 256
"""Of the leaves; after each the caller hears how far it is and may cancel."""


@dataclass(frozen=True)
class Neighbours:
    """The nearest other points of each point, in the order of a `PointTree`.

    Attributes
    ----------
    squares : ndarray of shape (n, k), float32
        Squared distances in the tree, ascending.
    rows : ndarray of shape (n, k), int32
        Rows of the tree.
    """

    squares: NDArray[np.float32]
    rows: NDArray[np.int32]

    def core_squares(self, min_samples: int) -> NDArray[np.float32]:
        """Return the squared distance of the `min_samples`-th neighbour of each point, (n,)."""
        return np.ascontiguousarray(self.squares[:, min_samples - 1])


def nearest_neighbours(
    tree: PointTree, k: int, *, threads: int = 1, on_progress: Progress = silent
) -> Neighbours:
    """Find the k nearest other points of each point of a tree.

    Parameters
    ----------
    tree : PointTree
        Of at least two points.
    k : int
        How many, less than there are points.
    threads : int, default=1
        The result does not depend on it.
    on_progress : Progress
        Told the points done.

    Returns
    -------
    neighbours : Neighbours
        Identical points are neighbours at distance 0.
    """
    n = len(tree.order)
    squares, rows = np.full((n, k), np.inf, np.float32), np.full((n, k), -1, np.int32)

    def search(first: int, last: int) -> None:
        nearest_of_leaves(first, last, tree.dimensions, tree.blocks, tree.boxes, tree.starts, squares, rows)

    for leaves_done in in_portions(search, tree.n_leaves, threads):
        on_progress(int(tree.starts[leaves_done]), n, note="looking for neighbours")
    return Neighbours(squares, rows)


def nearest_to(
    points: NDArray[np.float32], tree: PointTree, k: int, *, threads: int = 1
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Find the k points of a tree that are nearest to each of other points.

    Parameters
    ----------
    points : ndarray of shape (m, d), float32
        At least one; finite.
    tree : PointTree
        Of n points.
    k : int
        At most n.
    threads : int, default=1
        The result does not depend on it.

    Returns
    -------
    distances : ndarray of shape (m, k), float32
        In the unit of the points, ascending.
    numbers : ndarray of shape (m, k), int64
        Of the points that the tree was made of.
    """
    asking = plant_beside(points, tree)
    squares, rows = np.full((len(points), k), np.inf, np.float32), np.zeros((len(points), k), np.int32)
    sides = (asking.blocks, asking.boxes, asking.starts), (tree.blocks, tree.boxes, tree.starts)

    def search(first: int, last: int) -> None:
        nearest_in_another(first, last, tree.dimensions, *sides, squares, rows)

    for _ in in_portions(search, asking.n_leaves, threads):
        pass
    distances, numbers = np.empty_like(squares), np.empty(squares.shape, np.int64)
    distances[asking.order] = np.sqrt(squares) * np.float32(tree.scale)
    numbers[asking.order] = tree.order[rows]
    return distances, numbers


def in_portions(work: Callable[[int, int], None], total: int, threads: int) -> Iterator[int]:
    """Run `work(first, last)` on portions of `range(total)` in threads; yield how many are done, in order."""
    step = -(-total // PORTIONS)
    with _pool(threads) as pool:
        tasks = [
            (min(first + step, total), pool.submit(work, first, min(first + step, total)))
            for first in range(0, total, step)
        ]
        for last, task in tasks:
            task.result()
            yield last


@contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads that do not begin anything new once the caller has given up."""
    pool = ThreadPoolExecutor(max(threads, 1))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
