"""What became of the clusters of the clustering before: kept, split, merged, new, or noise now."""

from dataclasses import dataclass, field

from webapp.datasets.cluster_names import ClusterName, line_of, name_of, names_after
from webapp.datasets.cluster_overlap import Overlap, overlap_of
from webapp.datasets.columns import NOISE
from webapp.datasets.models import ClusterOperation
from webapp.jobs.models import Product

MOST_ROWS = 100
LEAST_SHOWN = 0.01
"""Of a cluster's frames; what went elsewhere in smaller parts is left grey in the bar."""
ORDER = ("split", "merged", "scattered", "noise", "new", "kept")


@dataclass(frozen=True)
class Part:
    """So many frames of an old cluster are in this new one; `x` and `percent` place it in a bar of 100."""

    id: int
    name: str
    colour: str
    n: int
    percent: float
    x: float


@dataclass(frozen=True)
class Fate:
    """A cluster from before, or a new one that came of none; `kind` is one of `ORDER`."""

    id: int
    name: str
    colour: str
    size: int
    kind: str
    words: str
    parts: list[Part] = field(default_factory=list)


@dataclass(frozen=True)
class Fates:
    """All of them, what changed first."""

    earlier: Product
    rows: list[Fate]
    n_rows: int
    counts: dict[str, int]


def fates_of(clustering: Product) -> Fates | None:
    """Return what became of the clusters from before; None where there are none, or of other frames."""
    operations = list(ClusterOperation.objects.filter(dataset=clustering.dataset_id))
    line = line_of(clustering, operations)
    overlap = overlap_of(line[-2].folder, line[-1].folder) if len(line) > 1 else None
    if overlap is None:
        return None
    teller = _Teller(overlap, names_after(line[-2], operations), names_after(line[-1], operations))
    rows = [teller.old_cluster(number) for number in range(len(overlap.old_sizes) - 1)]
    rows += [teller.new_cluster(number) for number in teller.out_of_noise()]
    rows.sort(key=lambda row: (ORDER.index(row.kind), -row.size))
    counts = {kind: sum(row.kind == kind for row in rows) for kind in ORDER}
    return Fates(line[-2], rows[:MOST_ROWS], len(rows), {kind: n for kind, n in counts.items() if n})


class _Teller:
    """Says of each cluster what became of it, and where its frames went."""

    def __init__(self, overlap: Overlap, old: dict[int, ClusterName], new: dict[int, ClusterName]) -> None:
        self.overlap, self.old, self.new = overlap, old, new
        self.kept_as = {was: now for now, was in overlap.matches().items()}
        self.pairs: dict[int, list[tuple[int, int]]] = {}
        self.children: dict[int, list[int]] = {}  # new clusters that came for the most part of an old one
        self.home: dict[int, int] = {}  # the new cluster into which the most part of an old one went
        for was, now, shared in zip(
            overlap.old.tolist(), overlap.new.tolist(), overlap.shared.tolist(), strict=True
        ):
            self.pairs.setdefault(was, []).append((now, shared))
            if was == NOISE or now == NOISE:
                continue
            if 2 * shared > overlap.new_kept[now + 1]:
                self.children.setdefault(was, []).append(now)
            if 2 * shared > overlap.old_kept[was + 1]:
                self.home[was] = now
        self.parents: dict[int, list[int]] = {}
        for was, now in self.home.items():
            self.parents.setdefault(now, []).append(was)

    def old_cluster(self, number: int) -> Fate:
        """Tell of a cluster from before."""
        called, size = name_of(self.old, number), int(self.overlap.old_sizes[number + 1])
        kind, words = self._judge(number, size)
        return Fate(number, called.name, called.colour, size, kind, words, self._parts(number, size))

    def new_cluster(self, number: int) -> Fate:
        """Tell of one that was noise."""
        called, size = name_of(self.new, number), int(self.overlap.new_sizes[number + 1])
        part = Part(number, called.name, called.colour, size, 100.0, 0.0)
        return Fate(number, called.name, called.colour, size, "new", "new: it was noise before", [part])

    def out_of_noise(self) -> list[int]:
        """Return the new clusters of which more than half was noise."""
        sizes, kept = self.overlap.new_sizes[1:], self.overlap.new_kept[1:]
        known = set(self.kept_as.values()) | {each for group in self.children.values() for each in group[1:]}
        return [
            number for number in range(len(sizes)) if 2 * kept[number] < sizes[number] and number not in known
        ]

    def _judge(self, number: int, size: int) -> tuple[str, str]:
        children, home = self.children.get(number, []), self.home.get(number)
        if 2 * self.overlap.old_kept[number + 1] < size and number not in self.kept_as and len(children) < 2:
            return "noise", "turned into noise for the most part"
        if len(children) > 1:
            return "split", f"split into {self._list(self.new, children)}"
        others = [each for each in self.parents.get(home, []) if each != number] if home is not None else []
        if others:
            joint = name_of(self.new, home).name
            return "merged", f"merged with {self._list(self.old, others)} into “{joint}”"
        if number in self.kept_as:
            now, was = name_of(self.new, self.kept_as[number]).name, name_of(self.old, number).name
            return "kept", "kept" if now == was else f"kept, as “{now}”"
        return "scattered", "went to several others"

    @staticmethod
    def _list(names: dict[int, ClusterName], numbers: list[int]) -> str:
        called = [f"“{name_of(names, number).name}”" for number in numbers[:6]]
        called += [f"{len(numbers) - 6} more"] if len(numbers) > 6 else []
        return called[0] if len(called) == 1 else f"{', '.join(called[:-1])} and {called[-1]}"

    def _parts(self, number: int, size: int) -> list[Part]:
        found, x = [], 0.0
        for now, shared in sorted(self.pairs.get(number, []), key=lambda pair: (pair[0] < 0, -pair[1])):
            if shared >= LEAST_SHOWN * size:
                called, percent = name_of(self.new, now), 100 * shared / size
                found.append(Part(now, called.name, called.colour, shared, percent, x))
                x += percent
        return found
