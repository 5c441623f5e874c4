"""Who is selected by the threshold of a promise: `workers.science.promise_rule`, which web does not load."""

from typing import Any

import numpy as np

_BLOCK = 1 << 17


def scores_of(probabilities: np.ndarray, classes: list[str], name: str, rule: dict[str, Any]) -> np.ndarray:
    """Return of each row of `probabilities` (m, k) the one of `name`, and 0 where another class keeps it out.

    `rule` has `single_label`, `exclusive`, names of classes that stand alone, and `excludes`, groups of which
    a frame has one at most. A test holds this equal to what the step does that writes the manifest.
    """
    known = np.where(np.isfinite(probabilities), probabilities, np.float32(0))
    column = classes.index(name)
    alone = [classes.index(each) for each in rule.get("exclusive", ()) if each in classes]
    likeliest = known.argmax(axis=1)
    kept = np.ones(len(known), dtype=bool)
    if rule.get("single_label") or column in alone:
        kept = likeliest == column
    elif alone:
        kept = (likeliest == column) | ~np.isin(likeliest, alone)
    for group in () if rule.get("single_label") else rule.get("excludes", ()):
        columns = [classes.index(each) for each in group if each in classes]
        if column in columns:
            kept &= known[:, columns].argmax(axis=1) == columns.index(column)
    return np.where(kept, known[:, column], np.float32(0))


def promised(
    probabilities: np.ndarray, classes: list[str], name: str, threshold: float, rule: dict[str, Any]
) -> np.ndarray:
    """Return which frames are selected as `name`, bool (n,), block by block of a memory map."""
    found = np.zeros(len(probabilities), dtype=bool)
    for start in range(0, len(probabilities), _BLOCK):
        block = np.asarray(probabilities[start : start + _BLOCK])
        found[start : start + _BLOCK] = scores_of(block, classes, name, rule) >= np.float64(threshold)
    return found
