"""Ask for other clusters: read anew from a tree that was kept, one looked into, or several merged."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from webapp.accounts.models import User
from webapp.datasets.cluster_names import Kind, name_of, names_of_clustering
from webapp.datasets.cluster_operations import (
    OperationError,
    check_cluster_name,
    lock,
    record,
    require_free_name,
    sent_before,
)
from webapp.datasets.lineage import choose_clustering, newest
from webapp.datasets.models import ClusterOperation, Dataset
from webapp.explore.clusterings import SETTINGS, Settings, reading_words, root_of, settings_of
from webapp.explore.nuisances import write_report
from webapp.explore.services import read_clusters
from webapp.jobs.models import Product
from webapp.jobs.services import Handle


def cluster_again(
    *, clustering: Product, recipe: dict[str, Any], within: int | None = None, user: User | None = None
) -> Handle:
    """Ask for clusters by other settings, or for the parts of one cluster, and for their nuisance report.

    What was read in the same way before is found, and becomes the current clustering.
    """
    # From the root, wherever one stands: so the same settings are found again and not read twice.
    read = clustering if within is not None else root_of(clustering)
    if within is None and _is_as_found(read, recipe):
        handle = Handle.of(read)
    else:
        handle = read_clusters(dataset=read.dataset, clustering=read, recipe=recipe, within=within, user=user)
    if within is None:
        told = {"words": f"Asked for clusters read anew: {_settings_words(recipe)}"}
        _note(clustering, Kind.READ, handle.id, told, user)
    else:
        told = {"words": f"Looked into “{name_of(names_of_clustering(clustering), within).name}”"}
        _note(clustering, Kind.SPLIT, handle.id, told, user, cluster=within)
    _go_on(clustering.dataset, read, handle, user)
    return handle


def merge_clusters(
    *,
    clustering: Product,
    clusters: Sequence[int],
    name: str = "",
    user: User | None = None,
    client_id: uuid.UUID | None = None,
) -> Handle:
    """Ask for a clustering in which some clusters of this one are one, called `name` where that is given."""
    group, names = sorted(set(clusters)), names_of_clustering(clustering)
    unknown = [number for number in group if number not in names or number < 0]
    if unknown:
        raise OperationError(f"There is no cluster {unknown[0]} among these. Load the page again.")
    if len(group) < 2:
        raise OperationError("One cluster alone cannot be merged. Choose at least two.")
    name = check_cluster_name(name) if name.strip() else ""
    if earlier := sent_before(clustering.dataset, client_id):
        return _handle_of(clustering, earlier)
    if name:
        require_free_name(clustering, name, set(group))
    handle = read_clusters(
        dataset=clustering.dataset, clustering=clustering, recipe={}, merge=[group], user=user
    )
    called = [f"“{names[number].name}”" for number in group]
    joint = f" into “{name}”" if name else ""
    told = {"clusters": group, "name": name, "colour": names[group[0]].colour}
    told |= {"words": f"Merged {', '.join(called[:-1])} and {called[-1]}{joint}"}
    _note(clustering, Kind.MERGE, handle.id, told, user, client_id=client_id)
    _go_on(clustering.dataset, clustering, handle, user)
    return handle


def _handle_of(clustering: Product, operation: ClusterOperation) -> Handle:
    """Return what an operation asked for that was sent before."""
    found = Product.objects.filter(dataset=clustering.dataset, pk=operation.clustering).first()
    return Handle.of(found) if found else Handle(operation.clustering, "", None)


def choose_earlier(*, dataset: Dataset, clustering: Product, user: User | None = None) -> None:
    """Let pages and manifest go on from a clustering that is there."""
    current = newest(dataset, "cluster") or clustering
    told = {"words": f"Went on from: {reading_words(clustering, current)}"}
    current.dataset = dataset
    _note(current, Kind.CHOOSE, clustering.pk, told, user)
    choose_clustering(dataset=dataset, clustering=clustering.pk)


def _note(
    seen: Product,
    kind: str,
    clustering: uuid.UUID,
    told: dict[str, Any],
    user: User | None,
    client_id: uuid.UUID | None = None,
    **fields: Any,
) -> None:
    """Write down that another clustering was asked for: on the page of which one, and which was current.

    Who asks for the one that is current changes nothing, but for the name of what was merged.
    """
    dataset, current = seen.dataset, newest(seen.dataset, "cluster")
    is_current = current is None or current.pk == clustering
    if is_current and kind != Kind.MERGE:
        return
    if not is_current:
        told = {"before": str(current.pk), "seen": str(seen.pk), **told}
    with transaction.atomic():
        lock(dataset)
        record(dataset, kind, clustering, told, user, client_id, **fields)


def _go_on(dataset: Dataset, read: Product, handle: Handle, user: User | None) -> None:
    """Show at once what is there already, and ask for the report of what comes."""
    if handle.job is None:
        choose_clustering(dataset=dataset, clustering=handle.id)
    write_report(origin=read, clustering=handle, user=user)


def _settings_words(recipe: dict[str, Any]) -> str:
    given = Settings(recipe.get("min_cluster_size"), recipe.get("min_samples"), recipe.get("method", ""))
    return given.words or "the settings chosen among several"


def _is_as_found(root: Product, recipe: dict[str, Any]) -> bool:
    """Whether settings are those that the root was asked for, or those that it chose."""
    asked = root.params.get("recipe", {})
    left_open = (None, "auto")
    own = {name: asked[name] for name in SETTINGS if asked.get(name) not in left_open}
    return recipe in (own, vars(settings_of(root)))
