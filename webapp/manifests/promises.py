"""The promise of purity that a manifest is asked for with: what can be promised, of which class, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from webapp.datasets.columns import read_json
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.jobs.models import ACTIVE, Job, Product
from webapp.labels.state_cache import current_labels
from webapp.manifests.promise_audits import AuditView, audit_views
from webapp.manifests.promise_recall import audited_recall
from webapp.manifests.promise_words import no_table_words, why_kept, why_not
from webapp.manifests.services import NotReady

FEWEST, MOST = 50, 99
ABOUT = (
    "Of the frames that the network puts into the class in the whole data set, at least the asked share is "
    "right, with 95 % confidence for each class. A choice of some of them is promised nothing of its own."
)


class PromiseError(NotReady):
    """What was asked for cannot be promised; the text is for the user."""


@dataclass(frozen=True)
class Table:
    """What can be promised of a sorting, as the step has it; `facts` is ``promise.json``."""

    classification: Product
    path: Path
    facts: dict[str, Any]
    labels_as_of: int | None = None

    def row(self, name: str, percent: int) -> dict[str, Any]:
        """Return what is promised of a class."""
        return self.facts["classes"][name]["rows"][percent - self.facts["asked"][0]]

    def recall_at(self, name: str, threshold: float) -> list[float] | None:
        """Return the recall of a selection that the step has looked at."""
        of_class = self.facts["classes"][name]
        looked_at = (row for row in of_class["rows"] + of_class["audits"] if row)
        return next((row["recall"] for row in looked_at if row["threshold"] == threshold), None)

    def worth_an_audit(self, name: str, percent: int) -> dict[str, Any] | None:
        """Return the selection of a class that is worth an audit for a percentage."""
        return self.facts["classes"][name]["audits"][percent - self.facts["asked"][0]]


@dataclass(frozen=True)
class ClassPromise:
    """What becomes of one class if `asked` per cent are asked for."""

    place: int
    name: str
    asked: int
    kept: bool
    by: str
    threshold: float | None
    found: dict[str, Any]
    why: str
    audit: AuditView | None
    proposed: dict[str, Any] | None
    n_labelled: int

    @property
    def least_right(self) -> int:
        """The least number of right frames among the selected ones."""
        return round(self.found["expected"] * self.found["purity"][1]) if self.kept else 0


def audit_of(views: Mapping[str, AuditView], name: str) -> AuditView | None:
    """Return the audit of a class that speaks of the newest sorting."""
    view = views.get(name)
    return None if view is None or view.is_old else view


def table_of(dataset: Dataset) -> Table | None:
    """Return what can be promised of the newest sorting; None where nobody has worked it out yet."""
    classification = newest(dataset, "classify")
    if classification is None:
        return None
    found = Product.objects.filter(dataset=dataset, inputs__classification=str(classification.pk))
    product = found.of_kind("promise").first()
    if product is None:
        return None
    path = product.folder / "promise.json"
    return Table(classification, path, read_json(path), product.params.get("labels_as_of"))


def is_under_way(dataset: Dataset) -> bool:
    """Whether a worker is going to work out what can be promised."""
    return Job.objects.filter(dataset=dataset, kind="promise", state__in=ACTIVE).exists()


def asked_percents(data: Mapping[str, Any], names: list[str]) -> dict[str, int] | None:
    """Return the percentage that the fields ask for of each class; None where they ask for no promise."""
    given = {name: data.get(f"purity_{place}", "") for place, name in enumerate(names)}
    general = str(data.get("purity", "")).strip()
    if not general:
        return None
    return {name: _percent(str(value).strip() or general) for name, value in given.items()}


def _percent(text: str) -> int:
    try:
        percent = float(text)
    except ValueError:
        percent = 0.0
    if not FEWEST <= percent <= MOST or percent != int(percent):
        raise PromiseError(f"A purity is a whole number of per cent from {FEWEST} to {MOST}, such as 95.")
    return int(percent)


def class_promises(dataset: Dataset, table: Table, asked: dict[str, int]) -> list[ClassPromise]:
    """Return what becomes of each class, in the order of the sorting's classes."""
    audits = audit_views(dataset, table.classification)
    counts = _label_counts(dataset)
    found = [
        _decide(table, place, name, percent, audit_of(audits, name), counts.get(name, 0))
        for place, (name, percent) in enumerate(asked.items())
    ]
    return [_with_recall(dataset, table, each) if each.kept else each for each in found]


