"""Writes about classes and labels; events are only ever appended."""

import uuid
from collections.abc import Iterable

import numpy as np
from django.db import IntegrityError, transaction

from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.labels.frames import pack_frames
from webapp.labels.models import ClassScheme, LabelEvent

# Okabe and Ito's colours, which colour-blind people can tell apart, then lighter ones of the same hues.
COLOURS = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#4c8fd6", "#d55e00", "#cc79a7", "#b8b8b8",
    "#ffd27f", "#a9dbf5", "#7fcfb9", "#f8f2a1", "#a6c7eb", "#eaae7f", "#e6bcd3", "#dcdcdc",
)  # fmt: skip
KEYS = "123456789abcdehijknopqrtuvwxyz"
DROPLET_CLASSES = (
    "Spherical/Oblate", "Round", "Elliptical", "NewtonRings", "Prolate", "Bent",
    "Asymmetric", "Streak", "DoubleRings", "Empty", "Layered",
)  # fmt: skip
MOST_CLASSES = 62  # a mask is one signed 64-bit number


class LabelError(ValueError):
    """A label that cannot be taken; the text is for the user."""


def create_scheme(
    *,
    dataset: Dataset,
    names: Iterable[str] = DROPLET_CLASSES,
    exclusive: Iterable[str] = ("Empty",),
    single_label: bool = False,
) -> ClassScheme:
    """Create the classes of a data set, with a key and a colour each."""
    names = list(names)
    if len(names) > MOST_CLASSES:
        raise LabelError(f"{len(names)} classes are too many: at most {MOST_CLASSES} can be used.")
    classes = [
        {
            "name": name,
            "key": KEYS[place] if place < len(KEYS) else "",
            "colour": COLOURS[place % len(COLOURS)],
        }
        for place, name in enumerate(names)
    ]
    return ClassScheme.objects.create(
        dataset=dataset,
        classes=classes,
        exclusive=[name for name in exclusive if name in names],
        single_label=single_label,
    )


def add_class(*, scheme: ClassScheme, name: str) -> ClassScheme:
    """Append a class; the ones that are there keep their places."""
    name = name.strip()
    if not name or ";" in name or "," in name:
        raise LabelError("A class needs a name without comma and semicolon.")
    if name in scheme.names:
        raise LabelError(f"There is a class “{name}” already.")
    if len(scheme.classes) >= MOST_CLASSES:
        raise LabelError(f"At most {MOST_CLASSES} classes can be used.")
    place = len(scheme.classes)
    key = KEYS[place] if place < len(KEYS) else ""
    scheme.classes = [*scheme.classes, {"name": name, "key": key, "colour": COLOURS[place % len(COLOURS)]}]
    scheme.save(update_fields=["classes"])
    return scheme


def label_frames(
    *,
    dataset: Dataset,
    frames: np.ndarray,
    operation: str,
    classes: Iterable[str] = (),
    user: User | None = None,
    client_id: uuid.UUID | None = None,
    scope: str = "",
) -> LabelEvent:
    """Append one event for the frames with the numbers `frames`; the same `client_id` is stored once."""
    frames = np.unique(np.asarray(frames, dtype=np.int64))
    if frames.size == 0:
        raise LabelError("No frame is selected.")
    if frames[0] < 0 or frames[-1] >= (dataset.n_frames or 0):
        raise LabelError(f"There is no frame {frames[-1] if frames[0] >= 0 else frames[0]} in this data set.")
    if operation not in (LabelEvent.Operation.SET, "add", "remove", "clear"):
        raise LabelError(f"“{operation}” is not something that can be done to labels.")
    mask = class_mask(dataset.scheme, classes, operation)
    return _append(
        dataset=dataset,
        client_id=client_id or uuid.uuid4(),
        operation=operation,
        mask=mask,
        frames=pack_frames(frames),
        n_frames=frames.size,
        scope=scope,
        created_by=user,
    )


def class_mask(scheme: ClassScheme, classes: Iterable[str], operation: str = "set") -> int:
    """Return the bits of `classes`, refusing combinations that the scheme excludes."""
    classes = set(classes)
    unknown = classes - set(scheme.names)
    if unknown:
        raise LabelError(f"There is no class “{sorted(unknown)[0]}” in this data set.")
    if operation == "set" and len(classes) > 1:
        if scheme.single_label:
            raise LabelError("Each frame has one class only here.")
        alone = classes & set(scheme.exclusive)
        if alone:
            raise LabelError(f"“{sorted(alone)[0]}” stands alone; it goes with no other class.")
    return sum(1 << place for place, name in enumerate(scheme.names) if name in classes)


def undo_event(*, event: LabelEvent, user: User | None, client_id: uuid.UUID | None = None) -> LabelEvent:
    """Append an event that takes another back."""
    if event.operation == LabelEvent.Operation.UNDO or event.undone_by.exists():
        raise LabelError("That has been undone already.")
    return _append(
        dataset=event.dataset,
        client_id=client_id or uuid.uuid4(),
        operation=LabelEvent.Operation.UNDO,
        undoes=event,
        created_by=user,
    )


def _append(*, dataset: Dataset, client_id: uuid.UUID, **fields: object) -> LabelEvent:
    try:
        with transaction.atomic():
            return LabelEvent.objects.create(dataset=dataset, client_id=client_id, **fields)
    except IntegrityError:
        return LabelEvent.objects.get(dataset=dataset, client_id=client_id)
