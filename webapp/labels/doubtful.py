"""Labels that fits doubt which had not seen them: what was given, what the fits say, and how surely."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from webapp.datasets.columns import Columns
from webapp.datasets.lineage import newest
from webapp.jobs.models import Product
from webapp.labels.frames import UNSEEN
from webapp.labels.models import ClassScheme
from webapp.labels.network import masks_of, names_now, rule_of
from webapp.labels.readings import Readings
from webapp.labels.state_cache import CurrentLabels

JUDGED = "judged.npz"
DOUBT = 0.5
"""What a fit says of the given label, below which it is doubted."""


@dataclass(frozen=True)
class Doubts:
    """The doubted labels, the likeliest mistakes first.

    `frames` are their numbers, `given` and `said` the classes as bits of the scheme, `words` how sure the
    fits are of what is doubted most.
    """

    frames: np.ndarray
    given: np.ndarray
    said: np.ndarray
    words: list[str]

    def place(self, frame: int) -> int | None:
        """Return the place of a frame in the list."""
        found = np.flatnonzero(self.frames == frame)
        return int(found[0]) if found.size else None


def judge_of(columns: Columns) -> Product | None:
    """Return the classifier of this data set that says what it doubts: what sorted it, or the newest."""
    classifier = columns.classifier
    if classifier is None or classifier.dataset_id != columns.dataset.pk:
        classifier = newest(columns.dataset, "train")
    return classifier


def why_no_doubts(columns: Columns) -> str:
    """Return why nothing is known of doubtful labels; empty where it is."""
    judge = judge_of(columns)
    if judge is None:
        return "no network has learned from the labels yet"
    if not (judge.folder / JUDGED).is_file():
        return "this network did not keep what it doubts; train again"
    return ""


def doubts_of(columns: Columns, scheme: ClassScheme) -> Doubts:
    """Return the labels that the fits of the classifier doubt, as they were when it learned."""
    judge = judge_of(columns)
    assert judge is not None, "the caller has asked why_no_doubts"
    indices, truth, probabilities = _judged(judge.folder / JUDGED)
    names = names_now(judge.facts["classes"], scheme)
    known = np.array([name is not None for name in names])
    bits = np.array([scheme.bits([name]) if name else 0 for name in names], dtype=np.int64)
    agreement = np.where(known, np.where(truth, probabilities, 1 - probabilities), 1.0)
    given, said = truth @ bits, masks_of(probabilities, names, rule_of(judge), scheme)
    least = agreement.min(axis=1)
    inside = (indices < columns.n_frames) & (least < DOUBT) & (said != UNSEEN) & (said != given)
    rows = np.flatnonzero(inside)
    rows = rows[np.argsort(least[rows], kind="stable")]
    worst = agreement[rows].argmin(axis=1)
    words = [
        _words(names[column] or "", float(probabilities[row, column]), bool(truth[row, column]))
        for row, column in zip(rows.tolist(), worst.tolist(), strict=True)
    ]
    return Doubts(indices[rows].astype(np.int32), given[rows], said[rows], words)


def open_doubts(doubts: Doubts, labels: CurrentLabels, readings: Readings) -> np.ndarray:
    """Return the frames, in their order, whose label is as it was and that nobody has settled."""
    same = labels.state.masks[doubts.frames] == doubts.given
    settled = np.isin(doubts.frames, list(readings.settled))
    return doubts.frames[same & ~settled]


def _words(name: str, probability: float, is_given: bool) -> str:
    sure = f"only {probability:.0%}" if is_given else f"{probability:.0%}"
    return f"fits that had not seen this label, {sure} sure of {name}"


@lru_cache(maxsize=8)
def _judged(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with np.load(path, allow_pickle=False) as kept:
        return kept["indices"], kept["truth"], kept["probabilities"].astype(np.float64)
