"""Make a class of a cluster: its frames are labelled at once, and all of it can be undone at once."""

import uuid

from django.db import transaction

from webapp.accounts.models import User
from webapp.datasets.cluster_names import Kind, name_of, names_of
from webapp.datasets.cluster_operations import lock, record, sent_before
from webapp.datasets.columns import Columns
from webapp.datasets.models import ClusterOperation
from webapp.datasets.scopes import frames_of_scope
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.naming import LabelError, check_name
from webapp.labels.services import add_class, create_scheme, label_frames, undo_event


def promote_cluster(
    *,
    columns: Columns,
    cluster: int,
    name: str,
    user: User | None = None,
    client_id: uuid.UUID | None = None,
) -> ClusterOperation:
    """Label all frames of a cluster with the class of that name, which is made if need be."""
    dataset, name = columns.dataset, check_name(name)
    names = names_of(columns)
    if cluster < 0 or cluster not in names:
        raise LabelError("There is no such cluster among these. Load the page again.")
    frames = frames_of_scope(columns, {"cluster": cluster})
    called = name_of(names, cluster).name
    with transaction.atomic():
        lock(dataset)
        if before := sent_before(dataset, client_id):
            return before
        scheme = _scheme_with(columns, name)
        stands_alone = scheme.single_label or name in scheme.exclusive
        dataset.scheme = scheme
        event = label_frames(
            dataset=dataset,
            frames=frames,
            operation="set" if stands_alone else "add",
            classes=[name],
            user=user,
            scope=f"cluster “{called}” made a class, {len(frames)} frames",
        )
        told = {"class": name, "event": event.pk, "n": len(frames)}
        told |= {"words": f"Made “{called}” the class “{name}”: {len(frames):,} frames labelled"}
        clustering = columns.products["cluster"].pk
        return record(dataset, Kind.PROMOTE, clustering, told, user, client_id, cluster=cluster)


def _scheme_with(columns: Columns, name: str) -> ClassScheme:
    scheme = ClassScheme.objects.filter(dataset=columns.dataset).first()
    if scheme is None:
        return create_scheme(dataset=columns.dataset, names=[name], exclusive=[])
    return scheme if name in scheme.names else add_class(scheme=scheme, name=name)


def undo_promotion(
    *, operation: ClusterOperation, user: User | None = None, client_id: uuid.UUID | None = None
) -> ClusterOperation:
    """Take the labels back that a promotion gave; the class stays, for others may use it."""
    dataset = operation.dataset
    with transaction.atomic():
        lock(dataset)
        if before := sent_before(dataset, client_id):
            return before
        if operation.undone_by.exists():
            raise LabelError("That has been undone already.")
        event = LabelEvent.objects.get(dataset=dataset, pk=operation.params["event"])
        if not event.undone_by.exists():  # else the labels were taken back in their own history
            undo_event(event=event, user=user)
        return record(dataset, Kind.UNDO, operation.clustering, {}, user, client_id, undoes=operation)
