"""Points, their neighbours and their spanning trees: what a clustering is read from, kept to be read again.

Finding neighbours takes nearly all of the time. What was found serves every least size of a cluster and
every way of choosing at once, and another `min_samples` by connecting the same neighbours anew.
"""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.science.agreement import N_NEIGHBOURS
from workers.science.errors import ScienceError
from workers.science.forest import Bridges, Forest
from workers.science.nearest import Neighbours, nearest_neighbours
from workers.science.point_tree import PointTree, middle_and_scale, plant
from workers.science.progress import Progress, silent
from workers.science.spanning_tree import SpanningTree, connect_all

SPARE = 6
"""Neighbours beyond `min_samples`: with them nearly no point must search the tree while it is connected."""

ACCELERATE_FROM = 50_000
ACCELERATORS = ("/dev/nvidiactl", "/dev/kfd")
"""Device files without one of which torch, which takes seconds to load, need not be asked."""


@dataclass(frozen=True)
class DensityTree:
    """Points that can be clustered in any way.

    Attributes
    ----------
    points : ndarray of shape (n, d), float32
        At least two.
    order : ndarray of shape (n,), int32
        Of the `PointTree` in which they lie.
    neighbours : Neighbours
        Of each, in that order.
    spanning : dict
        A `SpanningTree` for each `min_samples` that was asked for; `connect` adds to it.
    kept_in : Path or None
        The folder that it was read from.
    """

    points: NDArray[np.float32]
    order: NDArray[np.int32]
    neighbours: Neighbours
    spanning: dict[int, SpanningTree]
    kept_in: Path | None = None

    @cached_property
    def tree(self) -> PointTree:
        """Where the points lie; not needed where a spanning tree is read again."""
        return plant(self.points, self.order)

    @cached_property
    def scale(self) -> float:
        """Distances of neighbours times this are distances of the points."""
        return middle_and_scale(self.points)[1]

    @property
    def most_samples(self) -> int:
        """The greatest `min_samples` that the neighbours allow."""
        return self.neighbours.rows.shape[1]

    def connect(self, min_samples: int, *, threads: int = 1, on_progress: Progress = silent) -> SpanningTree:
        """Return the spanning tree for `min_samples`, and keep it.

        Parameters
        ----------
        min_samples : int
            From 1 to `most_samples`.
        threads : int, default=1
            The result does not depend on it.
        on_progress : Progress
            Told the points that are connected.

        Returns
        -------
        spanning : SpanningTree
            Of all points.
        """
        if min_samples not in self.spanning:
            if not 1 <= min_samples <= self.most_samples:
                raise ScienceError(
                    f"min_samples {min_samples}",
                    f"{self.most_samples} neighbours of each point were kept",
                    "Choose fewer, or cluster anew",
                )
            most = max(self.spanning, default=0)
            forest = Forest(self.neighbours, min_samples, self._bridges(most))
            tree = None if min_samples <= most else self.tree
            connect_all(forest, tree, threads=threads, on_progress=on_progress)
            ends, squares = forest.grown()
            weights = np.sqrt(squares, dtype=np.float64) * self.scale
            self.spanning[min_samples] = SpanningTree(self.order[ends], weights)
        return self.spanning[min_samples]

    def _bridges(self, min_samples: int) -> Bridges | None:
        """Return the edges of a spanning tree that is known, in rows and in the unit of the neighbours."""
        if min_samples not in self.spanning:
            return None
        spanning = self.spanning[min_samples]
        row = np.empty(len(self.order), np.int32)
        row[self.order] = np.arange(len(row), dtype=np.int32)
        return Bridges(row[spanning.ends], np.square(spanning.weights / self.scale).astype(np.float32))

    def core_distances(self, min_samples: int) -> NDArray[np.float32]:
        """Return the distance of each point to its `min_samples`-th neighbour, (n,), in the points' unit."""
        distances = np.empty(len(self.points), np.float32)
        distances[self.order] = np.sqrt(self.neighbours.core_squares(min_samples))
        return distances * np.float32(self.scale)


