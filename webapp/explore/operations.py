"""What people have done to the clusters of a data set, as the page lists it."""

from dataclasses import dataclass

from webapp.datasets.cluster_names import Kind, names_of_clustering
from webapp.datasets.lineage import newest
from webapp.datasets.models import ClusterOperation, Dataset
from webapp.jobs.models import Job, Product, State

MOST_LISTED = 100
HERE = (Kind.RENAME, Kind.COLOUR)


@dataclass(frozen=True)
class Entry:
    """One operation in the list; `note` says what became of what was asked for."""

    operation: ClusterOperation
    words: str
    note: str
    undone_by: ClusterOperation | None
    may_undo: bool

    @property
    def is_promotion(self) -> bool:
        """Whether undoing it takes labels back, too, which the label app does."""
        return self.operation.kind == Kind.PROMOTE


def history_of(dataset: Dataset, shown: Product | None) -> tuple[list[Entry], int]:
    """Return the newest operations, the last first, and how many there are.

    Names and colours can be taken back where they are seen: on the page of the clustering that has them.
    """
    rows = ClusterOperation.objects.filter(dataset=dataset).exclude(kind=Kind.UNDO)
    n_rows = rows.count()
    listed = list(rows.select_related("created_by").order_by("-pk")[:MOST_LISTED])
    undoing = ClusterOperation.objects.filter(dataset=dataset, undoes__in=listed).select_related("created_by")
    undone = {item.undoes_id: item for item in undoing}
    current = newest(dataset, "cluster")
    asked = {item.clustering for item in listed}
    made = set(Product.objects.filter(dataset=dataset, pk__in=asked).values_list("pk", flat=True))
    states = dict(Job.objects.filter(dataset=dataset, result_id__in=asked).values_list("result_id", "state"))
    entries = []
    for item in listed:
        note = "" if item.clustering in made else _note(states.get(item.clustering))
        is_open = item.pk not in undone
        leads_back = "before" in item.params and current is not None and item.clustering == current.pk
        is_seen = item.kind in HERE and shown is not None and item.clustering == shown.pk
        may_undo = is_open and (is_seen or item.kind == Kind.PROMOTE or leads_back)
        if item.kind in HERE and not is_seen:
            note = "earlier clusters"
        entries.append(Entry(item, item.params.get("words", ""), note, undone.get(item.pk), may_undo))
    return entries, n_rows


def _note(state: str | None) -> str:
    if state in (State.QUEUED, State.RUNNING):
        return "being made"
    return "did not come about" if state else "not there any more"


def facts_of_names(clustering: Product) -> list[dict[str, object]]:
    """Return number, name and colour of each cluster, as scripts take them in."""
    found = names_of_clustering(clustering)
    return [
        {
            "id": number,
            "name": name.name,
            "colour": name.colour,
            "className": name.class_name,
            "isGiven": name.is_given,
        }
        for number, name in found.items()
    ]
