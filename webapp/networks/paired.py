"""Classifiers on the same frames: figures, and paired intervals of their differences, by the bootstrap.

All networks are judged on the same draws of frames, so that what is hard for all of them does not hide which
one is better (B. Efron, Ann. Stat. 7, 1 (1979)).
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

N_RESAMPLES = 400
MOST_CELLS = 40_000_000  # of all draws together: with more frames fewer draws suffice
FEWEST_RESAMPLES = 60
LEVEL = 0.95


@dataclass(frozen=True)
class Answers:
    """What one network says: `decision` bool (n, k), `probabilities` float (n, k)."""

    decision: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True)
class Figure:
    """A figure with the ends of its interval; None where it is not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Scores:
    """The figures of one network."""

    macro_f1: Figure
    mcc: Figure
    macro_ap: Figure
    f1: list[Figure]
    ap: list[Figure]
    draws: np.ndarray  # of macro-F1


@dataclass(frozen=True)
class Pair:
    """Two networks: the difference of their macro-F1, and on which frames one of them alone is right.

    `better` is 1 for the first, -1 for the second, 0 where the interval holds zero; `first_alone` and
    `second_alone` are rows.
    """

    first: int
    second: int
    difference: Figure
    better: int
    n_both: int
    n_neither: int
    first_alone: np.ndarray
    second_alone: np.ndarray

    @property
    def size(self) -> Figure:
        """The difference in favour of the better one, for a sentence."""
        one = self.difference
        return one if self.better >= 0 else Figure(-one.value, -one.high, -one.low)


def compare(truth: np.ndarray, answers: list[Answers], seed: int = 0) -> tuple[list[Scores], list[Pair]]:
    """Score networks on the same frames, whose classes are `truth` bool (n, k), and compare each two of them.

    The intervals of differences hold for all pairs together (Bonferroni).
    """
    weights = _draws(truth, len(answers), seed)
    scores = [_score(truth, one, weights) for one in answers]
    pairs = list(combinations(range(len(answers)), 2))
    return scores, [_pair(truth, answers, scores, pair, len(pairs)) for pair in pairs]


def _draws(truth: np.ndarray, n_networks: int, seed: int) -> np.ndarray:
    """Return how often each frame is in each draw (b, n), within each combination of classes."""
    n_draws = MOST_CELLS // max(1, truth.size * n_networks)
    n_draws = int(np.clip(n_draws, FEWEST_RESAMPLES, N_RESAMPLES))
    random = np.random.default_rng(seed)
    _, combination = np.unique(truth, axis=0, return_inverse=True)
    weights = np.zeros((n_draws, len(truth)), np.float32)
    for number in np.unique(combination):
        members = np.flatnonzero(combination.ravel() == number)
        even = np.full(len(members), 1 / len(members))
        weights[:, members] = random.multinomial(len(members), even, n_draws)
    return weights


def _score(truth: np.ndarray, answers: Answers, weights: np.ndarray) -> Scores:
    present = truth.any(axis=0)
    once = np.ones((1, len(truth)), np.float32)
    f1, drawn_f1 = _f1(truth, answers.decision, once)[0], _f1(truth, answers.decision, weights)
    ap = [_average_precision(truth[:, c], answers.probabilities[:, c], once)[0] for c in range(len(present))]
    drawn_ap = np.stack(
        [_average_precision(truth[:, c], answers.probabilities[:, c], weights) for c in range(len(present))],
        axis=1,
    )
    draws = drawn_f1[:, present].mean(axis=1) if present.any() else np.zeros(len(weights))
    return Scores(
        macro_f1=_figure(f1[present].mean() if present.any() else None, draws),
        mcc=_figure(_mcc(truth, answers.decision, once)[0], _mcc(truth, answers.decision, weights)),
        macro_ap=_figure(
            np.mean(np.array(ap)[present]) if present.any() else None,
            drawn_ap[:, present].mean(axis=1) if present.any() else draws,
        ),
        f1=[_figure(f1[c], drawn_f1[:, c]) if present[c] else Figure(None) for c in range(len(present))],
        ap=[_figure(ap[c], drawn_ap[:, c]) if present[c] else Figure(None) for c in range(len(present))],
        draws=draws,
    )


def _f1(truth: np.ndarray, decision: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return F1 of each class in each draw (b, k)."""
    hits = weights @ (truth & decision).astype(np.float32)
    both = weights @ (truth.astype(np.float32) + decision.astype(np.float32))
    return 2 * hits / np.maximum(both, 1)


def _mcc(truth: np.ndarray, decision: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean over the classes that occur of Matthews' correlation, in each draw (b,)."""
    present = truth.any(axis=0)
    t, d = truth[:, present].astype(np.float32), decision[:, present].astype(np.float32)
    n = weights.sum(axis=1, keepdims=True)
    hits, real, claimed = weights @ (t * d), weights @ t, weights @ d
    spread = np.sqrt(np.maximum(real * (n - real) * claimed * (n - claimed), 0))
    found = np.where(spread > 0, (n * hits - real * claimed) / np.where(spread > 0, spread, 1), 0)
    return found.mean(axis=1) if present.any() else np.zeros(len(weights))


def _average_precision(truth: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the average precision of one class in each draw (b,); equal probabilities count at once."""
    order = np.argsort(-probabilities, kind="stable")
    ordered = probabilities[order]
    ends = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    w = weights[:, order]
    claimed = np.cumsum(w, axis=1)[:, ends]
    hits = np.cumsum(w * truth[order], axis=1)[:, ends]
    total = np.maximum(hits[:, -1:], 1e-9)
    gained = np.diff(hits, axis=1, prepend=0) / total
    return (gained * hits / np.maximum(claimed, 1e-9)).sum(axis=1)


def _pair(
    truth: np.ndarray, answers: list[Answers], scores: list[Scores], pair: tuple[int, int], n_pairs: int
) -> Pair:
    first, second = pair
    drawn = scores[first].draws - scores[second].draws
    values = scores[first].macro_f1.value, scores[second].macro_f1.value
    whole = values[0] - values[1] if None not in values else None
    difference = _figure(whole, drawn, 1 - (1 - LEVEL) / n_pairs)
    better = 0
    if difference.low is not None:
        better = 1 if difference.low > 0 else -1 if difference.high < 0 else 0
    right = [(answers[place].decision == truth).all(axis=1) for place in pair]
    return Pair(
        first,
        second,
        difference,
        better,
        int((right[0] & right[1]).sum()),
        int((~right[0] & ~right[1]).sum()),
        np.flatnonzero(right[0] & ~right[1]),
        np.flatnonzero(right[1] & ~right[0]),
    )


def _figure(value: float | None, draws: np.ndarray, level: float = LEVEL) -> Figure:
    if value is None:
        return Figure(None)
    tails = 50 * (1 - level)
    low, high = np.percentile(draws, [tails, 100 - tails])
    return Figure(float(value), float(low), float(high))
