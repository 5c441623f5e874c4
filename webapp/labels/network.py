"""What the newest classifier decides, in the classes of the scheme, and where it contradicts a label."""

from dataclasses import dataclass

import numpy as np

from webapp.datasets.columns import Columns
from webapp.jobs.models import Product
from webapp.labels.frames import UNSEEN
from webapp.labels.models import ClassScheme
from webapp.labels.state_cache import CurrentLabels

_BLOCK = 1 << 16


@dataclass(frozen=True)
class Rule:
    """How a classifier makes classes of probabilities: from which on each applies, or the likeliest alone."""

    thresholds: np.ndarray
    single_label: bool


def rule_of(classifier: Product) -> Rule:
    """Return the rule of a classifier."""
    facts = classifier.facts
    stated = facts.get("thresholds") or facts.get("figures", {}).get("thresholds")
    thresholds = np.array(stated or [0.5] * len(facts["classes"]), dtype=np.float64)
    return Rule(thresholds, bool(facts.get("single_label")))


def thresholds_of(columns: Columns) -> np.ndarray:
    """Return from which probability on each class of the classifier applies."""
    return rule_of(columns.classifier).thresholds


def known_names(columns: Columns, scheme: ClassScheme) -> list[str | None]:
    """Return for each class of the classifier what it is called now; None where there is none any more."""
    return names_now(columns.classifier.facts["classes"], scheme)


def names_now(classes: list[str], scheme: ClassScheme) -> list[str | None]:
    """Return what classes are called now that had these names once; None where there is none any more."""
    now = {entry["name"]: entry["name"] for entry in scheme.classes}
    for entry in scheme.classes:
        for former in entry.get("former", []):
            now.setdefault(former, entry["name"])
    return [now.get(name) for name in classes]


def decided_masks(columns: Columns, scheme: ClassScheme, frames: np.ndarray) -> np.ndarray:
    """Return the classes that the classifier decides on, one bit each, int64; `UNSEEN` where it is mute."""
    rows = np.asarray(columns.class_probabilities[frames], dtype=np.float64)
    return masks_of(rows, known_names(columns, scheme), rule_of(columns.classifier), scheme)


def masks_of(rows: np.ndarray, names: list[str | None], rule: Rule, scheme: ClassScheme) -> np.ndarray:
    """Return the classes that probabilities (n, k) stand for, one bit each, int64; `UNSEEN` of a mute row."""
    usable = np.array([name is not None for name in names])
    mute = ~np.isfinite(rows).all(axis=1)
    if not usable.any():
        mute[:] = True
    rows = np.where(usable & ~mute[:, None], rows, -1.0)
    likeliest = np.eye(len(names), dtype=bool)[rows.argmax(axis=1)]
    if rule.single_label or scheme.single_label:
        chosen = likeliest
    else:
        chosen = _apart(rows, rows >= rule.thresholds, likeliest, names, scheme)
    bits = np.array([scheme.bits([name]) if name else 0 for name in names], dtype=np.int64)
    return np.where(mute, UNSEEN, chosen @ bits)


def _apart(
    rows: np.ndarray,
    chosen: np.ndarray,
    likeliest: np.ndarray,
    names: list[str | None],
    scheme: ClassScheme,
) -> np.ndarray:
    """Leave the likeliest of classes that exclude each other."""
    alone = np.array([name in scheme.exclusive for name in names])
    by_itself = (likeliest & alone & chosen).any(axis=1)
    chosen = np.where(by_itself[:, None], likeliest, chosen & (~alone | likeliest))
    for group in scheme.excludes:
        inside = np.array([name in group for name in names])
        best = np.where(chosen & inside, rows, -np.inf).max(axis=1)
        chosen = chosen & (~inside | (rows == best[:, None]))
    return chosen


def surest(columns: Columns, scheme: ClassScheme, frame: int) -> tuple[str, float]:
    """Return the likeliest class of a frame and its probability."""
    names = known_names(columns, scheme)
    row = np.asarray(columns.class_probabilities[frame], dtype=np.float64)
    row = np.where([name is not None for name in names], row, -1.0)
    place = int(row.argmax())
    return names[place] or "", float(row[place])


def contradicted(columns: Columns, scheme: ClassScheme, labels: CurrentLabels) -> np.ndarray:
    """Return the labelled frames that the classifier decides otherwise, where it is surest first."""
    frames = labels.state.indices()
    found, sure = [], []
    bits = np.array(
        [scheme.bits([name]) if name else 0 for name in known_names(columns, scheme)], dtype=np.int64
    )
    known = int(np.bitwise_or.reduce(bits)) if len(bits) else 0
    for start in range(0, len(frames), _BLOCK):
        block = frames[start : start + _BLOCK]
        masks, decided = labels.state.masks[block], decided_masks(columns, scheme, block)
        differs = (decided != UNSEEN) & ((masks ^ decided) & known != 0)
        block, masks = block[differs], masks[differs]
        rows = np.asarray(columns.class_probabilities[block], dtype=np.float64)
        said = (masks[:, None] & bits) != 0
        against = np.where(bits != 0, np.where(said, 1 - rows, rows), 0.0)
        found.append(block)
        sure.append(against.max(axis=1, initial=0.0))
    if not found:
        return np.zeros(0, dtype=np.int32)
    order = np.argsort(-np.concatenate(sure), kind="stable")
    return np.concatenate(found)[order].astype(np.int32)
