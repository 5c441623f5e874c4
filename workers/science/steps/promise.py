"""Step: work out what purity can be promised for each class of a sorted data set."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.errors import RecipeError
from workers.science.progress import Progress, silent
from workers.science.promise import Judged, Population, promise_table
from workers.science.promise_rule import rule_of

JUDGED = "judged.npz"
PROMISE = "promise.json"


def promise(
    *,
    classification_dir: str,
    network_dir: str | None,
    cluster_dir: str | None,
    labelled: str,
    classes: list[str],
    single_label: bool,
    exclusive: list[str],
    excludes: list[list[str]],
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Write ``promise.json``: for each class and each percentage what can be promised.

    Parameters
    ----------
    classification_dir : str
        Folder with ``probabilities.npy``.
    network_dir : str or None
        Folder of the classifier, where it learned from labels of these very frames; its ``judged.npz`` says
        what fits said of labels that they had not seen.
    cluster_dir : str or None
        Folder with ``labels.npy``: labels may have been chosen by cluster.
    labelled : str
        ``.npz`` with ``indices`` int64 ``(m,)`` of all labelled frames, of which nothing is promised, and
        ``looked_at`` bool ``(m,)``: False where a label was given to many frames at once. Such labels are
        learned from, but say nothing of purity.
    classes : list of str
        The classifier's, one a column of the probabilities.
    single_label : bool
    exclusive : list of str
        Classes that stand alone.
    excludes : list of list of str
        Groups of classes of which a frame has one at most.
    out : str
        Existing, empty folder.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_labels`` that count, ``n_in_bulk`` that do not, ``reason`` (why no label counts, or null).

    Raises
    ------
    RecipeError
        If the files do not belong together.
    """
    path = Path(classification_dir) / "probabilities.npy"
    probabilities = np.load(path, mmap_mode="r", allow_pickle=False)
    rule = rule_of(classes, single_label, exclusive, excludes)
    groups = np.zeros(len(probabilities), np.int64)
    if cluster_dir is not None:
        groups = np.load(Path(cluster_dir) / "labels.npy", allow_pickle=False).astype(np.int64)
    if len(groups) != len(probabilities):
        cause = f"there are clusters of {len(groups)} frames and probabilities of {len(probabilities)}"
        raise RecipeError("Promise", cause, "Find clusters and sort again")
    with np.load(labelled, allow_pickle=False) as file:
        indices, looked_at = file["indices"], file["looked_at"]
    on_progress(0, len(classes), "classes", note="judging by labels that were held back")
    rows, found, reason = _read_judged(network_dir, len(classes), len(probabilities))
    counts = np.isin(rows, indices[looked_at])
    n_in_bulk = int((~counts).sum())
    if not counts.any() and reason is None:
        reason = "bulk" if n_in_bulk else "none"
    judged = Judged(found[0][counts], found[1][counts], groups[rows[counts]])
    free = np.ones(len(probabilities), bool)
    free[indices] = False
    table = promise_table(judged, Population(probabilities[free], groups[free]), classes, rule)
    facts = {"n_labels": len(judged.truth), "n_in_bulk": n_in_bulk, "reason": reason}
    table |= facts | {"single_label": single_label, "exclusive": exclusive, "excludes": excludes}
    text = json.dumps(table, ensure_ascii=False, allow_nan=False)
    (Path(out) / PROMISE).write_text(text + "\n", encoding="utf-8")
    on_progress(len(classes), len(classes), "classes", note="judging by labels that were held back")
    return facts


def _read_judged(
    network_dir: str | None, k: int, n_frames: int
) -> tuple[NDArray[np.int64], tuple[NDArray[np.bool_], NDArray[np.float32]], str | None]:
    """Return frames, (truth, probabilities), and why there are none."""
    nothing = np.zeros(0, np.int64), (np.zeros((0, k), bool), np.zeros((0, k), np.float32))
    if network_dir is None:
        return *nothing, "elsewhere"
    path = Path(network_dir) / JUDGED
    if not path.exists():
        return *nothing, "old"
    with np.load(path, allow_pickle=False) as file:
        rows, truth, said = file["indices"], file["truth"], file["probabilities"]
    if truth.shape != (len(rows), k) or said.shape != truth.shape or (len(rows) and rows.max() >= n_frames):
        cause = "what was said of labels unseen does not fit to the sorting"
        raise RecipeError("Promise", cause, "Train again and sort again")
    return rows, (truth, said), None
