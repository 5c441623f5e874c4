"""Labels that come from elsewhere than a person's key: from another data set, or from the source files."""

import uuid

import numpy as np
from django.db import transaction

from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.jobs.lifecycle import NotPublishable
from webapp.jobs.models import Product
from webapp.jobs.services import Handle, submit
from webapp.labels.exclusions import check_together
from webapp.labels.frames import UNSEEN
from webapp.labels.models import ClassScheme
from webapp.labels.naming import LabelError, check_name
from webapp.labels.selectors import class_names, label_state, last_event_id
from webapp.labels.services import (
    DROPLET_CLASSES,
    DROPLET_EXCLUDES,
    add_class,
    create_scheme,
    label_frames,
    uncontradicted,
)


@transaction.atomic
def carry_over(*, product: Product) -> None:
    """Give the frames that were found again the labels that they had in the data set before.

    The ids of the events follow from where the labels come from, so that doing it twice changes nothing.
    """
    before = Dataset.objects.filter(pk=product.params["labels_from"]).first()
    scheme = ClassScheme.objects.filter(dataset=before).first() if before else None
    if scheme is None:
        return
    with np.load(product.path("matches.npz"), allow_pickle=False) as matches:
        old, new = matches["old"], matches["new"]
    as_of, target = last_event_id(before), product.dataset
    masks = label_state(before).masks[old]
    _take_classes(target, scheme)
    for mask in np.unique(masks[masks != UNSEEN]).tolist():
        label_frames(
            dataset=target,
            frames=new[masks == mask],
            operation="set",
            classes=class_names(scheme, mask),
            user=product.created_by,
            client_id=uuid.uuid5(target.pk, f"{before.pk} {as_of} {mask}"),
            scope=f"carried over by {product.facts.get('by') or 'number'}, from {before.name}"[:200],
        )


def ask_for_file_labels(
    *, dataset: Dataset, source: Product, names: list[str] | None = None, user: User | None = None
) -> Handle:
    """Ask for the labels that the source files hold; they become label events when they are read.

    `names` is what they shall be called here, one name for each; as in the files if not given.
    """
    found = source.facts.get("label_names", [])
    names = [check_name(name) for name in names or found]
    if len(names) != len(found):
        raise LabelError(f"The files hold {len(found)} labels, and {len(names)} names were given.")
    if len(set(names)) < len(names):
        raise LabelError("Two labels of the files were given the same name.")
    return submit(
        kind="file-labels",
        group=dataset.group,
        dataset=dataset,
        inputs={"source": Handle.of(source)},
        # Each data set takes them in for itself, also where a twin of the same files has done so.
        params={"dataset": str(dataset.pk)} | ({} if names == found else {"names": names}),
        user=user,
    )


@transaction.atomic
def import_file_labels(*, product: Product) -> None:
    """Append the labels that were read from the source files, one event for each set of classes."""
    dataset, names = product.dataset, product.params.get("names") or product.facts["classes"]
    with np.load(product.path("labels.npz"), allow_pickle=False) as found:
        indices, matrix = found["indices"], found["matrix"]
    if not len(indices):
        return
    sets, members = np.unique(matrix, axis=0, return_inverse=True)
    _offer_classes(dataset, names, sets)
    for number, row in enumerate(sets):
        classes = [name for name, applies in zip(names, row, strict=True) if applies]
        label_frames(
            dataset=dataset,
            frames=indices[members.ravel() == number],
            operation="set",
            classes=classes,
            user=product.created_by,
            client_id=uuid.uuid5(dataset.pk, f"{product.key} {';'.join(classes)}"),
            scope="read from the source files",
        )


def _take_classes(target: Dataset, scheme: ClassScheme) -> None:
    """Give `target` the classes of `scheme`, colours and keys as well, or add those that it lacks."""
    own = ClassScheme.objects.filter(dataset=target).first()
    if own is None:
        own = ClassScheme.objects.create(
            dataset=target,
            classes=scheme.classes,
            exclusive=scheme.exclusive,
            excludes=scheme.excludes,
            single_label=scheme.single_label,
        )
    for name in scheme.names:
        if name not in own.names:
            add_class(scheme=own, name=name)
    target.scheme = own


def _offer_classes(dataset: Dataset, names: list[str], sets: np.ndarray) -> None:
    """Create the classes of a file where there are none, else add those that are missing."""
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    if scheme is None:
        known = [name for name in DROPLET_CLASSES if name in names]
        ordered = [*known, *(name for name in names if name not in known)]
        said = [[name for name, applies in zip(names, row, strict=True) if applies] for row in sets]
        dataset.scheme = create_scheme(
            dataset=dataset,
            names=ordered,
            exclusive=_standing_alone(names, sets),
            excludes=uncontradicted(DROPLET_EXCLUDES, said),
        )
        return
    for name in names:
        if name not in scheme.names:
            add_class(scheme=scheme, name=name)
    for row in sets:
        chosen = {name for name, applies in zip(names, row, strict=True) if applies}
        try:
            check_together(scheme, chosen)
        except LabelError as error:
            raise NotPublishable(
                f"The files say {', '.join(sorted(chosen))} of one frame, which the classes of this data set "
                "exclude. Take the labels in before classes are created here."
            ) from error
    dataset.scheme = scheme


def _standing_alone(names: list[str], sets: np.ndarray) -> list[str]:
    """Return "Empty" if no frame of the file has it together with another class."""
    if "Empty" not in names:
        return []
    with_empty = sets[sets[:, names.index("Empty")]]
    return ["Empty"] if (with_empty.sum(axis=1) == 1).all() else []
