"""Reads of notices."""

from typing import Any

from django.urls import reverse

from webapp.accounts.models import User
from webapp.jobs.kinds import KINDS
from webapp.jobs.models import State
from webapp.notices.models import Notice

MOST_COUNTED = 99
N_TOASTS = 5
N_LISTED = 100


def n_unread(user: User) -> int:
    """Return how many notices are unread, counted no further than the header shows."""
    return Notice.objects.for_user(user).unread()[: MOST_COUNTED + 1].count()


def newest_unread(user: User) -> dict[str, Any]:
    """Return the number of unread notices and the newest of them, by one query."""
    rows = Notice.objects.for_user(user).unread().order_by("-pk")[: MOST_COUNTED + 1]
    found = list(rows.values("pk", "job_id", "job__kind", "job__dataset__name", "state"))
    return {"n": len(found), "newest": [_told(row) for row in found[:N_TOASTS]]}


def _told(row: dict[str, Any]) -> dict[str, Any]:
    name = row["job__dataset__name"]
    ended = "is done" if row["state"] == State.SUCCEEDED else "failed"
    return {
        "id": row["pk"],
        "words": f"{KINDS[row['job__kind']].title}{f' of {name}' if name else ''} {ended}",
        "url": reverse("jobs:job-detail", args=[row["job_id"]]),
        "state": row["state"],
    }


def notices_of(user: User) -> list[Notice]:
    """Return the last notices of a person."""
    notices = Notice.objects.for_user(user).select_related("job", "job__dataset", "job__group")
    return list(notices.defer("job__curve", "job__error_detail")[:N_LISTED])
