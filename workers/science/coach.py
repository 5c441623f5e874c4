"""The label coach: what more labels of which class would bring, learned from fits that had fewer of them.

Every run fits to some of the labels, in as many parts as there are folds, and judges the part that each fit
has not seen. Some runs have a share of all labels, others lack half of the labels of some classes, drawn so
that each class is halved as often as not; from both, power laws tell what labels of a class do for itself and
for the others (`label_curve`). The fits are those of `stand_in`, which is as good as the expert and takes a
hundredth of its time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.science.certainty import resamples
from workers.science.cooccurrence import most_confused
from workers.science.held_back import folds_of
from workers.science.label_curve import Laws, fit_laws
from workers.science.metrics import decide_unseen, f1_of_counts
from workers.science.progress import Progress, silent
from workers.science.stand_in import StandIn

FEWEST = 5
"""Labels of a class, below which nothing is said of it."""
FEWEST_FRAMES = 20
MOST_ROWS = 1500
N_FOLDS = 5
SHARES = (1 / 3, 1 / 2, 3 / 4, 1.0)
N_REPEATS, N_HALVED = 6, 24
FEW_ROWS = 400
"""Above, runs are repeated fewer times, for the sake of the time."""
N_RESAMPLES = 200
MORE = (6, 12, 24, 48)
WORTH = 0.03
"""Gain in the F1 of a class for which its labels are worth the work."""
SOFT = 0.02
"""Added to errors before their ratio is taken."""
HARDLY = 0.01
"""Gain in macro-F1 by twice the labels, below which more labels hardly help."""


@dataclass(frozen=True)
class Runs:
    """What fits to fewer labels said.

    Attributes
    ----------
    own, others : ndarray of shape (r, k), float64
        Labelled frames with each class and without it that fits had, on average over the parts.
    decisions : ndarray of shape (r, m, k), bool
    shares : ndarray of shape (r,), float64
        Of all labels; 0 where half of those of some classes were left out.
    """

    own: NDArray[np.float64]
    others: NDArray[np.float64]
    decisions: NDArray[np.bool_]
    shares: NDArray[np.float64]


def run_fits(
    seen: NDArray[np.float32],
    truth: NDArray[np.bool_],
    single_label: bool,
    rules: tuple[list[int], list[list[int]]],
    seed: int,
    on_progress: Progress = silent,
) -> Runs:
    """Fit to all labels and to fewer of them, and judge what each fit had not seen.

    Parameters
    ----------
    seen : ndarray of shape (m, f), float32
        Features of the labelled frames, as the expert standardises them.
    truth : ndarray of shape (m, k), bool
    single_label : bool
    rules : tuple of list of int, list of list of int
        `exclusive` and `excludes`, as `decide` has them.
    seed : int
    on_progress : Progress

    Returns
    -------
    runs : Runs
    """
    random, stand_in = np.random.default_rng(seed), StandIn(seen, truth, single_label)
    plan, found = _plan(truth, random), []
    for number, (_, kept) in enumerate(plan):
        parts = folds_of(truth, N_FOLDS, seed + number)
        said, sizes = np.zeros(truth.shape, np.float32), []
        for part in range(int(parts.max()) + 1):
            rows, asked = np.flatnonzero(kept & (parts != part)), np.flatnonzero(parts == part)
            said[asked] = stand_in.learn(rows, asked)
            sizes.append([truth[rows].sum(axis=0), (~truth[rows]).sum(axis=0)])
        on_progress(number + 1, len(plan), "runs", note="finding what more labels would bring")
        found.append((np.mean(sizes, axis=0), decide_unseen(truth, said, single_label, *rules)))
    sizes = np.stack([size for size, _ in found])
    decisions = np.stack([decision for _, decision in found])
    return Runs(sizes[:, 0], sizes[:, 1], decisions, np.array([share for share, _ in plan]))


def _plan(truth: NDArray[np.bool_], random: np.random.Generator) -> list[tuple[float, NDArray[np.bool_]]]:
    """Return for each run the share of all labels, or 0, and the rows that it may learn from."""
    scarce = min(1.0, FEW_ROWS / len(truth))
    n_repeats, n_pairs = max(1, round(N_REPEATS * scarce)), max(3, round(N_HALVED / 2 * scarce))
    plan = [(share, _share(truth, share, random)) for share in SHARES for _ in range(n_repeats)]
    for _ in range(n_pairs):
        halved = random.permutation(truth.shape[1]) < (truth.shape[1] + 1) // 2
        plan += [(0.0, _without_half(truth, classes, random)) for classes in (halved, ~halved)]
    return plan


def _share(truth: NDArray[np.bool_], share: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Return rows that hold a share of each class, rounded up; the rarest class is drawn from first."""
    groups = np.column_stack([truth, ~truth.any(axis=1)])
    kept, free = np.zeros(len(truth), np.bool_), np.ones(len(truth), np.bool_)
    for column in np.argsort(groups.sum(axis=0), kind="stable"):
        rows = random.permutation(np.flatnonzero(groups[:, column] & free))
        kept[rows[: int(np.ceil(share * len(rows) - 1e-9))]] = True
        free[rows] = False
    return kept


