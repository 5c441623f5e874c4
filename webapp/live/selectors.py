"""Reads of live sessions: what a watch is called with, and what its page shows."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from webapp.accounts.models import Group, User
from webapp.jobs.models import Job, Product, State
from webapp.jobs.selectors import progress_of
from webapp.live.models import LiveSession
from webapp.networks.describe import offered

WORDS = {
    State.QUEUED: "Waits for a worker",
    State.RUNNING: "Watching",
    State.SUCCEEDED: "Stopped",
    State.FAILED: "Failed",
    State.CANCELLED: "Stopped",
}


def watch_arguments(job: Job) -> dict[str, Any]:
    """Return the arguments of the step `watch.watch_folder` for `job`."""
    session = LiveSession.objects.select_related("network__dataset").get(pk=job.params["session"])
    reference = None
    if session.reference is not None:
        embedding = session.reference.input("embedding")
        reference = {
            "latents": str(embedding.path("latents.npy")),
            "labels": str(session.reference.path("labels.npy")),
        }
    dataset = session.network.dataset
    return {
        "folder": session.watched,
        "network_dir": str(session.network.folder),
        "reference": reference,
        "session_dir": str(session.folder),
        "dataset_path": (dataset.dataset_path or None) if dataset else None,
        "roots": [str(root) for root in settings.ALLOWED_ROOTS],
        "threads": min(2, settings.ACCELERATOR_THREADS),
    }


def sorters_for(user: User) -> QuerySet[Product]:
    """Return what frames can be sorted with in the groups where `user` may change things."""
    groups = Group.objects.writable_by(user)
    found = offered(Product.objects.filter(group__in=groups)).of_kind("train", "cluster")
    return found.select_related("dataset")


@dataclass(frozen=True)
class Share:
    """How many frames went into one class."""

    name: str
    n: int
    percent: float


@dataclass(frozen=True)
class SessionReport:
    """What the page of a session shows; `counts` is what the watch wrote last."""

    session: LiveSession
    words: str
    is_active: bool
    note: str = ""
    counts: dict[str, Any] = field(default_factory=dict)
    shares: list[Share] = field(default_factory=list)

    @property
    def updated_at(self) -> datetime | None:
        """When the watch wrote last."""
        return datetime.fromisoformat(self.counts["updated_at"]) if self.counts else None


def session_report(session: LiveSession) -> SessionReport:
    """Return how a session is doing."""
    counts = read_counts(session)
    job = session.job
    is_active = job is not None and job.is_active
    return SessionReport(
        session=session,
        words=session_words(session),
        is_active=is_active,
        note=progress_of(job).note if is_active and job.state == State.RUNNING else "",
        counts=counts,
        shares=_shares(counts),
    )


def session_words(session: LiveSession) -> str:
    """Return the state of a session in plain words."""
    job = session.job
    if job is None:
        return "Stopped"
    if job.is_active and job.cancel_requested:
        return "Stopping"
    return WORDS[State(job.state)]


def read_counts(session: LiveSession) -> dict[str, Any]:
    """Return what the watch wrote last, nothing before it has written."""
    try:
        return json.loads((session.folder / "counts.json").read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}


def _shares(counts: dict[str, Any]) -> list[Share]:
    n_frames = counts.get("n_frames", 0)
    shares = [
        Share(name, n, 100 * n / n_frames if n_frames else 0.0)
        for name, n in counts.get("classes", {}).items()
    ]
    if counts.get("n_without_class"):
        n = counts["n_without_class"]
        shares.append(Share("none of the classes", n, 100 * n / n_frames))
    return sorted(shares, key=lambda share: -share.n)
