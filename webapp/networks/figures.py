"""The figures of a classifier as both of its pages show them, with intervals and without false exactness."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np

from webapp.datasets.columns import columns_of
from webapp.datasets.decisions import decide, decision_rule
from webapp.jobs.models import Product
from webapp.networks.certainty import Reliability, reliability_of
from webapp.networks.selectors import heat_rows

_BLOCK = 1 << 16
SHOWN_DOUBTFUL = 6
FEWEST = 5
"""Labels of a class, below which a figure would look exact and tell nothing."""


@dataclass(frozen=True)
class Figure:
    """A figure and between which values it would lie had other frames been labelled, if that is known."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, value: float | None, bounds: list[float] | None) -> "Figure":
        """Join a figure with its interval."""
        return cls(value, *bounds) if bounds else cls(value)


@dataclass(frozen=True)
class ClassFigures:
    """The figures of one class; `in_all` is its share of all frames, as sorted, in per cent."""

    name: str
    f1: Figure
    average_precision: Figure
    mcc: Figure
    precision: float | None
    recall: float | None
    support: int
    percent: float
    decided: int
    in_all: float | None
    is_too_few: bool


@dataclass(frozen=True)
class Together:
    """How often the class of a row comes with that of a column: in per cent, as labelled and as decided."""

    labelled: float | None
    decided: float | None
    shade: int
    differs: bool
    words: str


@dataclass(frozen=True)
class Figures:
    """All that pages say of how well a classifier sorts."""

    network: Product
    origin: str
    n_frames: int
    single_label: bool
    macro_f1: Figure
    average_precision: Figure
    mcc: Figure
    constant_f1: float | None
    constant_average_precision: float | None
    classes: list[ClassFigures]
    reliability: Reliability | None
    reliability_of_each: list[tuple[str, Reliability]]
    confusion: list[dict[str, Any]]
    together: list[tuple[str, list[Together | None]]]
    exclusions: str
    n_doubtful: int
    doubtful: list[int]


def figures_of(network: Product, sorted_percents: dict[str, float] | None = None) -> Figures | None:
    """Return the figures of a classifier, None where its card has none.

    `sorted_percents` are the shares of all frames that it sorted into each class.
    """
    card = network.facts
    figures = card.get("figures") or {}
    metrics, classes = figures.get("metrics"), card.get("classes") or []
    if not metrics:
        return None
    bounds = metrics.get("intervals") or {}
    each = metrics.get("reliability_per_class") or []
    pairs = [
        (row["class"], reliability_of({"reliability": row["bins"], "calibration_error": row["error"]}))
        for row in each
    ]
    return Figures(
        network=network,
        origin=figures.get("figures_from") or "",
        n_frames=metrics["n_frames"],
        single_label=bool(card.get("single_label")),
        macro_f1=Figure.of(metrics["macro_f1"], bounds.get("macro_f1")),
        average_precision=Figure.of(
            metrics["macro_average_precision"], bounds.get("macro_average_precision")
        ),
        mcc=Figure.of(metrics["mcc"], bounds.get("mcc")),
        constant_f1=metrics.get("constant_macro_f1"),
        constant_average_precision=metrics.get("constant_average_precision"),
        classes=_classes(metrics, bounds, sorted_percents or {}),
        reliability=reliability_of(metrics),
        reliability_of_each=[(name, found) for name, found in pairs if found],
        confusion=heat_rows(metrics, classes),
        together=_together(metrics.get("co_occurrence"), classes),
        exclusions=_exclusions(card, metrics),
        n_doubtful=len(figures.get("doubtful_labels") or []),
        doubtful=(figures.get("doubtful_labels") or [])[:SHOWN_DOUBTFUL],
    )


def sorted_percents(network: Product) -> dict[str, float]:
    """Return of all frames of its data set the per cent that the network sorted into each class."""
    dataset = network.dataset
    columns = columns_of(dataset) if dataset else None
    if columns is None or columns.classifier != network or not columns.n_frames:
        return {}
    counts = _decided_counts(columns.products["classify"].pk)
    return {
        name: 100 * n / columns.n_frames for name, n in zip(network.facts["classes"], counts, strict=True)
    }


@lru_cache(maxsize=16)
def _decided_counts(pk: UUID) -> list[int]:
    """Count the frames of each class once: a classification never changes."""
    classification = Product.objects.get(pk=pk)
    rule = decision_rule(classification)
    probabilities = np.load(classification.path("probabilities.npy"), mmap_mode="r", allow_pickle=False)
    counts = np.zeros(probabilities.shape[1], dtype=np.int64)
    for start in range(0, len(probabilities), _BLOCK):
        counts += decide(np.asarray(probabilities[start : start + _BLOCK]), rule).sum(axis=0)
    return counts.tolist()


def _classes(
    metrics: dict[str, Any], bounds: dict[str, Any], sorted_percents: dict[str, float]
) -> list[ClassFigures]:
    rows, n = metrics.get("per_class") or [], max(metrics["n_frames"], 1)
    nothing = [None] * len(rows)
    of_f1, of_precision, of_mcc = (
        bounds.get(name) or nothing for name in ("f1", "average_precision", "class_mcc")
    )
    return [
        ClassFigures(
            name=row["class"],
            f1=Figure.of(row["f1"], of_f1[place]),
            average_precision=Figure.of(row["average_precision"], of_precision[place]),
            mcc=Figure.of(row["mcc"], of_mcc[place]),
            precision=row["precision"],
            recall=row["recall"],
            support=row["support"],
            percent=100 * row["support"] / n,
            decided=row["decided"],
            in_all=sorted_percents.get(row["class"]),
            is_too_few=row["support"] < FEWEST,
        )
        for place, row in enumerate(rows)
    ]


def _together(table: dict[str, Any] | None, classes: list[str]) -> list[tuple[str, list[Together | None]]]:
    """Return the rows of the table of co-occurrence; a class with itself is None."""
    if not table:
        return []
    rows = []
    for a, name in enumerate(classes):
        pairs = zip(table["labelled"][a], table["decided"][a], strict=True)
        rows.append((name, [None if a == b else _cell(*pair) for b, pair in enumerate(pairs)]))
    return rows


def _cell(labelled: list[float], decided: list[float]) -> Together:
    (n, of, low, high), (m, out_of, least, most) = labelled, decided
    share, other = (n / of if of else None), (m / out_of if out_of else None)
    words = f"labelled {n} of {of}"
    words += f" ({100 * low:.0f} to {100 * high:.0f} %), decided {m} of {out_of}"
    words += f" ({100 * least:.0f} to {100 * most:.0f} %)"
    return Together(
        None if share is None else 100 * share,
        None if other is None else 100 * other,
        round(9 * (share or 0)),
        bool(of and out_of and (least > high or most < low)),
        words,
    )


def _exclusions(card: dict[str, Any], metrics: dict[str, Any]) -> str:
    """Say what the rules of what excludes what have changed; empty where there are none."""
    recipe, counted = card.get("recipe") or {}, metrics.get("exclusions")
    rules = [f"{name} stands alone" for name in recipe.get("exclusive") or []]
    rules += [f"{' and '.join(group)} exclude each other" for group in recipe.get("excludes") or []]
    if not rules or counted is None:
        return ""
    what = "Rule" if len(rules) == 1 else "Rules"
    kept = (
        "none is broken"
        if not counted["broken"]
        else f"{counted['broken']} decisions break them all the same"
    )
    changed = f"{counted['changed']} of {metrics['n_frames']} decisions changed by that"
    return f"{what}: {'; '.join(rules)}. {changed}; {kept}."
