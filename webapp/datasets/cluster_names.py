"""What clusters are called, and their colours: what people gave, carried on from one clustering to the next.

A clustering is never changed. Who names a cluster appends an operation; a later clustering takes the names
over for those of its clusters that are still the same (`cluster_overlap`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from webapp.datasets.cluster_overlap import overlap_of
from webapp.datasets.columns import NOISE, Columns, read_json
from webapp.datasets.models import ClusterOperation
from webapp.datasets.palette import CYCLE, cluster_colour, cluster_name
from webapp.jobs.models import Product

Kind = ClusterOperation.Kind
MOST_EARLIER = 40
"""Names are carried on through so many clusterings; whoever reads more often has named them since."""


@dataclass(frozen=True)
class ClusterName:
    """How pages call and paint a cluster; `is_given` if a person named it.

    `class_name` is the class that was made of it, and with which its frames were labelled.
    """

    name: str
    colour: str
    class_name: str | None = None
    is_given: bool = False


def names_of(columns: Columns) -> dict[int, ClusterName]:
    """Return names and colours of the clusters that a page shows, by number; noise is -1."""
    clustering = columns.products.get("cluster")
    return names_of_clustering(clustering) if clustering else {}


def names_of_clustering(clustering: Product) -> dict[int, ClusterName]:
    """Return names and colours of the clusters of a clustering, by number; noise is -1."""
    operations = list(ClusterOperation.objects.filter(dataset=clustering.dataset_id))
    return names_after(clustering, operations)


def given_names(clustering: Product) -> dict[str, str]:
    """Return the names that people gave, by number, as a manifest freezes them."""
    names = names_of_clustering(clustering)
    return {str(number): name.name for number, name in sorted(names.items()) if name.is_given}


def names_after(clustering: Product, operations: list[ClusterOperation]) -> dict[int, ClusterName]:
    """Return the names that a list of operations leads to."""
    line = line_of(clustering, operations)
    found = _first_names(line[0])
    for earlier, later in zip(line, [*line[1:], None], strict=True):
        until = later.created_at if later else None  # what was said since then is about the earlier one alone
        found = _apply(found, earlier, _standing(operations, earlier, until))
        if later:
            found = _carry_on(found, earlier, later)
    return found


def line_of(clustering: Product, operations: list[ClusterOperation]) -> list[Product]:
    """Return the clusterings from which names come down to this one, which is the last."""
    products = Product.objects.filter(dataset=clustering.dataset_id, kind="cluster")
    rows = {row.pk: row for row in products.only("dataset", "kind", "inputs", "created_at", "folder_name")}
    line = [rows.get(clustering.pk, clustering)]
    while len(line) <= MOST_EARLIER and (before := _before(line[-1], rows, operations)):
        line.append(before)
    return line[::-1]


def _before(
    clustering: Product, rows: dict[Any, Product], operations: list[ClusterOperation]
) -> Product | None:
    """Return the clustering on whose page this one was asked for, as far as that is known."""
    older = [row for row in rows.values() if row.created_at < clustering.created_at]
    about = [item.params for item in operations if item.clustering == clustering.pk]
    told = [told.get("seen") or told.get("before") for told in about]
    for name in [*filter(None, told), clustering.inputs.get("clustering")]:
        if found := next((row for row in older if str(row.pk) == name), None):
            return found
    return max(older, key=lambda row: row.created_at, default=None)


def _standing(
    operations: Iterable[ClusterOperation], clustering: Product, until: datetime | None
) -> list[ClusterOperation]:
    """Return what was done to the clusters of one clustering, and not taken back, in order."""
    made = [item for item in operations if until is None or item.created_at < until]
    undone = {item.undoes_id for item in made if item.kind == Kind.UNDO}
    return [item for item in made if item.clustering == clustering.pk and item.pk not in undone]


def _first_names(clustering: Product) -> dict[int, ClusterName]:
    return _default_names([entry["id"] for entry in _listed(clustering)])


def _default_names(clusters: list[int]) -> dict[int, ClusterName]:
    return {
        number: ClusterName(cluster_name(number), cluster_colour(number)) for number in [*clusters, NOISE]
    }


def _listed(clustering: Product) -> list[dict[str, Any]]:
    try:
        return read_json(clustering.folder / "clusters.json")
    except (OSError, ValueError):  # it was removed, and hands down nothing
        return []


def _apply(
    names: dict[int, ClusterName], clustering: Product, operations: list[ClusterOperation]
) -> dict[int, ClusterName]:
    """Let people's words count over what was carried on."""
    found = dict(names)
    for item in operations:
        told, cluster = item.params, item.cluster
        if item.kind == Kind.MERGE:
            found |= _name_merged(found, clustering, told)
        elif cluster not in found:
            continue
        elif item.kind == Kind.RENAME:
            found[cluster] = replace(found[cluster], name=told["name"], is_given=True)
        elif item.kind == Kind.COLOUR:
            found[cluster] = replace(found[cluster], colour=told["colour"])
        elif item.kind == Kind.PROMOTE:
            found[cluster] = replace(found[cluster], class_name=told["class"])
    return found


def _name_merged(
    names: dict[int, ClusterName], clustering: Product, told: dict[str, Any]
) -> dict[int, ClusterName]:
    """Return what a person wanted merged clusters to be called; the file says which they became."""
    joint = [
        entry["id"] for entry in _listed(clustering) if entry.get("merged_from") == sorted(told["clusters"])
    ]
    return {
        number: replace(
            names[number],
            name=told.get("name") or cluster_name(number),
            colour=told.get("colour") or names[number].colour,
            is_given=bool(told.get("name")),
        )
        for number in joint
    }


def _carry_on(names: dict[int, ClusterName], earlier: Product, later: Product) -> dict[int, ClusterName]:
    """Give those clusters of a later clustering that are still the same their names and colours."""
    overlap = overlap_of(earlier.folder, later.folder)
    matches = overlap.matches() if overlap else {}
    return carry_names(names, matches, [entry["id"] for entry in _listed(later)])


def carry_names(
    names: dict[int, ClusterName], matches: dict[int, int], clusters: list[int]
) -> dict[int, ClusterName]:
    """Give clusters the names and colours of those that they were; `matches` says which, new to old."""
    found = _default_names(clusters)
    kept = {number: names[old] for number, old in matches.items() if number in found and old in names}
    for number, was in kept.items():
        name = was.name if was.is_given else cluster_name(number)
        found[number] = replace(was, name=name)
    return found | _free_colours(found, kept)


def _free_colours(names: dict[int, ClusterName], kept: dict[int, ClusterName]) -> dict[int, ClusterName]:
    """Give clusters that are new their own colour if it is free, else another one that is."""
    taken = {name.colour for name in kept.values()}
    found = {}
    for number in (number for number in names if number not in kept and number != NOISE):
        free = [colour for colour in CYCLE if colour not in taken]
        own = cluster_colour(number)
        colour = own if own in free or not free else free[0]
        taken.add(colour)
        found[number] = replace(names[number], colour=colour)
    return found


def name_of(names: dict[int, ClusterName], cluster: int) -> ClusterName:
    """Return the name of a cluster, also of one that is not among those known."""
    return names.get(cluster) or ClusterName(cluster_name(cluster), cluster_colour(cluster))
