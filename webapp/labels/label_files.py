"""Files of labels in any format: kept, read by a worker, shown, and only then taken in."""

import hashlib
import shutil
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from webapp.accounts.models import User
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job, Product
from webapp.jobs.services import Handle, submit
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.naming import LabelError, check_name
from webapp.labels.services import (
    DROPLET_CLASSES,
    DROPLET_EXCLUDES,
    add_class,
    create_scheme,
    label_frames,
    uncontradicted,
    undo_event,
)

KEPT_S = 7 * 24 * 3600
FOLDER, KEPT = "label-files", "labels"
LARGEST_BYTES = 500 * 10**6
ENDINGS = (
    *(".csv", ".jsonl", ".ndjson", ".parquet", ".json"),
    *(".cxi", ".h5", ".hdf5"),
    *(".lst", ".dat", ".txt", ".zip"),
)
SIMPLE_HEADER = b"index,classes"


def is_simple(file: UploadedFile) -> bool:
    """Whether a file is the short CSV `index,classes`, which is taken in at once."""
    head = file.read(64)
    file.seek(0)
    first = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")[0]
    ending = Path(file.name or "").suffix.lower()
    return ending not in ENDINGS or (ending == ".csv" and first.replace(b" ", b"").strip() == SIMPLE_HEADER)


def ask_to_read(
    *,
    dataset: Dataset,
    file: UploadedFile,
    user: User | None = None,
    everything: bool = False,
    class_name: str = "",
) -> Handle:
    """Keep a file, and ask a worker what it says of the frames of a data set."""
    index = newest(dataset, "index")
    if index is None:
        raise LabelError(
            "The frames are not indexed yet. Sort this data set first, then send the file again."
        )
    if (file.size or 0) > LARGEST_BYTES:
        raise LabelError(f"{file.name}: is larger than 500 MB. Send a smaller one, such as Parquet.")
    if class_name:
        class_name = check_name(class_name)
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    params = {
        "dataset": str(dataset.pk),
        "file": _keep(file),
        "name": Path(file.name or "labels").name[:120],
        "everything": everything,
        "class_name": class_name,
        "known": scheme.names if scheme else [],
    }
    title = f"Labels from {params['name']}"
    inputs = {"index": Handle.of(index)}
    common = {"group": dataset.group, "dataset": dataset, "user": user, "title": title}
    return submit(kind="label-file", inputs=inputs, params=params, **common)


def _keep(file: UploadedFile) -> str:
    """Store a file under its SHA-256, and return that."""
    folder = settings.DATA_DIR / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    partial, digest = folder / f".{uuid.uuid4()}.partial", hashlib.sha256()
    try:
        with partial.open("wb") as kept:
            for chunk in file.chunks():
                kept.write(chunk)
                digest.update(chunk)
        own = folder / digest.hexdigest()  # a folder for itself: links of a file lead to no other one
        own.mkdir(exist_ok=True)
        partial.replace(own / KEPT)
    finally:
        partial.unlink(missing_ok=True)
    return digest.hexdigest()


def remove_old() -> None:
    """Delete files that were sent more than `KEPT_S` ago: what a worker read in them is a product by then."""
    folder = settings.DATA_DIR / FOLDER
    waiting = Job.objects.active().filter(kind="label-file").values_list("params__file", flat=True)
    needed, oldest = set(waiting), time.time() - KEPT_S
    for each in folder.iterdir() if folder.exists() else ():
        if each.name not in needed and each.stat().st_mtime < oldest:
            if each.is_dir():
                shutil.rmtree(each, ignore_errors=True)
            else:
                each.unlink(missing_ok=True)


def label_file_arguments(job: Job) -> dict[str, Any]:
    """Return the arguments of the step that reads the file of `job`."""
    named = ("name", "everything", "class_name", "known")
    path = settings.DATA_DIR / FOLDER / job.params["file"] / KEPT
    return {"labels": str(path), **{name: job.params[name] for name in named}}