def density_tree(
    points: NDArray[np.float32], most_samples: int, *, threads: int = 1, on_progress: Progress = silent
) -> DensityTree:
    """Find the neighbours of all points.

    Parameters
    ----------
    points : ndarray of shape (n, d), float32
        Finite; at least two.
    most_samples : int
        The greatest `min_samples` that will be asked for; less than n.
    threads : int, default=1
        The result does not depend on it.
    on_progress : Progress
        Told the points done.

    Returns
    -------
    density : DensityTree
        Not connected yet.

    Raises
    ------
    ScienceError
        If a coordinate is not a finite number.
    """
    require_finite(points)
    tree = plant(points)
    k = min(max(most_samples + SPARE, N_NEIGHBOURS), len(points) - 1)
    neighbours = _on_accelerator(points, tree, k, on_progress)
    if neighbours is None:
        neighbours = nearest_neighbours(tree, k, threads=threads, on_progress=on_progress)
    return DensityTree(points, tree.order, neighbours, {})


def _on_accelerator(
    points: NDArray[np.float32], tree: PointTree, k: int, on_progress: Progress
) -> Neighbours | None:
    """Find neighbours on a GPU, if there is one and there are points enough to load what it needs."""
    if len(points) < ACCELERATE_FROM or not any(Path(file).exists() for file in ACCELERATORS):
        return None
    from workers.science.device import pick_device
    from workers.science.nearest_device import nearest_by_blocks

    device = pick_device()
    if device.type == "cpu":
        return None
    return nearest_by_blocks(points, tree, k, device, on_progress=on_progress)


def require_finite(points: NDArray[np.float32]) -> None:
    """Refuse points that have no place."""
    is_finite = np.isfinite(points).all(axis=1)
    if not is_finite.all():
        raise ScienceError(
            f"Point {int(np.argmin(is_finite))}",
            "a coordinate is not a finite number",
            f"Leave such points out; there are {int(np.count_nonzero(~is_finite))}",
        )


def save_density_tree(density: DensityTree, folder: Path) -> None:
    """Write all arrays into an existing, empty folder.

    Parameters
    ----------
    density : DensityTree
        With its spanning trees.
    folder : Path
        Gets ``points.npy``, ``order.npy``, ``rows.npy``, ``squares.npy``, and for each `min_samples` m
        ``ends-m.npy`` and ``weights-m.npy``. About ``8 * k + 4 * d + 20`` bytes a point.
    """
    arrays = {
        "points": density.points,
        "order": density.order,
        "rows": density.neighbours.rows,
        "squares": density.neighbours.squares,
    }
    for min_samples, spanning in density.spanning.items():
        arrays |= {f"ends-{min_samples}": spanning.ends, f"weights-{min_samples}": spanning.weights}
    for name, array in arrays.items():
        if not _shared(density.kept_in, folder, f"{name}.npy"):
            np.save(folder / f"{name}.npy", array)


def _shared(kept_in: Path | None, folder: Path, name: str) -> bool:
    """Let a file that never changes lie in both folders, if it can."""
    if kept_in is None or not (kept_in / name).exists():
        return False
    try:
        os.link(kept_in / name, folder / name)
    except OSError:  # another file system, or one without links
        return False
    return True


def load_density_tree(folder: Path) -> DensityTree:
    """Read what `save_density_tree` wrote; the arrays stay on disk until they are used.

    Parameters
    ----------
    folder : Path
        Of a clustering.

    Returns
    -------
    density : DensityTree
        Answers as the one that was saved.

    Raises
    ------
    ScienceError
        If it was not kept there.
    """
    try:
        arrays = {
            path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in folder.glob("*.npy")
        }
        points, order = np.asarray(arrays["points"]), np.asarray(arrays["order"])
        neighbours = Neighbours(arrays["squares"], arrays["rows"])
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise ScienceError(
            str(folder), "the tree of this clustering was not kept, or is damaged", "Cluster anew"
        ) from error
    spanning = {
        int(name.removeprefix("ends-")): SpanningTree(ends, arrays[name.replace("ends", "weights")])
        for name, ends in arrays.items()
        if name.startswith("ends-")
    }
    return DensityTree(points, order, neighbours, spanning, folder)
