"""Reads of labels: the state after an event, and its export for a training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.labels.frames import UNSEEN, LabelState
from webapp.labels.models import ClassScheme
from webapp.labels.state_cache import CurrentLabels, current_labels, label_events, replay


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
    excludes: list[list[str]]

    def save(self, path: Path) -> Path:
        """Write the labels as a file that steps read."""
        authors = np.array(self.authors, dtype=str) if self.authors else np.zeros(0, dtype="<U1")
        np.savez(path, indices=self.indices, matrix=self.matrix, labelled_by=authors)
        return path


def last_event_id(dataset: Dataset) -> int:
    """Return the number of the last event that changed labels, 0 when there is none."""
    return label_events(dataset).order_by("-id").values_list("id", flat=True).first() or 0


def label_state(dataset: Dataset, as_of: int | None = None) -> LabelState:
    """Return the labels after the event `as_of`, or after the last one."""
    if as_of is None:
        return current_labels(dataset).state
    return replay(dataset, as_of).state


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
        excludes=scheme.excludes,
    )


def n_labelled(dataset: Dataset) -> int:
    """Return how many frames carry a label, be it that none of the classes applies."""
    return current_labels(dataset).n_labelled


def label_entries(scheme: ClassScheme, labels: CurrentLabels, frames: np.ndarray) -> list[dict[str, Any]]:
    """Return of each frame its classes (None where nobody has spoken) and who spoke last."""
    authors = labels.state.authors[frames]
    people = dict(User.objects.filter(pk__in=np.unique(authors).tolist()).values_list("pk", "username"))
    return [
        {
            "index": int(frame),
            "classes": None if mask == UNSEEN else class_names(scheme, int(mask)),
            "by": people.get(int(author), "command line") if mask != UNSEEN else None,
        }
        for frame, mask, author in zip(frames, labels.state.masks[frames], authors, strict=True)
    ]


def class_names(scheme: ClassScheme, mask: int) -> list[str]:
    """Return the names of the classes whose bits `mask` has."""
    return [name for place, name in enumerate(scheme.names) if mask >> place & 1]


def rarest_classes(labels: CurrentLabels, masks: np.ndarray) -> np.ndarray:
    """Return the place of one class for each mask, int8: the rarest one, as it says the most of the frame.

    -1 stands for unlabelled, -2 for a label that none of the classes applies.
    """
    found = np.full(len(masks), -1, dtype=np.int8)
    found[masks == 0] = -2
    for place in np.argsort(-labels.counts, kind="stable"):
        if labels.counts[place]:
            found[(masks != UNSEEN) & (masks >> place & 1 == 1)] = place
    return found
