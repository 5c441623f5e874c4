"""Which share of a class is selected, by frames drawn at random from all and read blind."""

from collections.abc import Callable
from math import exp, lgamma, log, log1p
from typing import Any

import numpy as np

from webapp.datasets.columns import Columns
from webapp.datasets.decisions import decision_rule
from webapp.datasets.models import Dataset
from webapp.jobs.models import Product
from webapp.labels.audits import bit_of, votes_of
from webapp.labels.models import LabelEvent
from webapp.labels.readings import readings_of
from webapp.manifests.promise_rule import scores_of

FEWEST = 10  # frames of the class, below which labels say more
TAIL = 0.025


def audited_recall(
    dataset: Dataset, classification: Product, name: str, threshold: float
) -> list[float] | None:
    """Return the recall of a selection and its exact interval; None where too few frames were audited.

    Unlike labels these frames were drawn from all, inside the selection and outside.
    """
    votes = votes_of(readings_of(dataset), bit_of(dataset.scheme, name), (LabelEvent.Purpose.AUDIT,))
    frames = np.array(sorted(frame for frame, is_of_class in votes.items() if is_of_class), dtype=np.int64)
    probabilities = Columns(dataset, {"classify": classification}).class_probabilities
    if len(frames) < FEWEST or probabilities is None:
        return None
    rule: dict[str, Any] = decision_rule(classification)
    scores = scores_of(np.asarray(probabilities[frames]), rule["classes"], name, rule)
    hits, n = int((scores >= threshold).sum()), len(frames)
    return [round(value, 4) for value in (hits / n, *exact_interval(hits, n))]


def exact_interval(hits: int, n: int) -> tuple[float, float]:
    """Return the interval of C. J. Clopper and E. S. Pearson (Biometrika 26, 404, 1934), of 95 %."""
    low = 0.0 if not hits else _solve(lambda share: 1 - _at_most(hits - 1, n, share))
    high = 1.0 if hits == n else 1 - _solve(lambda share: 1 - _at_most(n - hits - 1, n, share))
    return low, high


def _solve(rising: Callable[[float], float]) -> float:
    """Return where a function that rises from 0 to 1 reaches the tail."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < TAIL else (low, middle)
    return (low + high) / 2


def _at_most(hits: int, n: int, share: float) -> float:
    """Return the chance of `hits` or fewer of `n`."""
    return sum(
        exp(
            lgamma(n + 1)
            - lgamma(each + 1)
            - lgamma(n - each + 1)
            + each * log(share)
            + (n - each) * log1p(-share)
        )
        for each in range(hits + 1)
    )
