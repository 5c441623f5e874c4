"""Who is selected by thresholds of a promise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rule:
    """How classes exclude each other: one class a frame, columns that stand alone, or groups of columns."""

    single_label: bool
    exclusive: tuple[int, ...] = ()
    excludes: tuple[tuple[int, ...], ...] = ()


def rule_of(classes: list[str], single_label: bool, exclusive: list[str], excludes: list[list[str]]) -> Rule:
    """Return the rule that names of classes state; names that are not among `classes` say nothing."""
    groups = [tuple(classes.index(name) for name in group if name in classes) for group in excludes]
    alone = tuple(classes.index(name) for name in exclusive if name in classes)
    return Rule(single_label, alone, tuple(group for group in groups if group))


def scores_of(probabilities: NDArray[np.float32], rule: Rule) -> NDArray[np.float32]:
    """Return of each frame and class the probability, and 0 where another class keeps it out.

    So `score >= threshold` never puts a frame into two classes that exclude each other, whatever the
    thresholds. A frame of which nothing is known has 0 everywhere.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k), float32
    rule : Rule

    Returns
    -------
    scores : ndarray of shape (n, k), float32
    """
    known = np.where(np.isfinite(probabilities), probabilities, np.float32(0))
    if known.shape[1] == 0:
        return known
    is_likeliest = np.zeros(known.shape, bool)
    is_likeliest[np.arange(len(known)), known.argmax(axis=1)] = True
    if rule.single_label:
        return np.where(is_likeliest, known, np.float32(0))
    alone = np.zeros(known.shape[1], bool)
    alone[list(rule.exclusive)] = True
    is_alone = (is_likeliest & alone).any(axis=1, keepdims=True)
    kept = is_likeliest | ~(is_alone | alone)
    for group in rule.excludes:
        columns = list(group)
        kept[:, columns] &= known[:, columns].argmax(axis=1)[:, None] == np.arange(len(columns))
    return np.where(kept, known, np.float32(0))


def decide_promised(
    probabilities: NDArray[np.float32], thresholds: list[float | None], rule: Rule
) -> NDArray[np.bool_]:
    """Return the classes of each frame by the thresholds of a promise, bool (n, k); None promises nothing."""
    limits = np.array([np.inf if value is None else value for value in thresholds])
    return scores_of(probabilities, rule) >= limits
