"""Where a network comes from and what was made with it, as a picture and as a list."""

from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from django.urls import reverse

from webapp.jobs.models import Product
from webapp.networks.describe import called
from webapp.networks.selectors import KIND_WORDS

BEFORE = ("condense", "learn", "train")
AFTER = ("learn", "train", "embed", "classify", "cluster", "manifest")
WORDS = {
    "condense": "Frames",
    "embed": "Latents",
    "classify": "Sorting",
    "cluster": "Clusters",
    "manifest": "Manifest",
    "live": "Live session",
}
MOST_IN_COLUMN, MOST_STEPS = 7, 4
WIDTH, HEIGHT, APART, ACROSS = 190, 44, 14, 60


@dataclass
class Node:
    """One box: what it is, of which data set, where it leads; `x` and `y` are its corner."""

    key: str
    words: str
    name: str
    url: str
    column: int
    parents: list[str] = field(default_factory=list)
    is_self: bool = False
    x: int = 0
    y: int = 0

    @property
    def short(self) -> str:
        """The name as it fits the box."""
        return self.name if len(self.name) <= 24 else f"{self.name[:23]}…"


@dataclass(frozen=True)
class Line:
    """A path from the right side of a box to the left side of another."""

    path: str


@dataclass(frozen=True)
class Lineage:
    """The picture, and the same as columns of a list, the first what it came from."""

    nodes: list[Node]
    lines: list[Line]
    width: int
    height: int
    n_left_out: int

    @property
    def columns(self) -> list[tuple[str, list[Node]]]:
        """What people read instead of the picture."""
        found: dict[str, list[Node]] = {"Made from": [], "This network": [], "Made with it": []}
        for node in self.nodes:
            place = "This network" if node.is_self else "Made from" if node.column < 0 else "Made with it"
            found[place].append(node)
        return [(title, nodes) for title, nodes in found.items() if nodes]


def lineage_of(network: Product) -> Lineage:
    """Return the lineage of a network: what it was made from, and what was made with it."""
    middle = _node(network, 0)
    middle.is_self = True
    nodes = {middle.key: middle}
    _add_before(network, nodes)
    _add_after(network, nodes)
    _add_sessions(network, nodes)
    return _drawn(list(nodes.values()))


def _add_before(network: Product, nodes: dict[str, Node]) -> None:
    front = [network]
    for step in range(1, MOST_STEPS + 1):
        following: dict[UUID, Product] = {}
        for child in front:
            for parent in child.parents.filter(kind__in=BEFORE).select_related("dataset"):
                nodes[_key(parent)] = _node(parent, -step)
                nodes[_key(child)].parents.append(_key(parent))
                following[parent.pk] = parent
        front = list(following.values())
        if not front:
            return


def _add_after(network: Product, nodes: dict[str, Node]) -> None:
    """Add what was made with it; what was made with that in turn stands one column further."""
    front = [network]
    for step in range(1, MOST_STEPS + 1):
        following: dict[UUID, Product] = {}
        for parent in front:
            for child in parent.children.filter(kind__in=AFTER).select_related("dataset"):
                node = nodes.setdefault(_key(child), _node(child, step))
                node.column, node.parents = max(node.column, step), [*node.parents, _key(parent)]
                # What a network that began with this one was used for is told on its own page.
                if child.kind not in ("learn", "train"):
                    following[child.pk] = child
        front = list(following.values())
        if not front:
            break
    for node in nodes.values():
        if node.column > 0:  # only the last step on the way is drawn
            last = max(nodes[key].column for key in node.parents)
            node.parents = sorted({key for key in node.parents if nodes[key].column == last})


def _add_sessions(network: Product, nodes: dict[str, Node]) -> None:
    for session in network.live_sessions.all():
        key, url = f"live-{session.pk}", reverse("live:session-detail", args=[session.pk])
        nodes[key] = Node(key, WORDS["live"], session.name, url, 1, [_key(network)])


def _node(product: Product, column: int) -> Node:
    dataset, url = product.dataset, ""
    words = KIND_WORDS.get(product.kind) or WORDS[product.kind]
    name = dataset.name if dataset else "elsewhere"
    if product.kind in KIND_WORDS:
        name, url = called(product), reverse("networks:network-detail", args=[product.pk])
    elif dataset is not None:
        pages = {
            "condense": "portal:dataset-detail",
            "classify": "manifests:dataset-classify",
            "manifest": "manifests:dataset-download",
        }
        url = reverse(pages.get(product.kind, "explore:dataset-clusters"), args=[dataset.pk])
    return Node(_key(product), words, name, url, column)


def _key(product: Product) -> str:
    return str(product.pk)


def _drawn(nodes: list[Node]) -> Lineage:
    columns: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        columns[node.column].append(node)
    shown, n_left_out = {}, 0
    for number in sorted(columns):
        kept = columns[number][:MOST_IN_COLUMN]
        n_left_out += len(columns[number]) - len(kept)
        shown[number] = kept
    tallest = max(len(kept) for kept in shown.values())
    height = tallest * (HEIGHT + APART) - APART
    placed: dict[str, Node] = {}
    for place, number in enumerate(sorted(shown)):
        kept = shown[number]
        top = (height - (len(kept) * (HEIGHT + APART) - APART)) // 2
        for row, node in enumerate(kept):
            node.x, node.y = place * (WIDTH + ACROSS), top + row * (HEIGHT + APART)
            placed[node.key] = node
    lines = [
        _line(placed[key], node) for node in placed.values() for key in set(node.parents) if key in placed
    ]
    width = len(shown) * (WIDTH + ACROSS) - ACROSS
    return Lineage(list(placed.values()), lines, width, height, n_left_out)


def _line(start: Node, end: Node) -> Line:
    x, y = start.x + WIDTH, start.y + HEIGHT // 2
    to_x, to_y = end.x, end.y + HEIGHT // 2
    half = (x + to_x) // 2
    return Line(f"M{x} {y}C{half} {y} {half} {to_y} {to_x} {to_y}")
