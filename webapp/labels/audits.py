"""Audits of what a classifier puts into a class: which frames are read, and what was found so far."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db import transaction

from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.labels.models import ClassScheme, LabelEvent, SelectionAudit
from webapp.labels.naming import LabelError
from webapp.labels.readings import Readings, readings_of
from webapp.labels.services import lock_labels

MOST_DRAWN = 2000


@dataclass(frozen=True)
class Tally:
    """What an audit has found: of the first `n` frames of its order `wrong` are wrong, read by `people`.

    Only frames before the first one that nobody has read count: passing over hard ones leads nowhere.
    """

    n: int
    wrong: int
    people: int
    passed_over: int | None = None


@transaction.atomic
def start_audit(
    *,
    dataset: Dataset,
    classification: UUID,
    class_name: str,
    asked: float,
    threshold: float,
    selected: np.ndarray,
    labels_as_of: int,
    user: User | None = None,
) -> SelectionAudit:
    """Freeze a selection, int (m,), and draw from it; the same selection again gives the same audit."""
    lock_labels(dataset)
    same = SelectionAudit.objects.filter(
        dataset=dataset, classification=classification, class_name=class_name
    )
    last = same.first()
    if last is not None and last.threshold == threshold:
        return last
    known = votes_of(readings_of(dataset), bit_of(dataset.scheme, class_name), (LabelEvent.Purpose.PICKED,))
    known = {frame: known[frame] for frame in np.intersect1d(selected, list(known) or [-1]).tolist()}
    selected = np.setdiff1d(selected, list(known))
    if not selected.size:
        raise LabelError(f"There is no frame of “{class_name}” left in this selection to audit.")
    turn = last.turn + 1 if last else 1
    seed = int(np.random.SeedSequence().entropy % 2**62)
    drawn = np.random.default_rng(seed).permutation(np.sort(selected))[:MOST_DRAWN]
    return SelectionAudit.objects.create(
        dataset=dataset,
        classification=classification,
        class_name=class_name,
        asked=asked,
        threshold=threshold,
        labels_as_of=labels_as_of,
        n_selected=int(selected.size),
        n_known=len(known),
        n_known_right=sum(known.values()),
        seed=seed,
        turn=turn,
        frames=drawn.astype("<i4").tobytes(),
        created_by=user,
    )


def audits_of(dataset: Dataset, classification: UUID | None = None) -> dict[str, SelectionAudit]:
    """Return the newest audit of each class, of one sorting if given."""
    rows = SelectionAudit.objects.filter(dataset=dataset)
    if classification is not None:
        rows = rows.filter(classification=classification)
    found: dict[str, SelectionAudit] = {}
    for audit in rows:
        found.setdefault(audit.class_name, audit)
    return found


def newest_audits(dataset: Dataset) -> list[SelectionAudit]:
    """Return the newest audit of each class of the sorting that was audited last, by name."""
    last = SelectionAudit.objects.filter(dataset=dataset).first()
    return [audit for _, audit in sorted(audits_of(dataset, last.classification).items())] if last else []


def frames_of(audit: SelectionAudit) -> np.ndarray:
    """Return the frames of an audit in the order in which they are read, int32."""
    return np.frombuffer(audit.frames, dtype="<i4")


def mixed_order(audits: Sequence[SelectionAudit], only: int | None) -> np.ndarray:
    """Return the frames of several audits in turn, so that nobody knows which class is meant; or of one."""
    meant = [frames_of(audit) for audit in audits if only in (None, audit.pk)]
    if not meant:
        raise LabelError("That audit is over: the frames have been sorted anew. Ask for a purity again.")
    ranks = np.concatenate([np.arange(len(frames)) for frames in meant])
    frames = np.concatenate(meant)[np.argsort(ranks, kind="stable")]
    _, first = np.unique(frames, return_index=True)
    return frames[np.sort(first)]


def tally(audit: SelectionAudit, scheme: ClassScheme, readings: Readings) -> Tally:
    """Count what blind readings say of an audit."""
    right = votes_of(readings, bit_of(scheme, audit.class_name), LabelEvent.AUDITS)
    frames, passed_over = frames_of(audit).tolist(), None
    n = next((place for place, frame in enumerate(frames) if frame not in right), len(frames))
    read = set(frames[:n])
    people = {
        each.user for each in readings.given if each.frame in read and each.purpose in LabelEvent.AUDITS
    }
    if any(frame in right for frame in frames[n:]):
        passed_over = frames[n]
    return Tally(n, sum(not right[frame] for frame in read), len(people), passed_over)


def votes_of(readings: Readings, bit: int, purposes: Iterable[str]) -> dict[int, bool]:
    """Return of each frame that was read whether a class applies: the majority counts, a tie is none."""
    said: dict[int, list[bool]] = defaultdict(list)
    for reading in readings.given:
        if reading.purpose in purposes:
            said[reading.frame].append(bool(reading.mask & bit))
    return {frame: 2 * sum(votes) > len(votes) for frame, votes in said.items()}


def bit_of(scheme: ClassScheme, name: str) -> int:
    """Return the bit of a class that a classifier knows as `name`."""
    return scheme.bits([called_now(scheme, name)])


def called_now(scheme: ClassScheme, name: str) -> str:
    """Return what a class is called now that a classifier knows as `name`."""
    known = {former: entry["name"] for entry in scheme.classes for former in entry.get("former", [])}
    return name if name in scheme.names else known.get(name, name)
