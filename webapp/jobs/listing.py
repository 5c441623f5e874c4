"""The list of jobs: which of them, a page at a time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from webapp.accounts.models import User
from webapp.jobs.kinds import KINDS
from webapp.jobs.models import ACTIVE, Job, JobQuerySet, State

N_A_PAGE = 50
SHOWS = {"": "Active", "all": "All", **{state.value: str(state.label) for state in State}}


@dataclass(frozen=True)
class JobFilter:
    """Which jobs a person wants to see; what makes no sense in an address counts as not given.

    The active jobs are those that have not ended, and those that have since the page was loaded: a row does
    not vanish under the pointer.
    """

    show: str = ""
    kind: str = ""
    dataset: UUID | None = None
    is_mine: bool = False
    since: datetime | None = None

    @classmethod
    def read(cls, query: QueryDict) -> "JobFilter":
        """Read the filter off the address of the page."""
        show, kind = query.get("show", ""), query.get("kind", "")
        return cls(
            show=show if show in SHOWS else "",
            kind=kind if kind in KINDS else "",
            dataset=_uuid(query.get("dataset", "")),
            is_mine=query.get("mine") == "1",
            since=_time(query.get("since", "")) or timezone.now(),
        )

    def query(self, **more: Any) -> str:
        """Return the filter as it stands in an address, with a question mark where there is any."""
        given = {"show": self.show, "kind": self.kind, "dataset": self.dataset or ""}
        given |= {"mine": "1" if self.is_mine else ""} | more
        words = urlencode({name: value for name, value in given.items() if value not in ("", None)})
        return f"?{words}" if words else ""

    def jobs(self, user: User) -> JobQuerySet:
        """Return the jobs that pass, the newest first."""
        jobs = Job.objects.for_user(user).distinct()
        if self.show == "":
            jobs = jobs.filter(Q(state__in=ACTIVE) | Q(finished_at__gte=self.since))
        elif self.show != "all":
            jobs = jobs.filter(state=self.show)
        if self.kind:
            jobs = jobs.filter(kind=self.kind)
        if self.dataset:
            jobs = jobs.filter(dataset=self.dataset)
        return jobs.filter(created_by=user) if self.is_mine else jobs

    @property
    def is_narrow(self) -> bool:
        """Whether anything but the state is asked for."""
        return bool(self.kind or self.dataset or self.is_mine)


def page_of_jobs(user: User, wanted: JobFilter, number: str) -> Page:
    """Return a page of jobs; past the end, the last one."""
    jobs = wanted.jobs(user).select_related("dataset", "group", "created_by", "product")
    unread = ("error_detail", "params", "product__files", "product__facts", "product__params")
    jobs = jobs.defer(*unread, "dataset__asked_for", "dataset__moved")
    return Paginator(jobs, N_A_PAGE).get_page(number)


def choices_of(user: User) -> dict[str, list[tuple[str, str]]]:
    """Return what there is to choose from: the kinds and data sets that have jobs."""
    jobs = Job.objects.for_user(user).order_by()
    kinds = set(jobs.values_list("kind", flat=True).distinct())
    sets = jobs.exclude(dataset=None).values_list("dataset_id", "dataset__name").distinct()
    return {
        "shows": list(SHOWS.items()),
        "kinds": [(kind.name, kind.title) for kind in KINDS.values() if kind.name in kinds],
        "datasets": sorted(((str(pk), name) for pk, name in sets), key=lambda pair: pair[1].casefold()),
    }


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _time(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found and timezone.is_aware(found) else None
