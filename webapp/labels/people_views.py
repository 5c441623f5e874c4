"""Pages about the people who label: how far they are, and how far they agree."""

from typing import Any
from uuid import UUID

import numpy as np
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from webapp.accounts.access import get_for
from webapp.accounts.models import User
from webapp.datasets.columns import columns_of
from webapp.datasets.models import Dataset
from webapp.labels import board
from webapp.labels.agreement import (
    ENOUGH,
    Agreement,
    Pair,
    audited,
    of_class,
    overall,
    own_pairs,
    pairs_of_people,
)
from webapp.labels.audits import newest_audits, tally
from webapp.labels.frames import UNSEEN
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.network import decided_masks, known_names
from webapp.labels.readings import Reading, disputed, readings_of
from webapp.labels.state_cache import current_labels

NOBODY = "command line or files"


@login_required
@require_GET
def label_board(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show how far the labelling is; a poll gets the figures alone."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    context: dict[str, Any] = {"dataset": dataset, "scheme": scheme}
    if scheme:
        labels, columns = current_labels(dataset), columns_of(dataset)
        pace, rows = board.pace(dataset), board.classes(scheme, labels)
        people = board.people(dataset, labels, readings_of(dataset))
        context |= {
            "pace": pace,
            "n_hour": sum(bin_["n"] for bin_ in pace),
            "rate": sum(person.rate for person in people),
            "people": people,
            "classes": rows,
            "imbalance": board.imbalance(rows),
            "runs": board.runs(columns, labels),
            "n_labelled": labels.n_labelled,
            "n_frames": columns.n_frames,
            "share": labels.n_labelled / max(1, columns.n_frames),
        }
    is_poll = bool(request.headers.get("HX-Request"))
    name = "labels/partials/board.html" if is_poll else "labels/label_board.html"
    return render(request, name, context)


@login_required
@require_GET
def label_agreement(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show how far people agree with each other, and with themselves."""
    dataset = get_for(request.user, Dataset.objects, pk=pk)
    scheme = ClassScheme.objects.filter(dataset=dataset).first()
    context: dict[str, Any] = {"dataset": dataset, "scheme": scheme, "enough": ENOUGH}
    if scheme:
        context |= _agreement(dataset, scheme)
    return render(request, "labels/label_agreement.html", context)


def _agreement(dataset: Dataset, scheme: ClassScheme) -> dict[str, Any]:
    readings = readings_of(dataset)
    pairs, own = pairs_of_people(readings.given), own_pairs(readings.given)
    users = {user for pair in pairs for user in pair} | set(own)
    names = dict(User.objects.filter(pk__in=users).values_list("pk", "username"))
    said = [answers for of_pair in pairs.values() for answers in of_pair]
    audit = audited(readings.given)
    return {
        "pairs": [
            {"people": [names.get(user, NOBODY) for user in pair], "agreement": overall(answers)}
            for pair, answers in pairs.items()
        ],
        "own": [
            {"person": names.get(user, NOBODY), "agreement": overall(answers)}
            for user, answers in own.items()
        ],
        "classes": _by_class(scheme, said) if said else [],
        "n_twice": len(said),
        "audit": overall(audit) if audit else None,
        "picked": [(audit, tally(audit, scheme, readings)) for audit in newest_audits(dataset)],
        "network": _network_audit(dataset, scheme, readings.given),
        "n_disputed": len(disputed(readings, current_labels(dataset))),
    }


def _network_audit(dataset: Dataset, scheme: ClassScheme, given: tuple[Reading, ...]) -> Agreement | None:
    """Compare what the network decides with the blind readings of frames drawn at random."""
    columns = columns_of(dataset)
    readings = [reading for reading in given if reading.purpose == LabelEvent.Purpose.AUDIT]
    if columns.class_probabilities is None or not readings:
        return None
    decided = decided_masks(columns, scheme, np.array([reading.frame for reading in readings]))
    known = scheme.bits(name for name in known_names(columns, scheme) if name)
    pairs = [
        (int(mask), reading.mask & known)
        for mask, reading in zip(decided, readings, strict=True)
        if mask != UNSEEN
    ]
    return overall(pairs) if pairs else None


def _by_class(scheme: ClassScheme, said: list[Pair]) -> list[dict[str, Any]]:
    rows = [{**entry, "agreement": of_class(said, place)} for place, entry in enumerate(scheme.classes)]
    return [row for row in rows if row["agreement"].n_positive or not row.get("hidden")]