def _with_recall(dataset: Dataset, table: Table, each: ClassPromise) -> ClassPromise:
    """Take the recall from frames that were drawn from all and read blind, where there are enough."""
    recall = audited_recall(dataset, table.classification, each.name, each.threshold)
    told = {"recall": recall, "recall_from": "audit"} if recall else {"recall_from": "labels"}
    return replace(each, found=each.found | told)


def _decide(
    table: Table, place: int, name: str, percent: int, audit: AuditView | None, n_labelled: int
) -> ClassPromise:
    """Take the audit's word where there is one, else that of the labels.

    An audit needs no assumption. Where it has read what was planned and the selection is not pure enough,
    labels do not promise the same selection or a larger one any more.
    """
    row, level = table.row(name, percent), percent / 100
    by, threshold, found, why = "labels", row["threshold"], row, ""
    if audit is not None and audit.low >= level:
        by, threshold, found = (
            "audit",
            audit.threshold,
            audit.as_found(table.recall_at(name, audit.threshold)),
        )
        why = audit.words
    elif audit is not None and audit.is_read and threshold is not None and threshold <= audit.threshold:
        threshold, why = None, f"{audit.words} So {percent} % are not promised of this selection."
    proposed = None
    if threshold is None:
        why = why or why_not(name, row, table.facts)
        proposed = table.worth_an_audit(name, percent)
    elif by == "labels":
        why, proposed = why_kept(row), row
    return ClassPromise(
        place=place,
        name=name,
        asked=percent,
        kept=threshold is not None,
        by=by,
        threshold=threshold,
        found=found,
        why=why,
        audit=audit,
        proposed=proposed,
        n_labelled=n_labelled,
    )


def _label_counts(dataset: Dataset) -> dict[str, int]:
    scheme = getattr(dataset, "scheme", None)
    return current_labels(dataset).class_counts(scheme.names) if scheme else {}


def promise_from(dataset: Dataset, data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the promise that the fields of `promise.html` ask for; None where they ask for none.

    Raises
    ------
    PromiseError
        Where nothing can be promised, in words for the user.
    """
    if not str(data.get("purity", "")).strip():
        return None
    table = table_of(dataset)
    if table is None:
        raise PromiseError(no_table_words(dataset, is_under_way(dataset)))
    classes = table.facts["classes"]
    promises = class_promises(dataset, table, asked_percents(data, list(classes)))
    if not any(each.kept for each in promises):
        asked = sorted({each.asked for each in promises})
        per_cent = " or ".join(map(str, asked))
        raise PromiseError(f"No class can be promised at {per_cent} %. Ask for less, audit, or label more.")
    return {
        "level": table.facts["confidence"],
        "classes": {each.name: _as_json(each) for each in promises},
        "from": _from(promises, table),
        "about": ABOUT,
        "classification": str(table.classification.pk),
        "single_label": table.facts["single_label"],
        "exclusive": table.facts["exclusive"],
        "excludes": table.facts.get("excludes", []),
        "n_labels": table.facts["n_labels"],
    }


def _as_json(each: ClassPromise) -> dict[str, Any]:
    found = each.found if each.kept else {}
    return {
        "asked": each.asked / 100,
        "threshold": each.threshold,
        "kept": each.kept,
        "by": each.by if each.kept else None,
        "expected": found.get("expected", 0),
        "purity": found.get("purity"),
        "recall": found.get("recall"),
        "recall_from": found.get("recall_from"),
        "why": each.why,
        "audit": each.audit.as_json() if each.audit else None,
    }


def _from(promises: list[ClassPromise], table: Table) -> str:
    ways = {each.by for each in promises if each.kept}
    words = {
        "labels": f"{table.facts['n_labels']} labels, each judged by a fit that had not seen it",
        "audit": "a blind audit of random frames of the selection",
    }
    return " and ".join(words[way] for way in ("labels", "audit") if way in ways)


@lru_cache(maxsize=64)
def curve_of(path: Path, name: str) -> tuple[tuple[int, int, float], ...]:
    """Return of each percentage that is promised the frames and the recall, for a chart."""
    facts = read_json(path)
    rows = zip(facts["asked"], facts["classes"][name]["rows"], strict=True)
    return tuple((p, row["expected"], row["recall"][0]) for p, row in rows if row["threshold"] is not None)
