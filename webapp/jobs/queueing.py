"""In which order the jobs that wait will begin, as far as it can be said now."""

import heapq
from collections import Counter, defaultdict, deque
from uuid import UUID

from django.db.models import Exists, OuterRef

from webapp.jobs.kinds import KINDS
from webapp.jobs.models import Job, Shard, State


def queue_places(queue: str) -> dict[UUID, int]:
    """Return the place, from 1, of each job of `queue` that could begin and has not.

    As workers choose: the group with the fewest running shards, then the oldest job. Whatever is submitted
    later by a group with less at hand may still go first.
    """
    kinds = [kind.name for kind in KINDS.values() if kind.queue == queue]
    unfinished = Job.after.through.objects.filter(from_job=OuterRef("pk"))
    unfinished = unfinished.exclude(to_job__state=State.SUCCEEDED)
    waiting = Job.objects.filter(~Exists(unfinished), kind__in=kinds, state=State.QUEUED)
    lines: dict[UUID, deque] = defaultdict(deque)
    rows = waiting.filter(cancel_requested=False).order_by("created_at")
    for created_at, pk, group in rows.values_list("created_at", "pk", "group_id"):
        lines[group].append((created_at, pk))
    busy = Counter(Shard.objects.filter(state=State.RUNNING).values_list("job__group_id", flat=True))
    turns = [(busy[group], *line[0], group) for group, line in lines.items()]
    heapq.heapify(turns)
    places: dict[UUID, int] = {}
    while turns:
        n_busy, _, pk, group = heapq.heappop(turns)
        places[pk] = len(places) + 1
        lines[group].popleft()
        if lines[group]:
            heapq.heappush(turns, (n_busy + 1, *lines[group][0], group))
    return places


def ordinal(place: int) -> str:
    """Return a place as it is read: 1st, 2nd, 3rd, 4th, 11th, 21st."""
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"
