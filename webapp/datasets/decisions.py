"""Which classes the classifier has decided on for each frame."""

from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np

from webapp.datasets.columns import Columns
from webapp.jobs.models import Product

_BLOCK = 1 << 16


def decision_rule(classification: Product) -> dict[str, Any]:
    """Return the rule that the card of its network states."""
    return rule_of_card(classification.input("network").facts)


def rule_of_card(card: dict[str, Any]) -> dict[str, Any]:
    """Return `classes`, `single_label`, `thresholds`, `exclusive` and `excludes` of a classifier's card."""
    rule = {name: card[name] for name in ("classes", "single_label", "thresholds")}
    recipe = card["recipe"]
    return rule | {"exclusive": recipe["exclusive"], "excludes": recipe.get("excludes", [])}


def decide(probabilities: np.ndarray, rule: dict[str, Any]) -> np.ndarray:
    """Return the classes of each frame, bool (n, k), by the rule that came with the probabilities.

    The rule of `workers.science.metrics.decide`, which the web process does not load; a test holds
    the two equal.
    """
    if rule["single_label"]:
        decision = np.zeros(probabilities.shape, dtype=bool)
        decision[np.arange(len(probabilities)), probabilities.argmax(axis=1)] = True
        return decision
    decision = probabilities >= np.asarray(rule["thresholds"])
    for name in rule["exclusive"]:
        column = rule["classes"].index(name)
        best = np.where(decision, probabilities, -1.0).argmax(axis=1)
        alone = decision[:, column] & (best == column)
        decision[:, column] = False
        decision[alone] = False
        decision[alone, column] = True
    for group in rule.get("excludes", ()):
        columns = [rule["classes"].index(name) for name in group if name in rule["classes"]]
        if columns:
            best = np.where(decision[:, columns], probabilities[:, columns], -1.0).argmax(axis=1)
            decision[:, columns] &= best[:, None] == np.arange(len(columns))
    return decision


def predicted_frames(columns: Columns, name: str | None) -> np.ndarray | None:
    """Return the frames, int32 ascending, that were sorted into a class; with None, those into no class.

    None where there is no classification, or where it does not know the class.
    """
    if columns.class_probabilities is None:
        return None
    classification = columns.products["classify"]
    rule = decision_rule(classification)
    if name is not None and name not in rule["classes"]:
        return None
    return _decided(classification.pk, name)


def best_class(columns: Columns, frames: np.ndarray) -> np.ndarray:
    """Return for each of `frames` the place of its likeliest decided class, int32, -1 for none."""
    rule = decision_rule(columns.products["classify"])
    probabilities = np.asarray(columns.class_probabilities[frames])
    decision = decide(probabilities, rule)
    best = np.where(decision, probabilities, -1.0).argmax(axis=1)
    return np.where(decision.any(axis=1), best, -1).astype(np.int32)


@lru_cache(maxsize=32)
def _decided(pk: UUID, name: str | None) -> np.ndarray:
    """Decide once of all frames, block by block: a product never changes."""
    classification = Product.objects.get(pk=pk)
    rule = decision_rule(classification)
    path = classification.folder / "probabilities.npy"
    probabilities = np.load(path, mmap_mode="r", allow_pickle=False)
    found = []
    for start in range(0, len(probabilities), _BLOCK):
        decision = decide(np.asarray(probabilities[start : start + _BLOCK]), rule)
        meant = ~decision.any(axis=1) if name is None else decision[:, rule["classes"].index(name)]
        found.append(np.flatnonzero(meant) + start)
    frames = np.concatenate(found or [np.zeros(0)]).astype(np.int32)
    frames.setflags(write=False)
    return frames
