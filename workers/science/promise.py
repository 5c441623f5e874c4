"""What purity can be promised for the frames of a class, from labels; decision 0029 says why it holds."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.label_shift import Kinds, kinds_of
from workers.science.promise_bounds import CONFIDENCE, binomial_interval, labels_needed, wrong_at_most
from workers.science.promise_rule import Rule, scores_of
from workers.science.promise_strata import (
    CLUSTERS,
    KINDS,
    LABELS_A_BIN,
    SCORES,
    TOGETHER,
    Selections,
    Strata,
    by_cluster,
    by_kind,
    by_score,
)

ASKED = tuple(range(50, 100))  # percent
N_THRESHOLDS = 28
LEAST_SCORE = 0.05
FEWEST_FRAMES = 5
BINS_BELOW = (0.01, 0.05, 0.2, 0.5)  # scores, in a guess of what is not selected
AUDIT_AIM = 0.25  # an audit is proposed where a quarter of the wrong frames is expected that there may be
ROOM = 0.4  # of the errors that there may be: the strictest threshold tried leaves room for the others
SCORES_COUNT_AS = 20  # labels, in a guess of how pure a selection is


@dataclass(frozen=True)
class Judged:
    """Labelled frames as fits judged them that had not seen their labels.

    Attributes
    ----------
    truth : ndarray of shape (t, k), bool
    probabilities : ndarray of shape (t, k), float32
    groups : ndarray of shape (t,), int64
        Their clusters; all alike where there are none.
    """

    truth: NDArray[np.bool_]
    probabilities: NDArray[np.float32]
    groups: NDArray[np.int64]


@dataclass(frozen=True)
class Population:
    """The frames that nobody has labelled: `probabilities` (n, k) float32, and their clusters (n,)."""

    probabilities: NDArray[np.float32]
    groups: NDArray[np.int64]


def promise_table(
    judged: Judged, population: Population, classes: list[str], rule: Rule, seed: int = 0
) -> dict[str, Any]:
    """Work out for each class and each percentage what can be promised.

    Parameters
    ----------
    judged : Judged
        May be empty: then nothing can be promised, and only an audit helps.
    population : Population
    classes : list of str of length k
    rule : Rule
    seed : int

    Returns
    -------
    table : dict
        ``asked`` (percentages), ``confidence``, ``n_labels``, ``n_frames``, and ``classes``, by name:
        ``rows``, what can be promised for each percentage, and ``audits``, which selection is worth an audit.
    """
    kinds = None
    if len(judged.truth):
        kinds = kinds_of(judged.truth, judged.probabilities, population.probabilities, seed)
    said, scores = scores_of(judged.probabilities, rule), scores_of(population.probabilities, rule)
    found = {}
    for column, name in enumerate(classes):
        chosen = select(
            scores[:, column], population.groups, said[:, column], judged.truth[:, column], judged.groups
        )
        judgement = Judgement(chosen, kinds, column, classes)
        found[name] = {
            "rows": judgement.rows(),
            "audits": [judgement.worth_an_audit(percent / 100) for percent in ASKED],
        }
    return {
        "asked": list(ASKED),
        "confidence": CONFIDENCE,
        "n_labels": len(judged.truth),
        "n_frames": len(population.probabilities),
        "classes": found,
    }


def select(
    scores: NDArray[np.float32],
    groups: NDArray[np.int64],
    said: NDArray[np.float32],
    truth: NDArray[np.bool_],
    said_groups: NDArray[np.int64],
) -> Selections:
    """Choose thresholds by how many frames are above them, before looking at any label."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    most = int(np.searchsorted(-ordered, -np.float32(LEAST_SCORE), side="right"))
    thresholds = np.zeros(0, np.float32)
    if most >= FEWEST_FRAMES:
        expected = max(FEWEST_FRAMES, float(ordered[:most].sum(dtype=np.float64)))
        sizes = np.geomspace(max(FEWEST_FRAMES, expected / 16), max(most, FEWEST_FRAMES + 1), N_THRESHOLDS)
        sizes = np.unique(np.minimum(sizes.round().astype(np.int64), most))
        thresholds = -np.unique(-ordered[sizes - 1])
    sizes = np.searchsorted(-ordered, -thresholds, side="right")
    return Selections(thresholds, sizes, ordered, groups[order], said, truth, said_groups)


