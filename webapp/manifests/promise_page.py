"""What the form and the Download page show of promises and audits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp.accounts.models import Group, User
from webapp.datasets.lineage import newest
from webapp.datasets.models import Dataset
from webapp.labels.selectors import last_event_id
from webapp.manifests.choice import initial_choice
from webapp.manifests.promise_audits import AuditView, audit_views, planned_frames
from webapp.manifests.promise_chart import Chart, draw_chart
from webapp.manifests.promise_words import no_table_words
from webapp.manifests.promises import (
    ClassPromise,
    PromiseError,
    Table,
    asked_percents,
    class_promises,
    curve_of,
    is_under_way,
    table_of,
)

USUAL = 95


@dataclass(frozen=True)
class ClassRow:
    """A class on the form: its promise, its chart, and the audit that could be begun."""

    promise: ClassPromise
    chart: Chart
    to_audit: int
    given: str


def form_context(dataset: Dataset, user: User, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `promise.html` shows if its fields are filled with `data`."""
    context: dict[str, Any] = {"dataset": dataset, "purity": str(data.get("purity", "")).strip(), "rows": []}
    context["can_write"] = Group.objects.writable_by(user).filter(pk=dataset.group_id).exists()
    table = table_of(dataset)
    if table is None:
        under_way = is_under_way(dataset)
        can_ask = newest(dataset, "classify") is not None and not under_way
        return context | {
            "nothing": no_table_words(dataset, under_way),
            "can_ask": can_ask,
            "waits": under_way,
        }
    context["again"] = table.labels_as_of is not None and last_event_id(dataset) > table.labels_as_of
    names = list(table.facts["classes"])
    context["names"] = [(place, name, data.get(f"purity_{place}", "")) for place, name in enumerate(names)]
    try:
        asked = asked_percents(data, names)
    except PromiseError as error:
        return context | {"error": str(error)}
    if asked is not None:
        promises = class_promises(dataset, table, asked)
        context["rows"] = [_row(table, each, data) for each in promises]
        context["n_kept"] = sum(each.kept for each in promises)
        context["n_labels"] = table.facts["n_labels"]
    return context


def _row(table: Table, promise: ClassPromise, data: Mapping[str, Any]) -> ClassRow:
    chart = draw_chart(curve_of(table.path, promise.name), promise.asked)
    to_audit = 0
    if promise.proposed and promise.audit is None:
        to_audit = planned_frames(promise.asked / 100, promise.proposed["expected"])
    return ClassRow(promise, chart, to_audit, str(data.get(f"purity_{promise.place}", "")))


def stricter(table: Table, view: AuditView) -> dict[str, Any] | None:
    """Return the next smaller selection that is worth an audit, after one that was not pure enough."""
    choices = table.facts["classes"][view.audit.class_name]["audits"]
    found = [row for row in choices if row and row["threshold"] > view.threshold]
    return min(found, key=lambda row: row["threshold"], default=None)


@dataclass(frozen=True)
class AuditRow:
    """An audit on the Download page; `next_frames` and `next_planned` are those of a stricter selection."""

    view: AuditView
    next_size: int
    next_planned: int


def audit_rows(dataset: Dataset) -> list[AuditRow]:
    """Return the newest audit of each class, and what could follow one that was not kept."""
    table, rows = table_of(dataset), []
    for view in audit_views(dataset, newest(dataset, "classify")).values():
        follows = None
        if table is not None and not view.is_old and view.is_read and not view.is_kept:
            follows = stricter(table, view)
        size = follows["expected"] if follows else 0
        rows.append(AuditRow(view, size, _planned_next(view, size)))
    return rows


def _planned_next(view: AuditView, size: int) -> int:
    return planned_frames(view.audit.asked, size, view.audit.turn + 1) if size else 0


def audited_fields(dataset: Dataset) -> list[tuple[str, str]]:
    """Return how the form of a manifest is filled that holds what audits have proved; empty where none has.

    Classes that were not audited are asked for the same as the first that was.
    """
    table = table_of(dataset)
    if table is None:
        return []
    views = audit_views(dataset, table.classification)
    asked = {
        name: round(100 * view.audit.asked)
        for name, view in views.items()
        if view.is_kept and not view.is_old
    }
    if not asked:
        return []
    fields = [("chosen", "1"), ("purity", str(next(iter(asked.values()))))]
    fields += [
        (f"purity_{place}", str(asked[name]))
        for place, name in enumerate(table.facts["classes"])
        if name in asked
    ]
    for name, value in initial_choice().items():
        fields += [(name, each) for each in (value if isinstance(value, list) else [value])]
    return fields
