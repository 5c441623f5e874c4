"""What people do to clusters, written down: names, colours, what was asked for, and undoing it."""

import re
import uuid
from typing import Any

from django.db import transaction

from webapp.accounts.models import User
from webapp.datasets.cluster_names import Kind, names_after, names_of_clustering
from webapp.datasets.columns import NOISE
from webapp.datasets.lineage import choose_clustering, newest
from webapp.datasets.models import ClusterOperation, Dataset
from webapp.datasets.palette import contrast
from webapp.jobs.models import Product

LONGEST_NAME = 60
GROUNDS = {"dark": "#13181e", "light": "#ffffff"}
LEAST_CONTRAST = 1.15
"""Of a dot with the ground of either theme; that of the lightest colour of the palette."""
OWN_WORDS = re.compile(r"(cluster\s*-?\d+|noise)", re.IGNORECASE)


class OperationError(ValueError):
    """Something that cannot be done to clusters; the text is for the user."""


def check_cluster_name(name: str) -> str:
    """Return a name without outer blanks; it may become that of a class, so it is held to the same rule."""
    name = " ".join(name.split(" ")).strip()
    if not name:
        raise OperationError("The name is empty. Give the cluster one, or keep the present one with Esc.")
    if len(name) > LONGEST_NAME:
        raise OperationError(f"The name has {len(name)} signs. Use at most {LONGEST_NAME}.")
    if any(sign in name for sign in ";,") or not name.isprintable():
        raise OperationError("A name goes into tables and may become a class: leave out comma and semicolon.")
    if OWN_WORDS.fullmatch(name):
        raise OperationError(f"“{name}” is how clusters without a name are called. Choose another name.")
    return name


def check_colour(colour: str) -> str:
    """Return a colour as #rrggbb, refusing what cannot be seen on one of the two grounds."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise OperationError("A colour is written as # and six digits, such as #e69f00.")
    for theme, ground in GROUNDS.items():
        if contrast(colour, ground) < LEAST_CONTRAST:
            other = "lighter" if theme == "dark" else "darker"
            raise OperationError(f"{colour} can hardly be seen on the {theme} page. Choose a {other} one.")
    return colour.lower()


def rename_cluster(
    *,
    clustering: Product,
    cluster: int,
    name: str,
    user: User | None = None,
    client_id: uuid.UUID | None = None,
) -> ClusterOperation:
    """Call a cluster by a name that no other one has."""
    name = check_cluster_name(name)
    with transaction.atomic():
        lock(clustering.dataset)
        if before := sent_before(clustering.dataset, client_id):
            return before
        was = _require_cluster(clustering, cluster)
        require_free_name(clustering, name, {cluster})
        told = {"name": name, "words": f"Called “{was}” “{name}”"}
        return record(clustering.dataset, Kind.RENAME, clustering.pk, told, user, client_id, cluster=cluster)


def recolour_cluster(
    *,
    clustering: Product,
    cluster: int,
    colour: str,
    user: User | None = None,
    client_id: uuid.UUID | None = None,
) -> ClusterOperation:
    """Paint a cluster in another colour, in map, cards and charts."""
    colour = check_colour(colour)
    with transaction.atomic():
        lock(clustering.dataset)
        if before := sent_before(clustering.dataset, client_id):
            return before
        was = _require_cluster(clustering, cluster)
        told = {"colour": colour, "words": f"Painted “{was}” in {colour}"}
        return record(
            clustering.dataset,
            Kind.COLOUR,
            clustering.pk,
            told,
            user,
            client_id,
            cluster=cluster,
        )


def undo_operation(
    *, operation: ClusterOperation, user: User | None = None, client_id: uuid.UUID | None = None
) -> ClusterOperation:
    """Take an operation back; where another clustering became current by it, return to the one before.

    A class that was made of a cluster is taken back with its labels, by the label app.
    """
    dataset = operation.dataset
    with transaction.atomic():
        lock(dataset)
        if before := sent_before(dataset, client_id):
            return before
        if operation.kind == Kind.UNDO or operation.undone_by.exists():
            raise OperationError("That has been undone already.")
        if "before" in operation.params:
            _return_to_earlier(dataset, operation)
        elif operation.kind == Kind.MERGE:
            raise OperationError("This merge had been made before. Undo that one, or rename the cluster.")
        undone = record(dataset, Kind.UNDO, operation.clustering, {}, user, client_id, undoes=operation)
        _require_names_apart(dataset, operation)
        return undone


def _return_to_earlier(dataset: Dataset, operation: ClusterOperation) -> None:
    products = Product.objects.filter(dataset=dataset, kind="cluster")
    earlier = products.filter(pk=operation.params["before"]).first()
    if earlier is None:
        raise OperationError("The clusters from before are not there any more.")
    if not products.filter(pk=operation.clustering).exists():
        raise OperationError("These clusters are still being made. Cancel their job instead.")
    if (current := newest(dataset, "cluster")) is None or current.pk != operation.clustering:
        raise OperationError("Other clusters are current since then. Choose among all clusterings instead.")
    choose_clustering(dataset=dataset, clustering=earlier.pk)


def _require_names_apart(dataset: Dataset, operation: ClusterOperation) -> None:
    """Refuse to undo a renaming if another cluster has got the old name since."""
    clustering = Product.objects.filter(dataset=dataset, pk=operation.clustering).first()
    if operation.kind != Kind.RENAME or clustering is None:
        return
    names = names_after(clustering, list(ClusterOperation.objects.filter(dataset=dataset)))
    mine = names[operation.cluster].name.casefold()
    if any(entry.name.casefold() == mine for number, entry in names.items() if number != operation.cluster):
        raise OperationError(f"Another cluster is called “{names[operation.cluster].name}” by now.")


def require_free_name(clustering: Product, name: str, besides: set[int]) -> None:
    """Refuse a name that a cluster has, those of `besides` left aside."""
    for number, entry in names_of_clustering(clustering).items():
        if number not in besides and entry.name.casefold() == name.casefold():
            raise OperationError(
                f"There is a cluster “{entry.name}” already. Merge the two, or choose another name."
            )


def _require_cluster(clustering: Product, cluster: int) -> str:
    """Return what a cluster is called now, refusing noise and what is not there."""
    if cluster == NOISE:
        raise OperationError("Noise is what belongs to no cluster; it keeps its name and its grey.")
    names = names_of_clustering(clustering)
    if cluster not in names:
        raise OperationError(f"There is no cluster {cluster} among these. Load the page again.")
    return names[cluster].name


def sent_before(dataset: Dataset, client_id: uuid.UUID | None) -> ClusterOperation | None:
    """Return the operation that a browser has sent already under this id."""
    found = ClusterOperation.objects.filter(dataset=dataset, client_id=client_id) if client_id else None
    return found.first() if found is not None else None


def record(
    dataset: Dataset,
    kind: str,
    clustering: uuid.UUID,
    params: dict[str, Any],
    user: User | None,
    client_id: uuid.UUID | None = None,
    **fields: Any,
) -> ClusterOperation:
    """Append an operation."""
    return ClusterOperation.objects.create(
        dataset=dataset,
        clustering=clustering,
        client_id=client_id or uuid.uuid4(),
        kind=kind,
        params=params,
        created_by=user,
        **fields,
    )


def lock(dataset: Dataset) -> None:
    """Let one operation at a time be written: each is judged by all that were before it."""
    Dataset.objects.select_for_update().get(pk=dataset.pk)
