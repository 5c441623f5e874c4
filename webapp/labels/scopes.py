"""Frames named by their label, for whoever shows or labels a choice of frames."""

from typing import Any

import numpy as np

from webapp.datasets.columns import Columns
from webapp.datasets.scopes import ScopeError, register_scope
from webapp.labels.frames import UNSEEN
from webapp.labels.models import ClassScheme
from webapp.labels.state_cache import current_labels


def register() -> None:
    """Let scopes name a class, or with null the unlabelled frames."""
    register_scope("label", labelled_frames, words_of_label)


def labelled_frames(columns: Columns, name: Any) -> np.ndarray:
    """Return the frames that are labelled `name`; those that nobody has labelled where it is None."""
    masks = current_labels(columns.dataset).state.masks[: columns.n_frames]
    if name is None:
        return np.flatnonzero(masks == UNSEEN)
    scheme = ClassScheme.objects.filter(dataset=columns.dataset).first()
    bit = scheme.bits([name]) if scheme and isinstance(name, str) else 0
    if not bit:
        raise ScopeError("There is no class of that name in this data set.")
    return np.flatnonzero((masks != UNSEEN) & (masks & bit != 0))


def words_of_label(columns: Columns, name: Any) -> str:
    """Return what follows the word “frames”."""
    return "that nobody has labelled" if name is None else f"labelled {name}"
