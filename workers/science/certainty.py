"""How certain figures of a sorting are, and whether its probabilities are honest."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.cooccurrence import Z
from workers.science.metrics import f1_of_counts, mcc_of_counts, multiclass_mcc_of_counts

N_RESAMPLES = 400
LEVEL = 0.95
N_BINS = 10
FEWEST_IN_BIN = 5
FEWEST_ANSWERS, FEWEST_WITH_CLASS = 50, 10


def resamples(truth: NDArray[np.bool_], n_draws: int, seed: int) -> NDArray[np.float64]:
    """Return how often each frame counts in each draw with replacement, (1 + n_draws, n); in the first, once.

    Frames are drawn among those whose rarest class is the same, so that a class with three labels does not
    vanish from a third of the draws. Within each combination of classes, single frames would never vary.
    """
    random, counts = np.random.default_rng(seed), truth.sum(axis=0)
    rarest = np.where(truth, counts, len(truth) + 1).argmin(axis=1)
    group_of = np.where(truth.any(axis=1), rarest, -1)
    weights = np.ones((n_draws + 1, len(truth)))
    for group in np.unique(group_of):
        rows = np.flatnonzero(group_of == group)
        weights[1:, rows] = random.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=n_draws)
    return weights


def intervals(
    truth: NDArray[np.bool_],
    decision: NDArray[np.bool_],
    single_label: bool,
    seed: int = 0,
    probabilities: NDArray[np.float32] | None = None,
) -> dict[str, Any]:
    """Return between which values figures would lie had other frames been labelled, by the bootstrap.

    Each frame was judged once, by the fit of the fold that had not seen it. Frames of all folds are put
    together before a figure is computed, for the mean of figures of single folds is biased where a class is
    rare (G. Forman and M. Scholz, SIGKDD Explor. 12, 49 (2010)); then frames are drawn again with replacement
    (B. Efron, Ann. Stat. 7, 1 (1979)). That the fits of folds share labels is left out, so that the intervals
    are of the frames judged, not of the labels learned from.

    Parameters
    ----------
    truth, decision : ndarray of shape (n, k), bool
        Of frames that the judged fits had not seen.
    single_label : bool
    seed : int
    probabilities : ndarray of shape (n, k), float32, optional
        For the intervals of average precision.

    Returns
    -------
    intervals : dict
        ``macro_f1``, ``mcc``: [low, high]; ``f1``, ``class_mcc``: one [low, high] a class, None where it does
        not occur; with probabilities ``average_precision`` alike and ``macro_average_precision``, which lie
        about the figure itself: frames that are drawn twice flatter a ranking.
    """
    every, present = resamples(truth, N_RESAMPLES, seed), truth.any(axis=0)
    draws = every[1:]
    parts = (truth & decision, truth, decision)
    hits, real, claimed = (draws @ part.astype(np.float64) for part in parts)
    f1 = f1_of_counts(hits, real, claimed)
    of_each = mcc_of_counts(hits, real, claimed, len(truth))
    together = multiclass_mcc_of_counts(hits, real, claimed, len(truth)) if single_label else None
    found = {
        "macro_f1": _interval(f1[:, present].mean(axis=1) if present.any() else []),
        "mcc": _interval(
            together if together is not None else of_each[:, present].mean(axis=1) if present.any() else []
        ),
        "f1": _of_each(f1, present),
        "class_mcc": _of_each(of_each, present),
        "level": LEVEL,
    }
    if probabilities is not None:
        pairs = zip(truth.T, probabilities.T, strict=True)
        precision = np.stack([weighted_average_precision(*pair, draws) for pair in pairs], axis=1)
        found["average_precision"] = _of_each(precision, present)
        found["macro_average_precision"] = _interval(
            precision[:, present].mean(axis=1) if present.any() else []
        )
    return found


def weighted_average_precision(
    truth: NDArray[np.bool_], probability: NDArray[np.float32], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the average precision of a class (d,), of frames that count `weights` (d, n) times."""
    order = np.argsort(-probability, kind="stable")
    hits = np.cumsum(weights[:, order] * truth[order], axis=1)
    taken = np.cumsum(weights[:, order], axis=1)
    last = np.append(np.diff(probability[order]) != 0, True)  # frames with one probability come together
    hits, taken = hits[:, last], taken[:, last]
    gained = np.diff(hits, axis=1, prepend=0.0)
    return (gained * hits / np.maximum(taken, 1)).sum(axis=1) / np.maximum(hits[:, -1], 1)


