"""Step: which of the networks that are there fit the frames of a data set."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from workers.science.another_set import classifier_for, embedder_for
from workers.science.applicability import (
    Likeness,
    compare_shapes,
    confidence_of,
    expected_right,
    mean_entropy,
)
from workers.science.classifier import Classifier, classify_frames
from workers.science.errors import ScienceError
from workers.science.fitness import judge_fitness, unseeable
from workers.science.judged_file import read_judged
from workers.science.metrics import decide
from workers.science.network import load_card
from workers.science.progress import Progress, silent
from workers.science.reference import Reference, load_reference, look_at_shapes, make_reference, spread_rows

MOST_LOOKED_AT = 1000
VERDICTS = "applicability.json"


def judge(
    *,
    condensed_dir: str,
    candidates: list[dict[str, Any]],
    seed: int,
    threads: int,
    out: str,
    on_progress: Progress = silent,
) -> dict[str, Any]:
    """Judge for each network whether it fits a data set, by a sample of its frames.

    Parameters
    ----------
    condensed_dir : str
        Folder of the condensed frames.
    candidates : list of dict
        ``id``, ``network_dir``, and ``condensed_dir`` of what it learned from (or None): looked at where the
        network was trained before references were kept.
    seed : int
        Of the bootstrap.
    threads : int
    out : str
        Existing, empty folder: ``applicability.json``, what is returned.
    on_progress : Progress

    Returns
    -------
    result : dict
        ``n_looked_at`` and ``verdicts``, one a candidate: ``id``, ``verdict`` (``fits``, ``care``,
        ``unfit``), ``sentence``, ``score``, and where they are known ``likeness`` and ``answers``.
    """
    torch.set_num_threads(threads)
    condensed = np.load(Path(condensed_dir) / "condensed.npy", mmap_mode="r", allow_pickle=False)
    rows = spread_rows(len(condensed), MOST_LOOKED_AT)
    shapes = look_at_shapes(condensed_dir, rows)
    frames = np.asarray(condensed[rows])
    verdicts = []
    for number, candidate in enumerate(candidates):
        on_progress(number, len(candidates), "networks", note="trying networks")
        try:
            verdict = _try(candidate, condensed_dir, frames, shapes, seed)
        except ScienceError as error:
            verdict = unseeable(error.cause)
        verdicts.append({"id": candidate["id"], **verdict})
    result = {"n_looked_at": len(rows), "verdicts": verdicts}
    (Path(out) / VERDICTS).write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return result


def _try(
    candidate: dict[str, Any],
    condensed_dir: str,
    frames: NDArray[np.uint8],
    shapes: NDArray[np.float32],
    seed: int,
) -> dict[str, Any]:
    folder, answers = candidate["network_dir"], None
    if load_card(folder)["kind"] == "classifier":
        answers = _answers(folder, classifier_for(folder, condensed_dir), frames)
    else:
        embedder_for(folder, condensed_dir)
    reference = _reference(candidate)
    if reference is None:
        cause = "the frames that it learned from are not known; train it again to have them kept"
        return {"verdict": "care", "sentence": f"with care: {cause}", "score": 0.0, "answers": answers}
    likeness: Likeness = compare_shapes(shapes, reference.shapes, seed)
    found = judge_fitness(likeness, len(reference.shapes), answers)
    return {**found, "likeness": likeness.to_dict(), "answers": answers}


def _reference(candidate: dict[str, Any]) -> Reference | None:
    kept, source = load_reference(candidate["network_dir"]), candidate.get("condensed_dir")
    if kept is None and source and (Path(source) / "condensed.npy").exists():
        return make_reference(source)
    return kept


def _answers(folder: str, network: Classifier, frames: NDArray[np.uint8]) -> dict[str, Any]:
    """Return what a classifier says of the frames, beside what it said of its own that it had not seen."""
    said, single = classify_frames(frames, network), network.single_label
    decision = decide(said, single, network.thresholds, network.exclusive, network.excludes)
    shares = decision.mean(axis=0)
    most = int(shares.argmax())
    found: dict[str, Any] = {
        "entropy": round(mean_entropy(said, single), 4),
        "confidence": round(float(confidence_of(said, single).mean()), 4),
        "most_common": [network.classes[most], round(float(shares[most]), 4)],
        "shares": {name: round(float(share), 4) for name, share in zip(network.classes, shares, strict=True)},
        "expected": None,
        "own_right": None,
    }
    judged = read_judged(folder, len(network.classes))
    if judged is not None and len(judged.indices):
        own = decide(judged.probabilities, single, network.thresholds, network.exclusive, network.excludes)
        is_right = (own == judged.truth).all(axis=1)
        expected = expected_right(
            confidence_of(said, single), confidence_of(judged.probabilities, single), is_right
        )
        found |= {
            "expected": None if expected is None else round(expected, 4),
            "own_right": round(float(is_right.mean()), 4),
            "own_entropy": round(mean_entropy(judged.probabilities, single), 4),
            "own_most_common": round(float(judged.truth[:, most].mean()), 4),
        }
    return found