def _without_half(
    truth: NDArray[np.bool_], halved: NDArray[np.bool_], random: np.random.Generator
) -> NDArray[np.bool_]:
    """Return all rows but half of those that have some of the halved classes and none of the others."""
    meant, kept = ~truth[:, ~halved].any(axis=1), np.ones(len(truth), np.bool_)
    for column in np.flatnonzero(halved):
        rows = np.flatnonzero(meant & truth[:, column] & kept)
        kept[random.permutation(rows)[: len(rows) // 2]] = False
    return kept


def advise(
    runs: Runs,
    truth: NDArray[np.bool_],
    classes: list[str],
    now: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Tell from runs with fewer labels what more would bring.

    Intervals are percentiles over judged frames that were drawn again, the same ones for all runs, among
    those with the same rarest class; every draw has laws of its own.

    Parameters
    ----------
    runs : Runs
    truth : ndarray of shape (m, k), bool
    classes : list of str
    now : ndarray of shape (m, k), bool, optional
        What the classifier that is kept decided of the same frames, unseen; the laws are bent to it, since it
        learns from unlabelled frames besides.
    seed : int

    Returns
    -------
    learning_curve : dict
        ``points`` (``labels``, ``macro_f1``, `interval`: of runs with a share of all labels), ``projected``
        (the same up to twice the labels), ``classes`` (``class``, ``n``, and where there are enough labels
        ``more``, ``now``, ``after``, ``interval``, ``gain`` of macro-F1, ``others``: what comes to other
        classes), ``doubled`` (macro-F1 with twice the labels, its interval, ``now`` and ``gain``),
        ``exponent``, ``helps`` (whether more labels do) and ``confused`` (the two classes that are taken for
        each other most).
    """
    counts, enough = truth.sum(axis=0), truth.sum(axis=0) >= FEWEST
    draws = resamples(truth, N_RESAMPLES, seed)
    f1 = np.stack([_f1(truth, decision, draws) for decision in runs.decisions], axis=1)  # (draws, runs, k)
    if now is not None:
        f1 = _bent(f1, f1[:, runs.shares == 1].mean(axis=1), _f1(truth, now, draws), enough)
    laws = [fit_laws(runs.own, runs.others, draw, enough) for draw in f1]
    n, m = counts.astype(np.float64), (len(truth) - counts).astype(np.float64)
    sizes = np.unique(np.round(np.geomspace(max(len(truth) * 0.2, 4), 2 * len(truth), 12)).astype(int))
    curves = {int(size): _macro(laws, n * size / len(truth), m * size / len(truth), enough) for size in sizes}
    at_now, doubled = _macro(laws, n, m, enough), _macro(laws, 2 * n, 2 * m, enough)
    rows = [
        _of_class(laws, n, m, enough, column) | {"class": classes[column]} for column in range(len(classes))
    ]
    rows.sort(key=lambda row: -row.get("gain_per_label", np.inf))
    return {
        "n_labels": len(truth),
        "points": [_point(runs, f1[:, :, enough], share) for share in SHARES],
        "projected": [{"labels": size, **_said(values)} for size, values in curves.items()],
        "classes": rows,
        "doubled": _said(doubled) | {"now": _rounded(at_now[0]), "gain": _rounded(doubled[0] - at_now[0])},
        "exponent": laws[0].exponent,
        "helps": bool(doubled[0] - at_now[0] >= HARDLY),
        "confused": most_confused(
            truth, runs.decisions[runs.shares == 1][0] if now is None else now, classes
        ),
    }


def _bent(
    f1: NDArray[np.float64],
    stand_in: NDArray[np.float64],
    kept: NDArray[np.float64],
    enough: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return F1 (draws, r, k) with errors larger or smaller by what the kept classifier's are on average."""
    errors = (1 - values[:, enough].mean(axis=1) + SOFT for values in (kept, stand_in))
    ratio = np.divide(*errors)
    return 1 - (1 - f1) * np.clip(ratio, 0.5, 1.5)[:, None, None]


def _point(runs: Runs, f1: NDArray[np.float64], share: float) -> dict[str, Any]:
    """Return macro-F1 of the runs with a share of all labels."""
    chosen = runs.shares == share
    labels = float((runs.own + runs.others)[chosen, 0].mean())
    return {"labels": round(labels)} | _said(f1[:, chosen].mean(axis=(1, 2)))


def _of_class(
    laws: list[Laws], n: NDArray[np.float64], m: NDArray[np.float64], enough: NDArray[np.bool_], column: int
) -> dict[str, Any]:
    """Return what the fewest labels of a class bring that are worth it, or the most that are asked for."""
    if not enough[column]:
        return {"n": int(n[column])}
    own = np.arange(len(n)) == column
    before = np.array([law.f1(n, m) for law in laws])
    for more in MORE:
        after = np.array([law.f1(n + more * own, m + more * ~own) for law in laws])
        if after[0, column] - before[0, column] >= WORTH:
            break
    gains = np.where(enough, after - before, 0)
    gain = gains.sum(axis=1) / enough.sum()
    return {
        "n": int(n[column]),
        "more": more,
        "now": _rounded(before[0, column]),
        "after": _rounded(after[0, column]),
        "interval": _interval(after[:, column]),
        "gain": _rounded(gain[0]),
        "gain_per_label": round(float(gain[0] / more), 6),
        "others": _rounded(gain[0] - gains[0, column] / enough.sum()),
    }


def _macro(
    laws: list[Laws], n: NDArray[np.float64], m: NDArray[np.float64], enough: NDArray[np.bool_]
) -> NDArray[np.float64]:
    return np.array([law.f1(n, m)[enough].mean() for law in laws])


def _said(values: NDArray[np.float64]) -> dict[str, Any]:
    """Return the first value, of the frames as they are, and the interval of all."""
    return {"macro_f1": _rounded(values[0]), "interval": _interval(values)}


def _interval(values: NDArray[np.float64]) -> list[float]:
    return [_rounded(bound) for bound in np.percentile(values, [2.5, 97.5])]


def _rounded(value: float) -> float:
    return round(float(value), 4)


def _f1(
    truth: NDArray[np.bool_], decision: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the F1 of each class in each draw, (draws, k)."""
    return f1_of_counts(
        weights @ (truth & decision).astype(float),
        weights @ truth.astype(float),
        weights @ decision.astype(float),
    )
