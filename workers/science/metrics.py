"""Figures of merit of a sorting: macro-F1, average precision, MCC, and the tables behind them.

Accuracy is not among them on purpose: on the 7264 helium droplet images of Zimmermann et al., Phys. Rev. E
99, 063309 (2019), one constant answer has an element-wise accuracy of 0.933 and a macro-F1 of 0.167.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from workers.science.cooccurrence import mistaken_for

MIN_POSITIVES_FOR_THRESHOLD = 10  # below, a tuned threshold follows single frames; 0.5 stays


def decide(
    probabilities: NDArray[np.float32],
    single_label: bool,
    thresholds: list[float] | None = None,
    exclusive: list[int] | None = None,
    excludes: list[list[int]] | None = None,
) -> NDArray[np.bool_]:
    """Turn probabilities into classes.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k), float32
        Probability of each class.
    single_label : bool
        True: the most probable class alone. False: every class that reaches its threshold.
    thresholds : list of float of length k, optional
        One threshold a class, 0.5 each by default; of no effect with `single_label`.
    exclusive : list of int, optional
        Columns of classes that stand alone, such as "Empty". Where one reaches its threshold it stays
        alone if no other class that was decided is more probable, else it is taken back.
    excludes : list of list of int, optional
        Groups of columns of which a frame has one at most: of those decided the most probable stays.

    Returns
    -------
    decision : ndarray of shape (n, k), bool
    """
    n, k = probabilities.shape
    if single_label:
        decision = np.zeros((n, k), np.bool_)
        decision[np.arange(n), probabilities.argmax(axis=1)] = True
        return decision & np.isfinite(probabilities).all(axis=1, keepdims=True)
    limits = np.full(k, 0.5) if thresholds is None else np.asarray(thresholds)
    decision = probabilities >= limits
    for column in exclusive or []:
        decided = np.where(decision, probabilities, -1.0)
        alone = decision[:, column] & (decided.argmax(axis=1) == column)
        decision[:, column] = False
        decision[alone] = False
        decision[alone, column] = True
    for group in [group for group in excludes or [] if group]:
        best = np.where(decision[:, group], probabilities[:, group], -1.0).argmax(axis=1)
        decision[:, group] &= best[:, None] == np.arange(len(group))
    return decision


def precision_recall_f1(
    truth: NDArray[np.bool_], decision: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return precision, recall and F1 of each class; 0 where nothing was found or nothing was there.

    Parameters
    ----------
    truth, decision : ndarray of shape (n, k), bool

    Returns
    -------
    precision, recall, f1 : ndarray of shape (k,), float64
    """
    hits = (truth & decision).sum(axis=0).astype(np.float64)
    claimed, real = decision.sum(axis=0), truth.sum(axis=0)
    precision = hits / np.maximum(claimed, 1)
    recall = hits / np.maximum(real, 1)
    return precision, recall, f1_of_counts(hits, real, claimed)


