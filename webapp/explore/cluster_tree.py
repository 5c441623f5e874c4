"""The condensed tree of a clustering, small enough to be cut anew while somebody moves a slider.

The file `fine.npz` holds it with a least size below that of the clusters; a clustering from before it was
written has `tree.npz`, as fine as the clusters themselves.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from webapp.explore.clusterings import whole_of
from webapp.jobs.models import Product

FINE, COARSE = "fine.npz", "tree.npz"
ROUNDING = 1e-6
"""Of the densities in the file: a part that ends where it begins has a mass of nothing, which is no less."""


@dataclass(frozen=True)
class Tree:
    """A condensed tree: parts, and for each fitted point its last part.

    `parent` (the root, 0, has -1), `birth` (density at which it splits off) and `size` are of the c parts, so
    are `own`, the points whose last part it is, `half`, the density at which half of them have left, and
    `first`, where those points begin in `leaves`, the densities (n,) at which points leave, by part and
    ascending; `sums` (n + 1,) are the sums of the leaves before. `part` is int32 (n,), of the points; `rows`
    are their frames, None where all were fitted. `least` is the least size.
    """

    parent: np.ndarray
    birth: np.ndarray
    size: np.ndarray
    own: np.ndarray
    first: np.ndarray
    leaves: np.ndarray
    sums: np.ndarray
    half: np.ndarray
    part: np.ndarray
    rows: np.ndarray | None
    least: int

    @property
    def n_points(self) -> int:
        """How many frames were fitted."""
        return len(self.part)

    def below(self, node: int) -> np.ndarray:
        """Return which parts are `node` or came of it, bool (c,)."""
        found = np.zeros(len(self.parent), dtype=bool)
        found[node] = True
        for part in range(node + 1, len(found)):
            found[part] = found[self.parent[part]]
        return found

    def frames_of(self, node: int) -> np.ndarray:
        """Return the fitted frames of a part and of all that it splits into, int64 ascending."""
        points = np.flatnonzero(self.below(node)[self.part])
        return points if self.rows is None else self.rows[points]


def tree_of(clustering: Product) -> Tree | None:
    """Return the tree from which a clustering was read; one merged or looked into has that of its origin.

    None where it has none: an old clustering, or frames that are all the same.
    """
    return read_tree(whole_of(clustering).folder)


@lru_cache(maxsize=4)
def read_tree(folder: Path) -> Tree | None:
    """Return the tree that lies in the folder of a clustering."""
    try:
        parts = _fine(folder / FINE) if (folder / FINE).exists() else _coarse(folder / COARSE)
        sample = folder / "sample.npy"
        rows = np.load(sample, allow_pickle=False) if sample.exists() else None
    except (OSError, ValueError, KeyError, EOFError, IndexError, BadZipFile):
        return None
    parent, birth, size, part, leaves_at, least = parts
    if len(parent) < 2 or len(part) < 2 or (rows is not None and len(rows) != len(part)):
        return None
    own = np.bincount(part, minlength=len(parent))
    first = np.cumsum(own) - own
    leaves = leaves_at[np.lexsort((leaves_at, part))].astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(leaves)])
    half = np.where(own > 0, leaves[np.minimum(first + own // 2, len(part) - 1)], np.nan)
    return Tree(parent, birth, size, own, first, leaves, sums, half, part, rows, least)


def _fine(path: Path) -> tuple:
    with np.load(path, allow_pickle=False) as kept:
        names = ("parent", "birth", "size", "cluster", "leaves_at")
        return (*(kept[name] for name in names), int(kept["least"]))


def _coarse(path: Path) -> tuple:
    """Read the rows of hdbscan's tree: parts are numbered from n, the root being n, and points come last."""
    with np.load(path, allow_pickle=False) as kept:
        above, child, density, count = (kept[n] for n in ("parent", "child", "lambda_val", "child_size"))
    n_points = int(above.min())
    is_part = child >= n_points
    n_parts = int(is_part.sum()) + 1
    parent, birth = np.full(n_parts, -1), np.zeros(n_parts)
    size = np.full(n_parts, n_points)
    places = child[is_part] - n_points
    parent[places], birth[places], size[places] = (
        above[is_part] - n_points,
        density[is_part],
        count[is_part],
    )
    part, leaves_at = np.full(n_points, -1, np.int32), np.zeros(n_points)
    part[child[~is_part]], leaves_at[child[~is_part]] = above[~is_part] - n_points, density[~is_part]
    if part.min() < 0 or (parent[1:] < 0).any():
        raise ValueError("Not the tree of these points.")
    return parent, birth, size, part, leaves_at, int(size[1:].min(initial=n_points))