class Judgement:
    """What labels say of the selections of one class, under each assumption; the most cautious one counts."""

    def __init__(self, chosen: Selections, kinds: Kinds | None, column: int, classes: list[str]) -> None:
        self.chosen, self.kinds, self.column, self.classes = chosen, kinds, column, classes
        self.size = np.maximum(chosen.sizes, 1).astype(np.float64)
        self.known: dict[int, dict[str, Any]] = {}
        self.strata: dict[str, Strata] = {SCORES: by_score(chosen), CLUSTERS: by_cluster(chosen)}
        if kinds is not None:
            self.strata[KINDS] = by_kind(chosen, kinds, column)
        self.n_above = chosen.above.sum(axis=1)
        self.n_wrong = (chosen.above & ~chosen.truth).sum(axis=1)
        self.low = self._least_pure([part.wrong_frames() for part in self.strata.values()])
        self.reach = self._least_pure([part.least_wrong_frames() for part in self.strata.values()])
        labels_say = self._least_pure([part.likely_wrong_frames() for part in self.strata.values()])
        self.summed = np.concatenate([[0.0], np.cumsum(chosen.scores, dtype=np.float64)])
        scores_say = self.summed[chosen.sizes] / self.size
        weight = self.n_above / (self.n_above + SCORES_COUNT_AS)
        self.guess = weight * labels_say + (1 - weight) * scores_say

    @cached_property
    def high(self) -> NDArray[np.float64]:
        """The greatest purity of each selection that fits to the labels."""
        part = self.strata[SCORES]
        return wrong_at_most(part.masses, part.n, part.n - part.wrong) / self.size

    def _least_pure(self, wrong: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        return 1 - np.clip(np.max(wrong, axis=0) / self.size, 0, 1)

    def rows(self) -> list[dict[str, Any]]:
        """Return what is promised for each percentage; what is promised for more holds for less as well."""
        found = [self.row(percent / 100) for percent in ASKED]
        for place in range(len(found) - 2, -1, -1):
            here, stricter = found[place], found[place + 1]
            if stricter.get("expected", 0) > here.get("expected", 0):
                found[place] = stricter
        return found

    def row(self, level: float) -> dict[str, Any]:
        """Return what is promised for a purity of `level`; a ``threshold`` of None says what is missing."""
        place = self.promised(level)
        return {"threshold": None, **self._missing(level)} if place is None else self.facts(place)

    def promised(self, level: float) -> int | None:
        """Return the place of the loosest threshold that a purity of `level` is promised of; None: of none.

        Thresholds are tried in an order that no label has a say in: from the strictest at which labels
        without an error would be more than enough, to looser ones. The first that fails ends it (fixed
        sequence; A. N. Angelopoulos et al., Learn then Test, arXiv:2110.01052): tries cost no confidence.
        """
        worth = np.flatnonzero(self.reach >= level)
        with_room = np.flatnonzero(self.reach >= 1 - ROOM * (1 - level))
        last = None
        for place in range((with_room if len(with_room) else worth)[0], len(self.low)) if len(worth) else ():
            if self.low[place] < level:
                break
            last = place
        return last

    def facts(self, place: int) -> dict[str, Any]:
        """Return what is known of one selection."""
        if place not in self.known:
            self.known[place] = self._facts(place)
        return self.known[place]

    def _facts(self, place: int) -> dict[str, Any]:
        guess = float(np.clip(self.guess[place], self.low[place], max(self.high[place], self.low[place])))
        return {
            "threshold": float(self.chosen.thresholds[place]),
            "expected": int(self.chosen.sizes[place]),
            "purity": _rounded(guess, self.low[place], max(self.high[place], guess)),
            "recall": self._recall(place, guess),
            "labels": int(self.n_above[place]),
            "wrong": int(self.n_wrong[place]),
        }

    def worth_an_audit(self, level: float) -> dict[str, Any] | None:
        """Return the largest selection that is probably purer than `level`, or the purest there is."""
        return self.facts(self._probably(level)) if len(self.guess) else None

    def _probably(self, level: float) -> int:
        pure = np.flatnonzero(self.guess >= 1 - AUDIT_AIM * (1 - level))
        return int(pure[-1] if len(pure) else self.guess.argmax())

    def _recall(self, place: int, guess: float) -> list[float]:
        """Return which share of the class is selected, as labelled frames have it and as scores have it.

        Both are true of labels drawn at random; else the interval covers either.
        """
        chosen, reaches = self.chosen, self.chosen.said >= self.chosen.thresholds[place]
        hits, n = int((reaches & chosen.truth).sum()), int(chosen.truth.sum())
        low, high = binomial_interval(hits, n)
        size = self.size[place]
        fewest, missed, most = self._missed(place, reaches)
        by_scores = [
            right / max(right + left, 1e-9)
            for right, left in (
                (self.low[place] * size, most),
                (guess * size, missed),
                (self.high[place] * size, fewest),
            )
        ]
        likely = (hits / n + by_scores[1]) / 2 if n else by_scores[1]
        return _rounded(likely, min(low, by_scores[0], likely), max(high, by_scores[2], likely))

    def _missed(self, place: int, reaches: NDArray[np.bool_]) -> tuple[float, float, float]:
        """Return how many frames of the class are below a threshold: at least, likely, and at most."""
        chosen, edges = self.chosen, np.array(BINS_BELOW, np.float32)
        said, truth = chosen.said[~reaches], chosen.truth[~reaches]
        ends = np.maximum(chosen.sizes[place], np.searchsorted(-chosen.scores, -edges[::-1], side="left"))
        ends = np.concatenate([[chosen.sizes[place]], ends, [len(chosen.scores)]])  # frames fall with scores
        masses = np.diff(ends)[::-1].astype(np.float64)
        sums = np.diff(self.summed[ends])[::-1]
        n = np.bincount(np.searchsorted(edges, said), minlength=len(edges) + 1)
        right = np.bincount(np.searchsorted(edges, said[truth]), minlength=len(edges) + 1)
        share = (right * masses + sums) / np.maximum((n + 1) * masses, 1e-9)  # a score counts as one label
        most = wrong_at_most(masses[None], n[None], right[None])[0]
        fewest = masses.sum() - wrong_at_most(masses[None], n[None], (n - right)[None])[0]
        return fewest, float((share * masses).sum()), most

    def _missing(self, level: float) -> dict[str, Any]:
        """Say which labels are missing for a promise, under the assumption that asks for the most."""
        nothing = {"more": None, "by": None, "of": None, "labels": 0, "wrong": 0, "reason": "frames"}
        if not len(self.low):
            return nothing
        if self.kinds is None:
            return nothing | {"reason": "labels", "more": labels_needed(level, 0.0)}
        place = self._probably(level)
        n, n_wrong = int(self.n_above[place]), int(self.n_wrong[place])
        seen = {"labels": n, "wrong": n_wrong}
        if n >= LABELS_A_BIN and n_wrong >= (1 - level) * n:
            return nothing | seen | {"reason": "purity"}
        needed = labels_needed(level, min(n_wrong / max(n, 1), (1 - level) / 2))
        asked = {name: self._more(part, place, needed) for name, part in self.strata.items()}
        by, (more, of) = max(asked.items(), key=lambda pair: pair[1][0])
        if more > len(self.chosen.scores):
            return nothing | seen | {"reason": "frames needed"}
        more = max(LABELS_A_BIN // 2, more)  # fewer would hardly change anything
        return seen | {"reason": "labels", "more": more, "by": by, "of": self._called(by, of)}

    def _more(self, part: Strata, place: int, needed: int) -> tuple[int, int]:
        """Return how many more labels a promise takes, and of what part of the selection most of them."""
        wanted = needed * part.masses[place] / self.size[place] - part.n[place]
        missing = np.where(part.masses[place] > 0, np.maximum(wanted, 0.0), 0.0)
        if not len(missing):
            return 0, TOGETHER
        return math.ceil(missing.sum()), int(part.of[place][missing.argmax()])

    def _called(self, by: str, of: int) -> str | int | None:
        if by == CLUSTERS:
            return of
        if by == SCORES or (self.kinds.has_rest and of == len(self.kinds.truth) - 1):
            return None
        names = [name for name, there in zip(self.classes, self.kinds.truth[of], strict=True) if there]
        return " with ".join(names) or "no class"


def _rounded(*values: float) -> list[float]:
    return [round(float(value), 4) for value in values]
