"""``judged.npz``: what a classifier says of labelled frames that it did not learn from."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import ScienceError

JUDGED = "judged.npz"


@dataclass(frozen=True)
class Judged:
    """Numbers of frames (t,) int64, their classes (t, k) bool and what was said of them (t, k) float32."""

    indices: NDArray[np.int64]
    truth: NDArray[np.bool_]
    probabilities: NDArray[np.float32]


def read_judged(folder: str | Path, n_classes: int) -> Judged | None:
    """Read what a classifier said of labels unseen; None where it was trained before that was kept.

    Raises
    ------
    ScienceError
        If the file is damaged, or of other classes.
    """
    path = Path(folder) / JUDGED
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            found = Judged(kept["indices"], kept["truth"].astype(bool), kept["probabilities"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        cause = "what the classifier said of labels unseen cannot be read"
        raise ScienceError(JUDGED, cause, "Train the classifier again") from error
    shape = (len(found.indices), n_classes)
    if found.truth.shape != shape or found.probabilities.shape != shape:
        cause = f"holds {found.probabilities.shape[-1]} classes, the classifier has {n_classes}"
        raise ScienceError(JUDGED, cause, "Train the classifier again")
    return found
