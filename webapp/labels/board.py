"""How far the labelling is: how quick it goes, who does it, and which classes lack labels."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, Max, Q
from django.db.models.functions import TruncMinute
from django.utils import timezone

from webapp.accounts.models import User
from webapp.datasets.columns import Columns
from webapp.datasets.models import Dataset
from webapp.datasets.runs import runs_of
from webapp.labels.agreement import Agreement, overall, pairs_of_people
from webapp.labels.frames import UNSEEN
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.readings import Readings
from webapp.labels.state_cache import CurrentLabels

HOUR, BIN_MINUTES, SHORTLY_MINUTES = 60, 5, 10
MOST_RUNS = 40


@dataclass(frozen=True)
class Person:
    """What one person has done: acts, frames that bear their label now, acts a minute, and when last."""

    name: str
    n_acts: int
    n_frames: int
    rate: float
    last: datetime
    agreement: Agreement | None


def pace(dataset: Dataset, now: datetime | None = None) -> list[dict[str, Any]]:
    """Return the acts a minute of the last hour, in bins of five minutes, the oldest first."""
    now = (now or timezone.now()).replace(second=0, microsecond=0)
    begin = now - timedelta(minutes=HOUR - 1)
    events = LabelEvent.objects.filter(dataset=dataset, created_at__gte=begin).exclude(operation="undo")
    minutes = events.annotate(minute=TruncMinute("created_at")).order_by().values_list("minute")
    acts = [0] * (HOUR // BIN_MINUTES)
    for minute, n in minutes.annotate(n=Count("id")):
        acts[min(len(acts) - 1, int((minute - begin).total_seconds()) // 60 // BIN_MINUTES)] += n
    most = max([*acts, 1])
    return [
        {
            "begin": begin + timedelta(minutes=BIN_MINUTES * place),
            "n": n,
            "rate": n / BIN_MINUTES,
            "x": 100 * place / len(acts),
            "height": 40 * n / most,
            "y": 40 - 40 * n / most,
        }
        for place, n in enumerate(acts)
    ]


def people(
    dataset: Dataset, labels: CurrentLabels, readings: Readings, now: datetime | None = None
) -> list[Person]:
    """Return who has labelled, the busiest first."""
    now = now or timezone.now()
    lately = Q(created_at__gte=now - timedelta(minutes=SHORTLY_MINUTES))
    events = LabelEvent.objects.filter(dataset=dataset).exclude(operation="undo").order_by()
    rows = events.values_list("created_by").annotate(
        n=Count("id"), lately=Count("id", filter=lately), last=Max("created_at")
    )
    rows = list(rows)
    names = dict(User.objects.filter(pk__in=[row[0] for row in rows if row[0]]).values_list("pk", "username"))
    frames = _frames_of(labels)
    said = pairs_of_people(readings.given)
    found = []
    for user, n, n_lately, last in rows:
        own = [pair for people, pairs in said.items() if (user or 0) in people for pair in pairs]
        agreement = overall(own) if own else None
        name = names.get(user, "command line or files")
        found.append(Person(name, n, frames.get(user or 0, 0), n_lately / SHORTLY_MINUTES, last, agreement))
    return sorted(found, key=lambda person: (-person.n_acts, person.name))


def _frames_of(labels: CurrentLabels) -> dict[int, int]:
    authors = labels.state.authors[labels.state.masks != UNSEEN]
    numbers, counts = np.unique(authors, return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def classes(scheme: ClassScheme, labels: CurrentLabels) -> list[dict[str, Any]]:
    """Return the frames of each class, `width` (its share of the largest in percent), the scope of them."""
    counts = labels.class_counts(scheme.names)
    most = max([*counts.values(), 1])
    shown = [entry for entry in scheme.classes if not entry.get("hidden") or counts[entry["name"]]]
    return [
        {
            **entry,
            "n": counts[entry["name"]],
            "width": 100 * counts[entry["name"]] / most,
            "scope": json.dumps({"label": entry["name"]}),
        }
        for entry in shown
    ]


def imbalance(rows: list[dict[str, Any]]) -> str:
    """Return in a sentence which classes lack labels; empty where none does."""
    offered = [row for row in rows if not row.get("hidden")]
    rare = [row["name"] for row in offered if row["n"] < max(10, max(r["n"] for r in offered) // 50)]
    if not any(row["n"] for row in offered) or not rare:
        return ""
    words = "class has" if len(rare) == 1 else "classes have"
    return f"{len(rare)} {words} too few labels to be learned well: {', '.join(rare)}."


def runs(columns: Columns, labels: CurrentLabels) -> dict[str, Any] | None:
    """Return for each run how many of its frames are labelled; None where no run is known."""
    found = runs_of(columns)
    if found is None or len(found.names) < 2:
        return None
    known = found.codes >= 0
    sizes = np.bincount(found.codes[known], minlength=len(found.names))
    seen = labels.state.masks[: len(found.codes)] != UNSEEN
    labelled = np.bincount(found.codes[known & seen], minlength=len(found.names))
    rows = [
        {"name": name, "n": int(n), "size": int(size), "share": float(n) / max(1, int(size))}
        for name, n, size in zip(found.names, labelled, sizes, strict=True)
    ]
    return {"title": found.title, "rows": rows[:MOST_RUNS], "n_more": max(0, len(rows) - MOST_RUNS)}
