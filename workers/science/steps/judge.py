"""Step: what a classifier of another data set says of frames that people have labelled."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from workers.science.another_set import classifier_for
from workers.science.classifier import BATCH, classify_frames
from workers.science.errors import RecipeError
from workers.science.judged_file import JUDGED
from workers.science.progress import Progress, silent


def judge_labelled(
    *,
    condensed_dir: str,
    network_dir: str,
    labels: str,
    threads: int,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Write ``judged.npz``: `indices` int64 ``(t,)``, `probabilities` float32 ``(t, k)``.

    Without `truth`, unlike that of a training: labels may change, and the network's classes are its own.

    Parameters
    ----------
    condensed_dir, network_dir : str
        Folders of the frames and of the classifier, which did not learn from them.
    labels : str
        ``.npz`` with ``indices`` int64 ``(t,)``: the frames, which carry a label.
    threads : int
    out : str
        Existing, empty folder.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_judged`` and ``classes``.

    Raises
    ------
    RecipeError
        If a frame is outside the data set, or the frames do not fit the network.
    """
    torch.set_num_threads(threads)
    condensed = np.load(Path(condensed_dir) / "condensed.npy", mmap_mode="r", allow_pickle=False)
    network = classifier_for(network_dir, condensed_dir)
    with np.load(labels, allow_pickle=False) as given:
        rows = np.sort(given["indices"].astype(np.int64))
    if len(rows) and not 0 <= rows.min() <= rows.max() < len(condensed):
        cause = f"frame {rows.max()} is outside the data set, which has {len(condensed)}"
        raise RecipeError("Frames", cause, "Compare the networks again")
    said = np.zeros((len(rows), len(network.classes)), np.float32)
    for start in range(0, len(rows), BATCH):
        said[start : start + BATCH] = classify_frames(
            np.asarray(condensed[rows[start : start + BATCH]]), network
        )
        on_progress(min(start + BATCH, len(rows)), len(rows), "frames", note="judging")
    np.savez(Path(out) / JUDGED, indices=rows, probabilities=said)
    return {"n_judged": len(rows), "classes": network.classes}
