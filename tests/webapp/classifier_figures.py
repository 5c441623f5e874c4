"""What the card of a classifier says of labels unseen, as a training computes it, for tests of pages."""

from functools import lru_cache
from typing import Any

import numpy as np

from workers.science.certainty import intervals, reliability, reliability_of_classes
from workers.science.coach import advise, run_fits
from workers.science.cooccurrence import co_occurrence
from workers.science.metrics import decide_unseen, score


@lru_cache(maxsize=16)
def figures_of(classes: tuple[str, ...], single_label: bool, n: int = 96) -> dict[str, Any]:
    """Return figures of `n` frames that were judged; the last class has three labels only."""
    random = np.random.default_rng(3)
    kinds = np.arange(n) % (len(classes) - 1)
    kinds[:3] = len(classes) - 1
    truth = np.eye(len(classes), dtype=bool)[kinds]
    points = 1.5 * np.eye(len(classes), 12)[kinds] + 0.6 * random.normal(size=(n, 12))
    said = np.exp(2 * points[:, : len(classes)])
    probabilities = (said / said.sum(axis=1, keepdims=True)).astype(np.float32)
    decision = decide_unseen(truth, probabilities, single_label)
    metrics = score(truth, probabilities, decision, list(classes), single_label)
    metrics["intervals"] = intervals(truth, decision, single_label, probabilities=probabilities)
    metrics["reliability"], metrics["calibration_error"] = reliability(truth, probabilities)
    metrics["reliability_per_class"] = reliability_of_classes(truth, probabilities, list(classes))
    if not single_label:
        metrics["co_occurrence"] = co_occurrence(truth, decision)
        metrics["exclusions"] = {"changed": 2, "broken": 0}
    runs = run_fits(points.astype(np.float32), truth, single_label, ([], []), 0)
    return {
        "metrics": metrics,
        "figures_from": f"{n} labelled frames, each judged by a fit that had not seen it (5 parts)",
        "n_held_back": n,
        "doubtful_labels": [],
        "learning_curve": advise(runs, truth, list(classes), decision),
    }
