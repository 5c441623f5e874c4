"""Steps: train a classifier on labels, sort a range of frames with it, and join the ranges."""

import hashlib
import json
import platform
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch
from numpy.typing import NDArray

from workers.science.another_set import N_FRAMES_FOR_MASK, classifier_for
from workers.science.chunks import in_chunks
from workers.science.classifier import (
    BATCH,
    Classifier,
    classifier_state,
    classify_frames,
)
from workers.science.classifier_recipe import ClassifierRecipe
from workers.science.errors import RecipeError, TrainingError
from workers.science.figures import figures_of
from workers.science.held_back import check_learnable, choose_rows
from workers.science.labelled_frames import LabelledFrames
from workers.science.labels_file import check_classes, read_labels_npz
from workers.science.network import save_network, weights_sha256
from workers.science.progress import Progress, silent
from workers.science.reference import make_reference, save_reference
from workers.science.scale import read_scale
from workers.science.train_classifier import Trained, train
from workers.science.warm_classifier import read_earlier

MOST_LABELLED = 20_000
CLASSIFICATION = "classification.json"
JUDGED = "judged.npz"


def train_classifier(
    *,
    condensed_dir: str,
    labels: str,
    classes: list[str],
    single_label: bool,
    recipe: dict[str, Any],
    seed: int,
    scratch: str,
    threads: int,
    out: str,
    start_from: str | None = None,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Train a classifier on the labelled frames of a data set.

    Parameters
    ----------
    condensed_dir : str
        Folder with ``condensed.npy`` and ``geometry.npz``.
    labels : str
        ``.npz`` with ``indices`` int64 ``(m,)`` and ``matrix`` bool ``(m, k)``.
    classes : list of str
        Names of the k classes.
    single_label : bool
        One class a frame (softmax) instead of any number (sigmoids).
    recipe : dict
        As `ClassifierRecipe.from_dict` takes it.
    seed : int
    scratch : str
        Folder for checkpoints; a second call with the same arguments goes on from them.
    threads : int
    out : str
        Existing, empty folder: ``network.safetensors``, ``card.json``, ``geometry.npz``, and in
        ``judged.npz`` the labelled frames that a fit judged without having seen their labels: `indices`
        int64 ``(t,)``, `truth` bool ``(t, k)``, `probabilities` float32 ``(t, k)``; in
        ``reference.safetensors`` what the frames that it learned from look like.
    start_from : str, optional
        Folder of a classifier of another data set, of the same inputs, to begin with.
    on_progress : Progress
        Gets points ``{"step", "loss"}``, now and then with ``"macro_f1"`` of the held-back frames.

    Returns
    -------
    card : dict

    Raises
    ------
    RecipeError
        If the recipe is not one.
    TrainingError
        If the labels do not fit the data or cannot be learned from, or the loss is not a number any more.
    """
    torch.set_num_threads(threads)
    settings = ClassifierRecipe.from_dict(recipe)
    check_classes(classes)
    condensed = _open_condensed(Path(condensed_dir))
    given = read_labels_npz(labels, len(condensed), len(classes))
    indices, matrix, warnings = given.indices, given.matrix, []
    if single_label and not matrix.any(axis=1).all():
        kept = matrix.any(axis=1)
        warnings.append(f"{int((~kept).sum())} frames to which no class applies were left out.")
        indices, matrix = indices[kept], matrix[kept]
    warnings += check_learnable(matrix, classes, single_label, settings.exclusive)
    n_given, rows = len(matrix), choose_rows(matrix, MOST_LABELLED, seed)
    if len(rows) < n_given:
        warnings.append(f"{len(rows)} of {n_given} labelled frames were learned from, rare classes first.")
        indices, matrix = indices[rows], matrix[rows]
    good = _lit_pixels(condensed)
    scale, scale_max = read_scale(condensed_dir)
    frames = LabelledFrames(condensed[indices], matrix, good, scale_max, classes, single_label, scale)
    others = _unlabelled(condensed, given.indices, settings.n_unlabelled if settings.shapes else 0, seed)
    earlier = None
    if start_from:
        earlier = read_earlier(start_from, settings, classes, single_label, _sha256(Path(condensed_dir)))
    trained = train(frames, settings, seed, Path(scratch), on_progress, others, earlier)
    network = trained.network
    figures, thresholds = figures_of(frames, indices, trained, seed, on_progress)
    if not figures["metrics"]:
        warnings.append("Too few labels to hold some back: there are no figures for this network.")
    card = {
        "kind": "classifier",
        "recipe": settings.to_dict(),
        "seed": seed,
        "versions": _versions(),
        "data": _describe_data(Path(condensed_dir), condensed, matrix, len(trained.judged)),
        "n_steps": settings.n_steps if settings.residual else len(trained.curve),
        "seconds": round(trained.seconds, 2),
        "figures": figures,
        "classes": classes,
        "single_label": single_label,
        "thresholds": thresholds,
        "residual_share": network.share,
        "temperature": network.temperature,
        "curve": trained.curve,
        "warnings": warnings,
        "started_from_sha256": weights_sha256(start_from) if start_from else None,
    }
    save_network(out, classifier_state(network), card, condensed_dir)
    _save_judged(Path(out), indices, frames.matrix, trained)
    save_reference(out, make_reference(condensed_dir, indices, frames.matrix))
    return card


def classify_range(
    *,
    condensed_dir: str,
    network_dir: str,
    start: int,
    stop: int,
    threads: int,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Sort the frames ``[start, stop)``.

    Parameters
    ----------
    condensed_dir, network_dir : str
        Folders of the frames and of the classifier.
    start, stop : int
        Half-open range in the order of the data set.
    threads : int
    out : str
        Existing, empty folder: ``probabilities.npy`` float32 ``(stop - start, k)`` and
        ``classification.json`` (classes, thresholds and what else `metrics.decide` needs).
    on_progress : Progress

    Returns
    -------
    result : dict
        Empty.

    Raises
    ------
    RecipeError
        If the range is outside the data, or the frames do not fit the network.
    """
    torch.set_num_threads(threads)
    condensed, network = _open_condensed(Path(condensed_dir)), classifier_for(network_dir, condensed_dir)
    if not 0 <= start < stop <= len(condensed):
        cause = f"the frames {start} to {stop} are outside the data set, which has {len(condensed)}"
        raise RecipeError("Range", cause, "Sort the data set again")
    found = np.lib.format.open_memmap(
        Path(out) / "probabilities.npy", "w+", np.float32, (stop - start, len(network.classes))
    )

    def sort(first: int, last: int) -> NDArray[np.float32]:
        return classify_frames(condensed[start + first : start + last], network)

    for first, last, probabilities in in_chunks(sort, stop - start, BATCH, threads):
        found[first:last] = probabilities
        on_progress(last, stop - start, "frames", note="sorting")
    found.flush()
    _write_classification(Path(out), network)
    return {}


def merge_classification(*, parts: list[str], out: str, on_progress: Progress = silent) -> dict[str, Any]:
    """Join the ranges of a classification in their order.

    Parameters
    ----------
    parts : list of str
        Folders of `classify_range`, in order.
    out : str
        Existing, empty folder: ``probabilities.npy`` float32 ``(n, k)``, ``classification.json``.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_frames``.

    Raises
    ------
    RecipeError
        If there is no part, or they were sorted by different networks.
    """
    if not parts:
        raise RecipeError("Classification", "there is nothing to join", "Sort the data set again")
    stated = {(Path(part) / CLASSIFICATION).read_text(encoding="utf-8") for part in parts}
    if len(stated) > 1:
        cause = "the parts were sorted by different networks"
        raise RecipeError("Classification", cause, "Sort the data set again")
    arrays = [np.load(Path(part) / "probabilities.npy", mmap_mode="r", allow_pickle=False) for part in parts]
    n_frames = sum(len(array) for array in arrays)
    joined = np.lib.format.open_memmap(
        Path(out) / "probabilities.npy", "w+", np.float32, (n_frames, arrays[0].shape[1])
    )
    done = 0
    for array in arrays:
        joined[done : done + len(array)] = array
        done += len(array)
        on_progress(done, n_frames, "frames", note="joining")
    joined.flush()
    shutil.copyfile(Path(parts[0]) / CLASSIFICATION, Path(out) / CLASSIFICATION)
    return {"n_frames": n_frames}


def _save_judged(
    folder: Path, indices: NDArray[np.int64], matrix: NDArray[np.bool_], trained: Trained
) -> None:
    """Keep what was said of labels unseen: comparisons and promises of purity are made from it."""
    rows = trained.judged
    np.savez(folder / JUDGED, indices=indices[rows], truth=matrix[rows], probabilities=trained.probabilities)


def _unlabelled(
    condensed: NDArray[np.uint8], labelled: NDArray[np.int64], most: int, seed: int
) -> NDArray[np.uint8] | None:
    """Return frames that carry no label, at random but in their order, for the sake of the disk."""
    rows = np.delete(np.arange(len(condensed)), labelled)
    if not most or not len(rows):
        return None
    chosen = np.random.default_rng(seed).choice(rows, min(most, len(rows)), replace=False)
    return np.asarray(condensed[np.sort(chosen)])


def _open_condensed(folder: Path) -> NDArray[np.uint8]:
    return np.load(folder / "condensed.npy", mmap_mode="r", allow_pickle=False)


def _lit_pixels(condensed: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Find the pixels that carry signal: masked ones are 0 on every frame.

    From the condensed frames themselves, since the mask of the geometry lies on the detector's pixels.
    """
    every = max(1, len(condensed) // N_FRAMES_FOR_MASK)
    good = np.asarray(condensed[::every].max(axis=0) > 0)
    if not good.any():
        raise TrainingError("Condensed frames", "all frames are dark", "Check the mask and the source")
    return good


def _describe_data(
    folder: Path, condensed: NDArray[np.uint8], matrix: NDArray[np.bool_], n_judged: int
) -> dict[str, Any]:
    counts = {"n_labelled": len(matrix), "n_held_back": n_judged}
    return {"n_frames": len(condensed), "sha256": _sha256(folder), **counts}


def _sha256(folder: Path) -> str:
    with (folder / "condensed.npy").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "sklearn": sklearn.__version__,
        "numpy": np.__version__,
    }


def _write_classification(out: Path, network: Classifier) -> None:
    """Write what turns the probabilities into classes beside them, for the manifest."""
    stated = {
        "classes": network.classes,
        "single_label": network.single_label,
        "thresholds": network.thresholds,
        "exclusive": [network.classes[column] for column in network.exclusive],
        "excludes": [[network.classes[column] for column in group] for group in network.excludes],
    }
    (out / CLASSIFICATION).write_text(json.dumps(stated, indent=1) + "\n", encoding="utf-8")
