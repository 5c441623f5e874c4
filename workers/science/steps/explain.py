"""Step: tell which parts of a frame spoke for each class."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from workers.science.another_set import classifier_for
from workers.science.classifier import classify_frames
from workers.science.errors import RecipeError
from workers.science.explain import explain_frame
from workers.science.progress import Progress, silent


def explain(
    *,
    condensed_dir: str,
    network_dir: str,
    frame: int,
    threads: int,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Tell which parts of one frame spoke for each class of a classifier.

    Parameters
    ----------
    condensed_dir, network_dir : str
        Folders of the frames and of the classifier.
    frame : int
        Its number.
    threads : int
    out : str
        Existing, empty folder: ``heat.npy`` uint8 ``(k, s, s)``, 255 where most spoke for a class.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``classes``, ``probabilities``, ``silent`` (classes for which nothing spoke) and ``method`` in words.

    Raises
    ------
    RecipeError
        If there is no such frame, or the frames do not fit the network.
    """
    torch.set_num_threads(threads)
    condensed = np.load(Path(condensed_dir) / "condensed.npy", mmap_mode="r", allow_pickle=False)
    if not 0 <= frame < len(condensed):
        raise RecipeError("Frame", f"there is no frame {frame} among {len(condensed)}", "Choose another one")
    network, seen = classifier_for(network_dir, condensed_dir), np.asarray(condensed[frame])
    probabilities = classify_frames(seen[None], network)[0]
    found = explain_frame(seen, network)
    np.save(Path(out) / "heat.npy", np.rint(255 * found.heat).astype(np.uint8))
    on_progress(1, 1, "frames", note="looking for what spoke for each class")
    return {
        "classes": network.classes,
        "probabilities": [round(float(p), 4) if np.isfinite(p) else None for p in probabilities],
        "silent": [name for name, heat in zip(network.classes, found.heat, strict=True) if not heat.any()],
        "method": found.method,
    }
