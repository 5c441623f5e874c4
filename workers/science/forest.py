"""Components of points that grow together along their cheapest known edges: Boruvka's rounds.

Known are the edges of each point to its stored neighbours, and bridges: the edges of a spanning tree that was
found for another `min_samples`. A bridge between points that are no stored neighbours weighed their distance;
others weighed as much at least, but those edges are known anyway. A point keeps its cheapest edge until the
other end is in its own component; one that has none left is not asked again. All distances are squared.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.science.compiled import compiled
from workers.science.nearest import Neighbours, in_portions
from workers.science.ordering import stable_order


@dataclass(frozen=True)
class Bridges:
    """Edges of a spanning tree of the same points, in rows of their `PointTree`.

    Attributes
    ----------
    ends : ndarray of shape (b, 2), int32
        Rows.
    weights : ndarray of shape (b,), float32
        Squared weights in that tree.
    """

    ends: NDArray[np.int32]
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Cheapest:
    """The cheapest edge of each of c components.

    Attributes
    ----------
    rows, others : ndarray of shape (c,), int32
        Its end inside and its end outside; -1 where none is known.
    weights : ndarray of shape (c,), float32
        Its squared weight.
    floors : ndarray of shape (c,), float32
        No edge is cheaper that is neither known nor cheaper than this; 0 without bridges.
    """

    rows: NDArray[np.int32]
    others: NDArray[np.int32]
    weights: NDArray[np.float32]
    floors: NDArray[np.float32]


class Forest:
    """What is known of the components, and of the edges between them.

    Parameters
    ----------
    neighbours : Neighbours
        At least `min_samples` of each of n points.
    min_samples : int
        The core distance of a point is that of its `min_samples`-th neighbour.
    bridges : Bridges or None
        Other edges that are known; the arrays are used up.

    Attributes
    ----------
    core : ndarray of shape (n,), float32
        Squared core distances.
    components : ndarray of shape (n,), int32
        Which component each point is in, from 0 to `n_components`.
    best, partner : ndarray of shape (n,), float32 and int32
        Of each point the cheapest known edge; who finds a cheaper one may write it here.
    """

    def __init__(self, neighbours: Neighbours, min_samples: int, bridges: Bridges | None) -> None:
        self.neighbours, self.core = neighbours, neighbours.core_squares(min_samples)
        n = self.n_components = len(self.core)
        self.components = np.arange(n, dtype=np.int32)
        self.best, self.partner = np.full(n, np.inf, np.float32), np.full(n, -1, np.int32)
        self.asked = np.arange(n, dtype=np.int32)
        self.bridges = bridges
        self.edges: list[NDArray[np.int32]] = []
        self.weights: list[NDArray[np.float32]] = []

    def cheapest(self, threads: int) -> Cheapest:
        """Return the cheapest known edge of each component."""
        known = self.neighbours.squares, self.neighbours.rows, self.core, self.components

        def look_up(first: int, last: int) -> None:
            _cheapest_listed(first, last, self.asked, known, self.best, self.partner)

        run_in_portions(look_up, len(self.asked), threads)
        self.asked = self.asked[self.partner[self.asked] >= 0]
        c = self.n_components
        found = Cheapest(
            np.full(c, -1, np.int32),
            np.full(c, -1, np.int32),
            np.full(c, np.inf, np.float32),
            np.full(c, np.inf if self.bridges else 0, np.float32),
        )
        self.take_into_account(found)
        if self.bridges:
            ends, weights = self.bridges.ends, self.bridges.weights
            sides = found.rows, found.others, found.weights, found.floors
            n_left = _cheapest_bridges(ends, weights, self.core, self.components, *sides)
            self.bridges = Bridges(ends[:n_left], weights[:n_left])
        return found

    def take_into_account(self, found: Cheapest) -> None:
        """Let the components know of the cheapest edges of the points that are asked."""
        _cheapest_of_components(
            self.asked, self.best, self.partner, self.components, found.rows, found.others, found.weights
        )

    def ask_again(self) -> None:
        """Ask all points that have an edge in the next round, those too that had none in this one."""
        self.asked = np.flatnonzero(self.partner >= 0).astype(np.int32)

    def merge(self, found: Cheapest) -> None:
        """Join the components along these edges."""
        joined, numbers = _join(found.rows, found.others, self.components, self.n_components)
        self.edges.append(np.stack([found.rows[joined], found.others[joined]], axis=1))
        self.weights.append(found.weights[joined])
        self.components = numbers[self.components]
        self.n_components -= len(joined)

    def grown(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return rows of the ends (n - 1, 2) and squared weights of all edges that were taken, ascending."""
        ends, weights = np.concatenate(self.edges), np.concatenate(self.weights)
        order = stable_order(weights)
        return np.take(ends, order, axis=0), weights[order]


def run_in_portions(work, total: int, threads: int) -> None:
    """Run `work(first, last)` on portions of `range(total)` in threads."""
    if total > 0:
        for _ in in_portions(work, total, threads):
            pass


@compiled
def _cheapest_listed(first, last, asked, known, best, partner):
    """Find for each point of a range of `asked` the cheapest edge to another component that is listed."""
    squares, rows, core, components = known
    for i in asked[first:last]:
        own, floor = components[i], core[i]
        if partner[i] >= 0 and components[partner[i]] != own:
            continue
        weight, at = np.float32(np.inf), -1
        for m in range(rows.shape[1]):
            if max(squares[i, m], floor) >= weight:
                break
            other = rows[i, m]
            cost = max(max(floor, core[other]), squares[i, m])
            if cost < weight and components[other] != own:
                weight, at = cost, other
        best[i], partner[i] = weight, at


@compiled
def _cheapest_of_components(asked, best, partner, components, rows, others, weights):
    """Take the edges of points into account for the components at both of their ends."""
    for i in asked:
        other = partner[i]
        one, two = components[i], components[other]
        if best[i] < weights[one]:
            weights[one], rows[one], others[one] = best[i], i, other
        if best[i] < weights[two]:
            weights[two], rows[two], others[two] = best[i], other, i


@compiled
def _cheapest_bridges(ends, kept, core, components, rows, others, weights, floors):
    """Take bridges into account; move those that lead from one component to another to the front."""
    n_left = 0
    for e in range(len(kept)):
        i, j, least = ends[e, 0], ends[e, 1], kept[e]
        one, two = components[i], components[j]
        if one == two:
            continue
        ends[n_left, 0], ends[n_left, 1], kept[n_left] = i, j, least
        n_left += 1
        floors[one], floors[two] = min(floors[one], least), min(floors[two], least)
        cost = max(least, max(core[i], core[j]))
        if cost < weights[one]:
            weights[one], rows[one], others[one] = cost, i, j
        if cost < weights[two]:
            weights[two], rows[two], others[two] = cost, j, i
    return n_left


@compiled
def _join(rows, others, components, n_components):
    """Take the cheapest edges, but for those that would close a ring, all edges of which cost the same.

    Returns which components' edges were taken, and the new number of each component.
    """
    parents = np.arange(n_components)
    taken, n_taken = np.empty(n_components, np.int64), 0
    for which in range(n_components):
        one, two = _root(parents, components[rows[which]]), _root(parents, components[others[which]])
        if one != two:
            parents[max(one, two)] = min(one, two)
            taken[n_taken] = which
            n_taken += 1
    numbers, n_left = np.empty(n_components, np.int32), 0
    for i in range(n_components):
        root = _root(parents, i)
        if root == i:
            numbers[i] = n_left
            n_left += 1
        else:
            numbers[i] = numbers[root]
    return taken[:n_taken], numbers


@compiled
def _root(parents, i):
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i
