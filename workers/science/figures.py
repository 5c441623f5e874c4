"""The figures of a classifier: what is told from labelled frames which fits judged without their labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.certainty import doubtful_labels, intervals, reliability, reliability_of_classes
from workers.science.coach import FEWEST_FRAMES, MOST_ROWS, advise, run_fits
from workers.science.cooccurrence import co_occurrence
from workers.science.held_back import choose_rows
from workers.science.labelled_frames import LabelledFrames
from workers.science.metrics import choose_thresholds, decide_unseen, score
from workers.science.progress import Progress, silent
from workers.science.shape_expert import expert_features
from workers.science.train_classifier import Trained

MOST_DOUBTFUL = 500


def figures_of(
    frames: LabelledFrames,
    indices: NDArray[np.int64],
    trained: Trained,
    seed: int,
    on_progress: Progress = silent,
) -> tuple[dict[str, Any], list[float]]:
    """Score the frames that were judged, choose thresholds, and tell what more labels would bring.

    Parameters
    ----------
    frames : LabelledFrames
    indices : ndarray of shape (m,), int64
        Their numbers in the data set.
    trained : Trained
    seed : int
    on_progress : Progress

    Returns
    -------
    figures : dict
        ``metrics`` (None where too few labels could be held back), ``figures_from``, ``n_held_back``,
        ``doubtful_labels`` (numbers of frames) and ``learning_curve`` (of `advise`, or
        ``why`` it is not there).
    thresholds : list of float
    """
    k = len(frames.classes)
    if not len(trained.judged):
        why = {"why": "too few labels to hold some back"}
        nothing = {"metrics": None, "figures_from": None, "n_held_back": 0}
        return {**nothing, "doubtful_labels": [], "learning_curve": why}, [0.5] * k
    truth, probabilities = frames.matrix[trained.judged], trained.probabilities
    rules = trained.network.exclusive, trained.network.excludes
    decision = decide_unseen(truth, probabilities, frames.single_label, *rules)
    thresholds = [0.5] * k if frames.single_label else choose_thresholds(truth, probabilities)
    metrics = score(truth, probabilities, decision, frames.classes, frames.single_label)
    metrics["intervals"] = intervals(truth, decision, frames.single_label, probabilities=probabilities)
    metrics["reliability"], metrics["calibration_error"] = reliability(truth, probabilities)
    metrics["reliability_per_class"] = reliability_of_classes(truth, probabilities, frames.classes)
    if not frames.single_label:
        metrics["co_occurrence"] = co_occurrence(truth, decision)
        metrics["exclusions"] = exclusions(truth, probabilities, decision, *rules)
    doubtful = doubtful_labels(truth, probabilities)
    figures = {
        "metrics": metrics,
        "figures_from": trained.origin,
        "n_held_back": len(trained.judged),
        "doubtful_labels": indices[trained.judged[doubtful]].tolist()[:MOST_DOUBTFUL],
        "learning_curve": _look_ahead(frames, trained, decision, seed, on_progress),
    }
    return figures, thresholds


def exclusions(
    truth: NDArray[np.bool_],
    probabilities: NDArray[np.float32],
    decision: NDArray[np.bool_],
    exclusive: list[int],
    excludes: list[list[int]],
) -> dict[str, int]:
    """Return on how many frames the rules of what excludes what ``changed`` what was decided.

    ``broken`` counts decisions that have two classes all the same of which one excludes the other.
    """
    without = decide_unseen(truth, probabilities, single_label=False)
    beside = decision[:, exclusive].any(axis=1) & (decision.sum(axis=1) > 1)
    for group in excludes:
        beside |= decision[:, group].sum(axis=1) > 1
    return {"changed": int((decision != without).any(axis=1).sum()), "broken": int(beside.sum())}


def _look_ahead(
    frames: LabelledFrames,
    trained: Trained,
    decision: NDArray[np.bool_],
    seed: int,
    on_progress: Progress,
) -> dict[str, Any]:
    """Return what the label coach says, or why it says nothing."""
    network = trained.network
    if network.shapes is None or network.residual is not None:
        return {
            "why": "a residual network is fitted for minutes, too long to be fitted to fewer labels as well"
        }
    if len(trained.judged) < FEWEST_FRAMES:
        return {"why": f"it takes {FEWEST_FRAMES} labelled frames to tell"}
    rows = choose_rows(frames.matrix[trained.judged], MOST_ROWS, seed)
    some = frames.part(trained.judged[rows])
    features = expert_features(some.condensed, some.good, some.scale_max, some.scale, network.seeing)
    seen = (features - network.shapes.mean.numpy()) / network.shapes.spread.numpy()
    runs = run_fits(
        seen, some.matrix, some.single_label, (network.exclusive, network.excludes), seed, on_progress
    )
    return advise(runs, some.matrix, some.classes, decision[rows])