@dataclass(frozen=True)
class Cut:
    """Clusters read from a tree: `chosen` are their parts, ascending; `label_of` the cluster of each part.

    Clusters are numbered by size, -1 being noise; `sizes` counts their points.
    """

    chosen: np.ndarray
    label_of: np.ndarray
    sizes: np.ndarray


def cut_tree(tree: Tree, least: int, method: str) -> Cut:
    """Read clusters of at least `least` points, as the step that reads them anew does.

    `method` is "eom", the clusters that stay for long, or "leaf", those that split no more.
    """
    home, leaves = coarser(tree, least)
    parts = np.unique(home)
    parent_of = {part: int(home[tree.parent[part]]) for part in parts.tolist() if part}
    is_chosen = (
        _stable(tree, parts, parent_of, home, leaves) if method == "eom" else _leaves(parts, parent_of)
    )
    label_of, chosen = np.full(len(tree.parent), -1, np.int64), []
    for part in parts.tolist():
        above = label_of[parent_of[part]] if part else -1
        if above >= 0:
            label_of[part] = above
        elif part in is_chosen:
            label_of[part] = len(chosen)
            chosen.append(part)
    label_of = label_of[home]
    taken = label_of >= 0
    sizes = np.bincount(label_of[taken], weights=tree.own[taken], minlength=len(chosen)).astype(np.int64)
    order = np.argsort(-sizes, kind="stable")
    number = np.full(len(chosen) + 1, -1, np.int64)
    number[order] = np.arange(len(chosen))
    return Cut(np.array(chosen, np.int64)[order], number[label_of], sizes[order])


def coarser(tree: Tree, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Return for each part the one that it belongs to with a greater least size, int64 (c,).

    And the sum of the densities at which its own points leave that one, float64 (c,).
    """
    home, fell = np.zeros(len(tree.parent), np.int64), np.zeros(len(tree.parent))
    fades = _fades(tree, least)
    parents, births, sizes = tree.parent.tolist(), tree.birth.tolist(), tree.size.tolist()
    for first in range(1, len(parents) - 1, 2):  # parts come in pairs, the two of a split
        above = parents[first]
        gone = fell[above] or fades[above]
        both = sizes[first] >= least and sizes[first + 1] >= least
        for part in (first, first + 1):
            if gone > 0:
                home[part], fell[part] = home[above], gone
            elif both:
                home[part] = part
            else:
                home[part] = home[above]
                fell[part] = 0 if sizes[part] >= least else births[part]
    return home, np.where(fell > 0, tree.own * fell, _leaves_until(tree, least, fades))


def _fades(tree: Tree, least: int) -> np.ndarray:
    """Return at which density so many points have left a part that the rest leaves as well; 0 if they do not.

    A part is one as long as it has the least size: the point that takes it below takes all others along.
    """
    stay = np.clip(tree.size - least, 0, None)  # how many points may leave before
    fades = (tree.own > stay) & (tree.size >= least)
    at = np.minimum(tree.first + stay, len(tree.leaves) - 1)
    return np.where(fades, tree.leaves[at], 0.0)


def _leaves_until(tree: Tree, least: int, fades: np.ndarray) -> np.ndarray:
    """Return the sum of the densities at which own points leave, with those that a part takes along."""
    stay = np.minimum(np.clip(tree.size - least, 0, None), tree.own)
    n_before = np.where(fades > 0, stay, tree.own)
    before = tree.sums[tree.first + n_before] - tree.sums[tree.first]
    return before + (tree.own - n_before) * fades


def _stable(
    tree: Tree, parts: np.ndarray, parent_of: dict[int, int], home: np.ndarray, leaves: np.ndarray
) -> set[int]:
    """Return the parts that stay longer than all that they split into."""
    n_parts = len(home)
    mass = np.bincount(home, weights=leaves, minlength=n_parts)
    mass -= np.bincount(home, weights=tree.own, minlength=n_parts) * tree.birth
    for part, above in parent_of.items():
        mass[above] += (tree.birth[part] - tree.birth[above]) * tree.size[part]
    below, chosen = dict.fromkeys(parts.tolist(), 0.0), set()
    for part in parts[::-1].tolist():
        if part == 0:
            break
        if below[part] > mass[part] + ROUNDING * tree.size[part] * tree.birth[part]:
            mass[part] = below[part]
        else:
            chosen.add(part)
        below[parent_of[part]] += mass[part]
    return chosen


def _leaves(parts: np.ndarray, parent_of: dict[int, int]) -> set[int]:
    return set(parts.tolist()) - set(parent_of.values()) - {0}
