"""Audits of promised classes: how far they are, what they prove, and how one begins."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from webapp.accounts.models import User
from webapp.datasets.columns import Columns
from webapp.datasets.decisions import decision_rule
from webapp.datasets.models import Dataset
from webapp.jobs.models import Product
from webapp.labels.audits import Tally, audits_of, start_audit, tally
from webapp.labels.frames import UNSEEN
from webapp.labels.models import SelectionAudit
from webapp.labels.readings import readings_of
from webapp.labels.selectors import label_state, last_event_id
from webapp.manifests.audit_bound import chance_of, frames_needed, purity_interval
from webapp.manifests.promise_rule import promised


@dataclass(frozen=True)
class AuditView:
    """An audit as pages show it. `low` and `high` hold at any time, not only at the end."""

    audit: SelectionAudit
    n: int
    wrong: int
    people: int
    passed_over: int | None
    low: float
    high: float
    planned: int
    is_old: bool
    labelled_since: int

    @property
    def threshold(self) -> float:
        """From which score on frames are selected."""
        return self.audit.threshold

    @property
    def size(self) -> int:
        """The frames of the selection."""
        return self.audit.n_selected + self.audit.n_known

    @property
    def is_read(self) -> bool:
        """Whether as many frames are read as the asked purity takes if none of them is wrong."""
        return self.n >= self.planned

    @property
    def is_kept(self) -> bool:
        """Whether the audit proves the purity that it was begun for."""
        return self.low >= self.audit.asked

    @property
    def more(self) -> int | None:
        """How many more frames it takes if no further one is wrong; None where there is no end to it."""
        total = _needed(self.audit, self.wrong)
        return None if total is None else max(0, total - self.n)

    @property
    def words(self) -> str:
        """What the audit has found so far, in a sentence."""
        people = "one person" if self.people == 1 else f"{self.people} people"
        return (
            f"Blind audit: {self.wrong} of {self.n} random frames wrong ({people}), "
            f"so {100 * self.low:.1f} % to {100 * self.high:.1f} % are right."
        )

    def as_found(self, recall: list[float] | None) -> dict[str, Any]:
        """Return what a promise says of the selection, in the form that labels give.

        What is outside the selection an audit does not see: `recall` is what labels say.
        """
        right = (self.n - self.wrong + self.audit.n_known_right) / max(1, self.n + self.audit.n_known)
        purity = [min(max(right, self.low), self.high), self.low, self.high]
        found = {"expected": self.size, "purity": [round(value, 4) for value in purity]}
        return found | {"recall": recall, "labels": self.n, "wrong": self.wrong}

    def as_json(self) -> dict[str, Any]:
        """Return what a manifest says of the audit."""
        return {
            "n": self.n,
            "wrong": self.wrong,
            "interval": [round(self.low, 4), round(self.high, 4)],
            "people": self.people,
            "seed": str(self.audit.seed),
            "turn": self.audit.turn,
            "threshold": self.audit.threshold,
            "selected": self.size,
            "method": "prior-posterior-ratio confidence sequence, without replacement, 95 %",
        }


def audit_views(dataset: Dataset, classification: Product | None) -> dict[str, AuditView]:
    """Return the newest audit of each class: of a sorting, else of an earlier one, which is old then."""
    current = classification.pk if classification else None
    found = audits_of(dataset) | (audits_of(dataset, current) if current else {})
    scheme = getattr(dataset, "scheme", None)
    if not found or scheme is None:
        return {}
    readings, masks = readings_of(dataset), label_state(dataset).masks
    return {
        name: _view(audit, tally(audit, scheme, readings), masks, audit.classification != current)
        for name, audit in sorted(found.items())
    }


def _view(audit: SelectionAudit, found: Tally, masks: np.ndarray, is_old: bool) -> AuditView:
    low, high = purity_interval(found.n, found.wrong, audit.n_selected, chance_of(audit.turn))
    size = audit.n_selected + audit.n_known
    low, high = ((share * audit.n_selected + audit.n_known_right) / size for share in (low, high))
    drawn = np.frombuffer(audit.frames, dtype="<i4")
    return AuditView(
        audit=audit,
        n=found.n,
        wrong=found.wrong,
        people=found.people,
        passed_over=found.passed_over,
        low=low,
        high=high,
        planned=_needed(audit, 0) or audit.n_selected,
        is_old=is_old,
        labelled_since=int((masks[drawn[drawn < len(masks)]] != UNSEEN).sum()),
    )


def _needed(audit: SelectionAudit, wrong: int) -> int | None:
    return frames_needed(audit.asked, audit.n_selected, chance_of(audit.turn), wrong)


def planned_frames(asked: float, size: int, turn: int = 1) -> int:
    """Return how many frames an audit reads at least: what `asked` takes if none is wrong."""
    return frames_needed(asked, size, chance_of(turn)) or size


def begin_audit(
    *, dataset: Dataset, classification: Product, name: str, asked: float, threshold: float, user: User
) -> SelectionAudit:
    """Freeze the frames that a threshold selects and that nobody has labelled, and draw from them."""
    as_of = last_event_id(dataset)
    probabilities = Columns(dataset, {"classify": classification}).class_probabilities
    rule = decision_rule(classification)
    chosen = promised(probabilities, rule["classes"], name, threshold, rule)
    chosen[label_state(dataset).indices()] = False
    return start_audit(
        dataset=dataset,
        classification=classification.pk,
        class_name=name,
        asked=asked,
        threshold=threshold,
        selected=np.flatnonzero(chosen),
        labels_as_of=as_of,
        user=user,
    )