def events_of(product: Product) -> list[LabelEvent]:
    """Return the events that took the labels of a file in, those that were taken back left out."""
    events = [event for turn in _turns(product) for event in turn]
    return [event for event in events if not event.undone_by.all()]


def new_classes(product: Product) -> list[str]:
    """Return the classes of a file that the data set has not."""
    scheme = ClassScheme.objects.filter(dataset=product.dataset_id).first()
    return [name for name in product.facts["classes"] if scheme is None or name not in scheme.names]


@transaction.atomic
def take_in(*, product: Product, user: User | None = None, classes: Iterable[str] = ()) -> int:
    """Append the labels of a file that a worker has read; return how many frames they are of.

    `classes` are those of the new classes that shall be added; a label with another one is left out of the
    frame. What was taken in already is not taken in twice, until it is taken back.
    """
    dataset = product.dataset
    if events_of(product):
        raise LabelError("These labels have been taken in already.")
    names = [check_name(name) for name in product.facts["classes"]]
    with np.load(product.path("labels.npz"), allow_pickle=False) as found:
        indices, matrix = found["indices"], found["matrix"]
    sets, members = np.unique(matrix, axis=0, return_inverse=True)
    wanted = set(classes)
    scheme = _classes_for(dataset, names, sets, wanted)
    kept = [name in scheme.names for name in names]
    dataset.scheme = scheme
    n_frames, turn = 0, len(_turns(product))
    for place, row in enumerate(sets):
        applying = [name for name, applies, here in zip(names, row, kept, strict=True) if applies and here]
        if row.any() and not applying:
            continue  # all that it says was left out
        frames = indices[members.ravel() == place]
        label_frames(
            dataset=dataset,
            frames=frames,
            operation="add" if product.facts["adds"] else "set",
            classes=applying,
            user=user,
            client_id=_event_id(product, place, turn),
            scope=f"taken in from {product.params['name']}"[:200],
        )
        n_frames += len(frames)
    if not n_frames:
        raise LabelError("None of the classes was chosen, so there is nothing to take in.")
    return n_frames


@transaction.atomic
def take_back(*, product: Product, user: User | None = None) -> None:
    """Undo all that was taken in from a file, as one act; the classes stay."""
    events = events_of(product)
    if not events:
        raise LabelError("Nothing of this file is there to take back.")
    for event in events:
        event.dataset = product.dataset
        undo_event(event=event, user=user)


def _classes_for(dataset: Dataset, names: list[str], sets: np.ndarray, wanted: set[str]) -> ClassScheme:
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    if scheme is not None:
        for name in names:
            if name in wanted and name not in scheme.names:
                add_class(scheme=scheme, name=name)
        return scheme
    chosen = [name for name in names if name in wanted]
    if not chosen:
        raise LabelError("There are no classes yet. Choose at least one class of the file.")
    known = [name for name in DROPLET_CLASSES if name in chosen]
    said = [[n for n, applies in zip(names, row, strict=True) if applies and n in wanted] for row in sets]
    alone = all(len(each) == 1 for each in said if "Empty" in each)
    return create_scheme(
        dataset=dataset,
        names=[*known, *(name for name in chosen if name not in known)],
        exclusive=["Empty"] if "Empty" in chosen and alone else [],
        excludes=uncontradicted(DROPLET_EXCLUDES, said),
    )


def _turns(product: Product) -> list[list[LabelEvent]]:
    """Return the events of each time that the labels were taken in."""
    turns: list[list[LabelEvent]] = []
    while True:
        ids = [_event_id(product, place, len(turns)) for place in range(product.facts["n_sets"])]
        events = LabelEvent.objects.filter(dataset=product.dataset_id, client_id__in=ids)
        found = list(events.defer("frames").prefetch_related("undone_by"))
        if not found:
            return turns
        turns.append(found)


def _event_id(product: Product, place: int, turn: int) -> uuid.UUID:
    """Return the id of the event for one set of classes: two clicks make the same events."""
    return uuid.uuid5(product.pk, f"{turn} {place}")