def f1_of_counts(
    hits: NDArray[np.float64], real: NDArray[np.float64], claimed: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return F1 from how many frames have a class, were decided to have it, and both; 0 where none."""
    return 2 * hits / np.maximum(claimed + real, 1)


def macro_f1(truth: NDArray[np.bool_], decision: NDArray[np.bool_]) -> float | None:
    """Return the mean F1 over the classes that occur in `truth`, None if none does.

    A class without one true frame has no defined recall; leaving it out keeps the figure of a small
    held-back set comparable between sets.
    """
    present = truth.any(axis=0)
    return float(precision_recall_f1(truth, decision)[2][present].mean()) if present.any() else None


def multiclass_mcc(truth: NDArray[np.bool_], decision: NDArray[np.bool_]) -> float:
    """Return the Matthews correlation of one-hot tables, 0 where it is undefined (constant answer).

    Gorodkin, Comput. Biol. Chem. 28, 367 (2004). For one column, it is the usual MCC of two classes.
    """
    if truth.shape[1] == 1:
        truth, decision = np.hstack([truth, ~truth]), np.hstack([decision, ~decision])
    real, claimed = truth.astype(np.float64), decision.astype(np.float64)
    real, claimed = real - real.mean(axis=0), claimed - claimed.mean(axis=0)
    spread = (real**2).sum() * (claimed**2).sum()
    return float((real * claimed).sum() / np.sqrt(spread)) if spread > 0 else 0.0


def mcc_of_counts(
    hits: NDArray[np.float64], real: NDArray[np.float64], claimed: NDArray[np.float64], n: int
) -> NDArray[np.float64]:
    """Return the Matthews correlation of each class from counts of n frames, 0 where it is undefined."""
    spread = np.sqrt(np.maximum(real * (n - real) * claimed * (n - claimed), 0))
    return np.where(spread > 0, (n * hits - real * claimed) / np.where(spread > 0, spread, 1), 0.0)


def multiclass_mcc_of_counts(
    hits: NDArray[np.float64], real: NDArray[np.float64], claimed: NDArray[np.float64], n: int
) -> NDArray[np.float64]:
    """Return `multiclass_mcc` from counts (..., k) of n frames."""
    together = hits.sum(axis=-1) - (real * claimed).sum(axis=-1) / n
    spread = ((real - real**2 / n).sum(axis=-1)) * ((claimed - claimed**2 / n).sum(axis=-1))
    return np.where(spread > 0, together / np.sqrt(np.where(spread > 0, spread, 1)), 0.0)


def choose_thresholds(truth: NDArray[np.bool_], probabilities: NDArray[np.float32]) -> list[float]:
    """Choose for each class the threshold with the best F1, where enough frames speak for it.

    Parameters
    ----------
    truth : ndarray of shape (n, k), bool
    probabilities : ndarray of shape (n, k), float32
        Of frames that the network did not learn from.

    Returns
    -------
    thresholds : list of float of length k
        0.5 for a class with fewer than `MIN_POSITIVES_FOR_THRESHOLD` true or false frames.
    """
    grid = np.arange(0.1, 0.91, 0.05)
    grid = grid[np.argsort(np.abs(grid - 0.5), kind="stable")]  # of equals, the one nearest to 0.5 wins
    thresholds = []
    for real, probability in zip(truth.T, probabilities.T, strict=True):
        if min(real.sum(), (~real).sum()) < MIN_POSITIVES_FOR_THRESHOLD:
            thresholds.append(0.5)
            continue
        decisions = probability[:, None] >= grid
        f1 = precision_recall_f1(np.repeat(real[:, None], grid.size, axis=1), decisions)[2]
        thresholds.append(round(float(grid[f1.argmax()]), 2))
    return thresholds


def decide_unseen(
    truth: NDArray[np.bool_],
    probabilities: NDArray[np.float32],
    single_label: bool,
    exclusive: list[int] | None = None,
    excludes: list[list[int]] | None = None,
) -> NDArray[np.bool_]:
    """Decide on frames whose classes are known, by thresholds that came from the other half of them.

    Thresholds judged on the frames that they were chosen on would flatter.

    Parameters
    ----------
    truth : ndarray of shape (n, k), bool
    probabilities : ndarray of shape (n, k), float32
        Of fits that had not seen the frames.
    single_label : bool
    exclusive : list of int, optional
    excludes : list of list of int, optional
        As `decide` has them.

    Returns
    -------
    decision : ndarray of shape (n, k), bool
    """
    decision = np.zeros_like(truth)
    for half in (0, 1):
        mine, other = slice(half, None, 2), slice(1 - half, None, 2)
        chosen = None if single_label else choose_thresholds(truth[other], probabilities[other])
        decision[mine] = decide(probabilities[mine], single_label, chosen, exclusive, excludes)
    return decision


def score(
    truth: NDArray[np.bool_],
    probabilities: NDArray[np.float32],
    decision: NDArray[np.bool_],
    classes: list[str],
    single_label: bool,
) -> dict[str, Any]:
    """Score a sorting of frames whose classes are known.

    Parameters
    ----------
    truth : ndarray of shape (n, k), bool
        What people said.
    probabilities : ndarray of shape (n, k), float32
        What the network said; average precision is drawn from it.
    decision : ndarray of shape (n, k), bool
        What was decided from it, for instance by `decide`.
    classes : list of str of length k
    single_label : bool

    Returns
    -------
    metrics : dict
        ``n_frames``, ``macro_f1``, ``macro_average_precision``, ``mcc`` (multi-label: the mean over the
        classes that occur), ``constant_macro_f1`` (of the best constant answer, for comparison),
        ``constant_average_precision`` (the mean share of the classes), ``per_class`` (list of ``class``,
        ``precision``, ``recall``, ``f1``, ``average_precision``, ``mcc``, ``support``, ``decided``),
        ``confusion`` (of `mistaken_for`: rows true, columns decided). None where undefined.
    """
    precision, recall, f1 = precision_recall_f1(truth, decision)
    support, decided = truth.sum(axis=0), decision.sum(axis=0)
    per_class = [
        {
            "class": name,
            "precision": _rounded(precision[c]) if decided[c] else None,
            "recall": _rounded(recall[c]) if support[c] else None,
            "f1": _rounded(f1[c]) if support[c] else None,
            "average_precision": _rounded(_average_precision(truth[:, c], probabilities[:, c])),
            "mcc": _rounded(multiclass_mcc(truth[:, [c]], decision[:, [c]])) if support[c] else None,
            "support": int(support[c]),
            "decided": int(decided[c]),
        }
        for c, name in enumerate(classes)
    ]
    present = [row for row in per_class if row["support"]]
    return {
        "n_frames": len(truth),
        "macro_f1": _rounded(macro_f1(truth, decision)),
        "macro_average_precision": _mean([row["average_precision"] for row in present]),
        "mcc": _rounded(multiclass_mcc(truth, decision))
        if single_label
        else _mean([row["mcc"] for row in present]),
        "constant_macro_f1": _rounded(_constant_macro_f1(truth, single_label)),
        "constant_average_precision": _rounded(truth.mean(axis=0)[support > 0].mean()) if present else None,
        "per_class": per_class,
        "confusion": mistaken_for(truth, decision).tolist(),
    }


def _average_precision(truth: NDArray[np.bool_], probability: NDArray[np.float32]) -> float | None:
    """Return the average precision of one class, None if it does not occur."""
    return float(average_precision_score(truth, probability)) if truth.any() else None


def _constant_macro_f1(truth: NDArray[np.bool_], single_label: bool) -> float | None:
    """Return the macro-F1 of giving every frame the commonest combination of classes."""
    if not len(truth):
        return None
    if single_label:
        answer = np.eye(truth.shape[1], dtype=np.bool_)[truth.sum(axis=0).argmax()]
    else:
        combinations, counts = np.unique(truth, axis=0, return_counts=True)
        answer = combinations[counts.argmax()]
    return macro_f1(truth, np.broadcast_to(answer, truth.shape))


def _mean(values: list[float | None]) -> float | None:
    """Return the mean of the values that are defined."""
    defined = [value for value in values if value is not None]
    return _rounded(float(np.mean(defined))) if defined else None


def _rounded(value: float | None) -> float | None:
    """Round to four places: more would pretend to a precision that no held-back set has."""
    return None if value is None else round(float(value), 4)
