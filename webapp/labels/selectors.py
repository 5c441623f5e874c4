"""Reads of labels: the state after an event, and its export for a training."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.labels.frames import LabelState, unpack_frames
from webapp.labels.models import ClassScheme, LabelEvent


@dataclass(frozen=True)
class LabelExport:
    """Labels as a training or a manifest takes them.

    `indices` int64 (m,), `matrix` bool (m, k), `authors` the user's name for each of the m frames.
    """

    indices: np.ndarray
    matrix: np.ndarray
    authors: list[str]
    classes: list[str]
    single_label: bool
    exclusive: list[str]

    def save(self, path: Path) -> Path:
        """Write the labels as a file that steps read."""
        authors = np.array(self.authors, dtype=str) if self.authors else np.zeros(0, dtype="<U1")
        np.savez(path, indices=self.indices, matrix=self.matrix, labelled_by=authors)
        return path


def last_event_id(dataset: Dataset) -> int:
    """Return the number of the last label event, 0 when there is none."""
    event = LabelEvent.objects.filter(dataset=dataset).order_by("-id").values_list("id", flat=True).first()
    return event or 0


def label_state(dataset: Dataset, as_of: int | None = None) -> LabelState:
    """Replay the label events up to the number `as_of`, undone ones left out."""
    events = LabelEvent.objects.filter(dataset=dataset)
    if as_of is not None:
        events = events.filter(id__lte=as_of)
    undone = set(events.filter(operation="undo").values_list("undoes_id", flat=True))
    state = LabelState.empty(dataset.n_frames or 0)
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    if scheme is None:
        return state
    alone = exclusive_bits(scheme)
    rows = events.values_list("id", "operation", "mask", "frames", "created_by_id")
    for event_id, operation, mask, frames, author in rows.iterator():
        state.last_event = event_id
        if operation != "undo" and event_id not in undone:
            state.apply(operation, mask, unpack_frames(frames), author or 0, alone)
    return state


def exclusive_bits(scheme: ClassScheme) -> int:
    """Return the bits of the classes that stand alone; all of them where a frame has one class."""
    alone = scheme.names if scheme.single_label else scheme.exclusive
    return sum(1 << scheme.names.index(name) for name in alone)


def export_labels(dataset: Dataset, as_of: int) -> LabelExport:
    """Return the labels after the event `as_of`."""
    state, scheme = label_state(dataset, as_of), ClassScheme.objects.get(dataset=dataset)
    indices = state.indices()
    authors = state.authors[indices]
    names = dict(User.objects.filter(pk__in=np.unique(authors).tolist()).values_list("pk", "username"))
    return LabelExport(
        indices=indices,
        matrix=state.matrix(len(scheme.classes)),
        authors=[names.get(int(author), "command line") for author in authors],
        classes=scheme.names,
        single_label=scheme.single_label,
        exclusive=scheme.exclusive,
    )


def n_labelled(dataset: Dataset) -> int:
    """Return how many frames carry a label, be it that none of the classes applies."""
    return len(label_state(dataset).indices())
