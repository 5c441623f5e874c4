"""What was labelled last, as a list from which each act can be taken back."""

from typing import Any

from django.db.models import Exists, OuterRef

from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.labels.frames import unpack_frames
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.selectors import class_names


def last_acts(
    dataset: Dataset,
    scheme: ClassScheme,
    user: User,
    count: int,
    *,
    mine: bool = False,
    standing: bool = False,
) -> list[dict[str, Any]]:
    """Return the last acts, the newest first; `mine` those of `user`, `standing` those not taken back."""
    undo = LabelEvent.objects.filter(undoes=OuterRef("pk"))
    events = LabelEvent.objects.filter(dataset=dataset).exclude(operation="undo")
    if mine:
        events = events.filter(created_by=user)
    events = events.annotate(is_undone=Exists(undo))
    if standing:
        events = events.filter(is_undone=False)
    # Frames are fetched of acts on one frame only: those of a whole cluster can be megabytes.
    found = list(events.order_by("-id").defer("frames").select_related("created_by")[:count])
    ones = LabelEvent.objects.filter(pk__in=[event.pk for event in found if event.n_frames == 1])
    frames = {pk: int(unpack_frames(packed)[0]) for pk, packed in ones.values_list("pk", "frames")}
    return [_act(event, scheme, user, frames.get(event.pk)) for event in found]


def _act(event: LabelEvent, scheme: ClassScheme, user: User, frame: int | None) -> dict[str, Any]:
    return {
        "id": str(event.client_id),
        "by": event.created_by.username if event.created_by else "command line",
        "mine": event.created_by_id == user.pk,
        "at": event.created_at.isoformat(timespec="seconds"),
        "words": words_of(event, scheme),
        "scope": f"frame {frame}" if frame is not None else event.scope or f"{event.n_frames} frames",
        "frame": frame,
        "undone": event.is_undone,
    }


def words_of(event: LabelEvent, scheme: ClassScheme) -> str:
    """Return in a few words what an act did."""
    names = ", ".join(class_names(scheme, event.mask)) or "none applies"
    words = {"add": f"+ {names}", "remove": f"− {names}", "clear": "made unlabelled"}
    kinds = {
        LabelEvent.Purpose.SECOND: " (second reading)",
        LabelEvent.Purpose.AUDIT: " (audit)",
        LabelEvent.Purpose.PICKED: " (audit of a selection)",
        LabelEvent.Purpose.SETTLE: " (settled)",
    }
    return words.get(event.operation, names) + kinds.get(event.purpose, "")