def reliability(
    truth: NDArray[np.bool_], probabilities: NDArray[np.float32]
) -> tuple[list[dict[str, float]], float]:
    """Return how often a class holds where its probability was so, and the mean of the differences.

    Parameters
    ----------
    truth : ndarray of shape (n, k), bool
    probabilities : ndarray of shape (n, k), float32

    Returns
    -------
    bins : list of dict
        ``said`` (mean probability), ``was`` (share that holds), ``n``; bins with fewer than five left out.
    error : float
        The expected calibration error (M. P. Naeini et al., AAAI 2015): differences weighed by ``n``.
    """
    said, was = probabilities.ravel().astype(np.float64), truth.ravel()
    place = np.minimum((said * N_BINS).astype(int), N_BINS - 1)
    bins = []
    for number in range(N_BINS):
        inside = place == number
        if inside.sum() >= FEWEST_IN_BIN:
            row = {"said": float(said[inside].mean()), "was": float(was[inside].mean())}
            bins.append({name: round(value, 4) for name, value in row.items()} | {"n": int(inside.sum())})
    total = sum(row["n"] for row in bins)
    error = sum(row["n"] * abs(row["said"] - row["was"]) for row in bins) / max(total, 1)
    return bins, round(float(error), 4)


def reliability_of_classes(
    truth: NDArray[np.bool_], probabilities: NDArray[np.float32], classes: list[str]
) -> list[dict[str, Any]]:
    """Return `reliability` class by class, of those that were judged often enough.

    Returns
    -------
    rows : list of dict
        ``class``, ``bins``, ``error``; of classes that `FEWEST_ANSWERS` frames were asked about and
        `FEWEST_WITH_CLASS` have.
    """
    if len(truth) < FEWEST_ANSWERS:
        return []
    rows = []
    for column in np.flatnonzero(truth.sum(axis=0) >= FEWEST_WITH_CLASS):
        bins, error = reliability(truth[:, [column]], probabilities[:, [column]])
        rows.append({"class": classes[column], "bins": bins, "error": error})
    return rows


def doubtful_labels(truth: NDArray[np.bool_], probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the labelled frames, the likeliest mistakes first, by how little speaks for their label.

    The confidence in the given label of C. Northcutt et al. (JAIR 70, 1373 (2021)); of several classes the
    one that is doubted most counts. Frames whose every class is likelier than not are left out.

    Parameters
    ----------
    truth : ndarray of shape (n, k), bool
        What people said.
    probabilities : ndarray of shape (n, k), float32
        What fits said that had not seen the label.

    Returns
    -------
    rows : ndarray of shape (d,), int64
    """
    agreement = np.where(truth, probabilities, 1 - probabilities).min(axis=1)
    order = np.argsort(agreement, kind="stable")
    return order[agreement[order] < 0.5].astype(np.int64)


def _of_each(values: NDArray[np.float64], present: NDArray[np.bool_]) -> list[list[float] | None]:
    return [_interval(column) if there else None for column, there in zip(values.T, present, strict=True)]


def _around(values: NDArray[np.float64]) -> list[float]:
    """Return an interval about the first value, as wide as the others scatter in their log-odds."""
    odds = np.clip(values, 1e-3, 1 - 1e-3)
    odds = np.log(odds / (1 - odds))
    reach = Z * odds[1:].std()
    return [round(float(1 / (1 + np.exp(-bound))), 4) for bound in (odds[0] - reach, odds[0] + reach)]


def _interval(values: Any) -> list[float] | None:
    if not len(values):
        return None
    tails = 50 * (1 - LEVEL)
    return [round(float(bound), 4) for bound in np.percentile(values, [tails, 100 - tails])]
