"""How certain figures of a sorting are, and whether its probabilities are honest."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.metrics import macro_f1, multiclass_mcc, precision_recall_f1

N_RESAMPLES = 400
LEVEL = 0.95
N_BINS = 10
FEWEST_IN_BIN = 5


def intervals(
    truth: NDArray[np.bool_], decision: NDArray[np.bool_], single_label: bool, seed: int = 0
) -> dict[str, Any]:
    """Return between which values figures would lie had other frames been labelled, by the bootstrap.

    Percentiles of figures of frames drawn again with replacement (B. Efron, Ann. Stat. 7, 1 (1979)), within
    each combination of classes, so that a class with three labels does not vanish from a third of the draws.

    Parameters
    ----------
    truth, decision : ndarray of shape (n, k), bool
        Of frames that the judged fits had not seen.
    single_label : bool
    seed : int

    Returns
    -------
    intervals : dict
        ``macro_f1``, ``mcc``: [low, high]; ``f1``: one [low, high] a class, None where it does not occur.
    """
    random = np.random.default_rng(seed)
    _, combination = np.unique(truth, axis=0, return_inverse=True)
    groups = [np.flatnonzero(combination == number) for number in range(combination.max() + 1)]
    draws = [
        np.concatenate([random.choice(group, len(group)) for group in groups]) for _ in range(N_RESAMPLES)
    ]
    f1 = np.array([precision_recall_f1(truth[rows], decision[rows])[2] for rows in draws])
    correlation = multiclass_mcc if single_label else _mean_mcc
    present = truth.any(axis=0)
    return {
        "macro_f1": _interval([macro_f1(truth[rows], decision[rows]) for rows in draws]),
        "mcc": _interval([correlation(truth[rows], decision[rows]) for rows in draws]),
        "f1": [_interval(column) if there else None for column, there in zip(f1.T, present, strict=True)],
        "level": LEVEL,
    }


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


def _mean_mcc(truth: NDArray[np.bool_], decision: NDArray[np.bool_]) -> float:
    columns = [
        multiclass_mcc(truth[:, [c]], decision[:, [c]]) for c in range(truth.shape[1]) if truth[:, c].any()
    ]
    return float(np.mean(columns)) if columns else 0.0


def _interval(values: Any) -> list[float] | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    tails = 50 * (1 - LEVEL)
    return [round(float(bound), 4) for bound in np.percentile(known, [tails, 100 - tails])]
