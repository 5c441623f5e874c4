"""Writes about classes and labels; events are only ever appended."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np
from django.db import connection, transaction

from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.labels.csv_file import LabelsFile, read_labels_csv
from webapp.labels.exclusions import check_together, driven_out
from webapp.labels.frames import pack_frames
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.naming import LabelError, check_name

# Okabe and Ito's colours, which colour-blind people can tell apart, then lighter ones of the same hues.
COLOURS = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#4c8fd6", "#d55e00", "#cc79a7", "#aa4499",
    "#ffd27f", "#a9dbf5", "#7fcfb9", "#f8f2a1", "#a6c7eb", "#eaae7f", "#e6bcd3", "#d4a1cc",
)  # fmt: skip
KEYS = "123456789abcdehijknopqrtuvwxyz"
DROPLET_CLASSES = (
    "Spherical/Oblate", "Round", "Elliptical", "NewtonRings", "Prolate", "Bent",
    "Asymmetric", "Streak", "DoubleRings", "Empty", "Layered",
)  # fmt: skip
DROPLET_EXCLUDES = (("Spherical/Oblate", "Prolate"),)
_turns = Lock()
MOST_CLASSES = 62  # a mask is one signed 64-bit number


def create_scheme(
    *,
    dataset: Dataset,
    names: Iterable[str] = DROPLET_CLASSES,
    exclusive: Iterable[str] = ("Empty",),
    excludes: Iterable[Iterable[str]] = DROPLET_EXCLUDES,
    single_label: bool = False,
) -> ClassScheme:
    """Create the classes of a data set, with a key and a colour each."""
    names = [check_name(name) for name in names]
    if not names:
        raise LabelError("Name at least one class.")
    if len(names) > MOST_CLASSES:
        raise LabelError(f"{len(names)} classes are too many: at most {MOST_CLASSES} can be used.")
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise LabelError(f"The class “{twice[0]}” is named twice.")
    classes = [
        {
            "name": name,
            "key": KEYS[place] if place < len(KEYS) else "",
            "colour": COLOURS[place % len(COLOURS)],
        }
        for place, name in enumerate(names)
    ]
    with transaction.atomic():
        lock_labels(dataset)
        if ClassScheme.objects.filter(dataset=dataset).exists():
            raise LabelError("This data set has classes already; add to them instead.")
        return ClassScheme.objects.create(
            dataset=dataset,
            classes=classes,
            exclusive=[name for name in exclusive if name in names],
            excludes=groups_among(excludes, names),
            single_label=single_label,
        )


def groups_among(groups: Iterable[Iterable[str]], names: list[str]) -> list[list[str]]:
    """Return of each group the classes that there are, and no group in which nothing is left to exclude."""
    kept = [[name for name in dict.fromkeys(group) if name in names] for group in groups]
    return [group for group in kept if len(group) > 1]


@transaction.atomic
def add_class(*, scheme: ClassScheme, name: str) -> ClassScheme:
    """Append a class; the ones that are there keep their places."""
    lock_labels(scheme.dataset)
    scheme.refresh_from_db()
    name = check_name(name)
    if name in scheme.names:
        raise LabelError(f"There is a class “{name}” already.")
    if len(scheme.classes) >= MOST_CLASSES:
        raise LabelError(f"At most {MOST_CLASSES} classes can be used.")
    place, taken = len(scheme.classes), {entry["key"] for entry in scheme.classes}
    key = next((key for key in KEYS if key not in taken), "")
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
    purpose: str = LabelEvent.Purpose.LABEL,
) -> LabelEvent:
    """Append one event for the frames with the numbers `frames`; the same `client_id` is stored once."""
    frames = np.asarray(frames, dtype=np.int64)
    if (np.diff(frames) <= 0).any():  # most come sorted, and sorting a hundred thousand takes its time
        frames = np.unique(frames)
    if frames.size == 0:
        raise LabelError("No frame is selected.")
    if frames[0] < 0 or frames[-1] >= (dataset.n_frames or 0):
        raise LabelError(f"There is no frame {frames[-1] if frames[0] >= 0 else frames[0]} in this data set.")
    if operation not in (LabelEvent.Operation.SET, "add", "remove", "clear"):
        raise LabelError(f"“{operation}” is not something that can be done to labels.")
    mask = class_mask(dataset.scheme, classes, operation)
    if purpose not in LabelEvent.LABELS:
        raise LabelError(f"“{purpose}” does not change labels; it is a reading.")
    return append_event(
        dataset=dataset,
        client_id=client_id or uuid.uuid4(),
        operation=operation,
        purpose=purpose,
        mask=mask,
        clears=driven_out(dataset.scheme, mask) if operation == "add" else 0,
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
    if operation in ("set", "add"):
        check_together(scheme, classes)
    return scheme.bits(classes)


def undo_event(*, event: LabelEvent, user: User | None, client_id: uuid.UUID | None = None) -> LabelEvent:
    """Append an event that takes another back; the same `client_id` is stored once."""
    client_id = client_id or uuid.uuid4()
    with _in_turn(event.dataset):
        sent_before = LabelEvent.objects.filter(dataset=event.dataset, client_id=client_id).first()
        if sent_before:
            return sent_before
        if event.operation == LabelEvent.Operation.UNDO or event.undone_by.exists():
            raise LabelError("That has been undone already.")
        return LabelEvent.objects.create(
            dataset=event.dataset,
            client_id=client_id,
            operation=LabelEvent.Operation.UNDO,
            purpose=event.purpose,
            undoes=event,
            created_by=user,
        )


def redo_event(*, event: LabelEvent, user: User | None, client_id: uuid.UUID | None = None) -> LabelEvent:
    """Append an event that was taken back once more, as it was; the same `client_id` is stored once."""
    if event.operation == LabelEvent.Operation.UNDO or not event.undone_by.exists():
        raise LabelError("That has not been undone.")
    same = ("operation", "purpose", "mask", "clears", "frames", "n_frames", "scope", "first_mask", "first_by")
    fields = {name: getattr(event, name) for name in same}
    return append_event(dataset=event.dataset, client_id=client_id or uuid.uuid4(), created_by=user, **fields)


def import_labels_csv(
    *, dataset: Dataset, file: Path | BinaryIO, user: User | None = None, single_label: bool = False
) -> int:
    """Append the labels of a CSV, creating the classes from it where there are none.

    Returns how many frames it labels. One event stands for all frames with the same set of classes, under an
    id that follows from the content, so that a second import of the same file appends nothing.
    """
    if not dataset.n_frames:
        raise LabelError("The data set has no frames yet. Let it be looked into, then import the labels.")
    labels = read_labels_csv(file, dataset.n_frames)  # before the transaction: it can take long
    with transaction.atomic():
        _append_labels(dataset, labels, user, single_label)
    return labels.n_frames


def _append_labels(dataset: Dataset, labels: LabelsFile, user: User | None, single_label: bool) -> None:
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    if scheme is None:
        scheme = _scheme_of(dataset, labels, single_label)
        dataset.scheme = scheme
    _check_classes(labels, scheme)
    for classes, frames in labels.frames.items():
        label_frames(
            dataset=dataset,
            frames=np.fromiter(frames, dtype=np.int64),
            operation=LabelEvent.Operation.SET,
            classes=classes,
            user=user,
            client_id=labels.event_id(dataset.pk, classes),
            scope=f"imported from {labels.name}"[:200],
        )


def _scheme_of(dataset: Dataset, labels: LabelsFile, single_label: bool) -> ClassScheme:
    """Create the classes that a file uses: those of droplets in their usual order, others by name."""
    used = labels.classes
    if not used:
        raise LabelError(f"{labels.name}: names no class. Name one in at least one line.")
    names = [name for name in DROPLET_CLASSES if name in used]
    names += [name for name in used if name not in names]
    stands_alone = all(len(classes) == 1 for classes in labels.frames if "Empty" in classes)
    return create_scheme(
        dataset=dataset,
        names=names,
        exclusive=["Empty"] if stands_alone else [],
        excludes=uncontradicted(DROPLET_EXCLUDES, labels.frames),
        single_label=single_label,
    )


def uncontradicted(groups: Iterable[Iterable[str]], found: Iterable[Iterable[str]]) -> list[list[str]]:
    """Return the groups of classes of which no frame has two in `found`, the sets of classes of a file."""
    found = [set(classes) for classes in found]
    return [list(group) for group in groups if all(len(set(group) & each) < 2 for each in found)]


def _check_classes(labels: LabelsFile, scheme: ClassScheme) -> None:
    for classes, frames in labels.frames.items():
        try:
            class_mask(scheme, classes)
        except LabelError as error:
            remedy = f"Use the classes of the data set ({', '.join(scheme.names)}), or add to them first."
            raise LabelError(f"{labels.name}, line {min(frames.values())}: {error} {remedy}") from error


def append_event(*, dataset: Dataset, client_id: uuid.UUID, **fields: object) -> LabelEvent:
    """Append an event; one that was sent before is returned as it was stored."""
    with _in_turn(dataset):
        sent_before = LabelEvent.objects.filter(dataset=dataset, client_id=client_id).first()
        return sent_before or LabelEvent.objects.create(dataset=dataset, client_id=client_id, **fields)


@contextmanager
def _in_turn(dataset: Dataset) -> Iterator[None]:
    """Write events in a transaction, one after another.

    SQLite lets whoever finds it locked sleep for up to a tenth of a second before the next try. The threads
    of a web server wait here instead, and go on at once; who is within a transaction has the lock already.
    """
    waits_here = connection.vendor == "sqlite" and not connection.in_atomic_block
    with _turns if waits_here else nullcontext(), transaction.atomic():
        lock_labels(dataset)
        yield


def lock_labels(dataset: Dataset) -> None:
    """Let one event at a time be written: events become visible in the order of their numbers.

    Without it “the labels up to event 41” could change, when number 41 is committed after number 42.
    """
    if not connection.features.has_select_for_update:
        return  # on SQLite the transaction itself is the lock
    Dataset.objects.select_for_update().values_list("pk").get(pk=dataset.pk)
