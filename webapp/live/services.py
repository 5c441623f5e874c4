"""Writes about live sessions: start, stop, resume."""

from pathlib import Path

from django.db import transaction

from webapp.accounts.models import User
from webapp.jobs.models import Product
from webapp.jobs.services import Handle, cancel_job, submit
from webapp.live.models import LiveSession


@transaction.atomic
def start_session(*, name: str, folder: Path, sorter: Product, user: User | None = None) -> LiveSession:
    """Create a session that watches `folder`, and submit its job.

    `sorter` is a classifier, or a clustering into whose clusters its FactorVAE sorts; the session
    belongs to its group.
    """
    is_clustering = sorter.kind == "cluster"
    session = LiveSession.objects.create(
        group=sorter.group,
        name=name,
        watched=str(folder),
        network=sorter.input("network") if is_clustering else sorter,
        reference=sorter if is_clustering else None,
        created_by=user,
    )
    _submit_watch(session, user)
    return session


@transaction.atomic
def resume_session(*, session: LiveSession, user: User | None = None) -> None:
    """Watch on where the ledger ends; a session that runs is left alone."""
    session = LiveSession.objects.select_for_update().get(pk=session.pk)
    if session.job is None or not session.job.is_active:
        _submit_watch(session, user)


def stop_session(*, session: LiveSession) -> None:
    """Stop watching; the frames at hand are still sorted and written down."""
    if session.job is not None:
        cancel_job(job=session.job)


def _submit_watch(session: LiveSession, user: User | None) -> None:
    inputs = {"network": session.network}
    if session.reference is not None:
        inputs |= {"clustering": session.reference, "embedding": session.reference.input("embedding")}
    handle = submit(
        kind="watch",
        group=session.group,
        inputs={role: Handle.of(product) for role, product in inputs.items()},
        # A stopped watch has left a product; the job before makes the next watch another one.
        params={"session": str(session.pk), "after": str(session.job_id or "")},
        user=user,
        title=f"Watch: {session.name}"[:200],
    )
    session.job = handle.job
    session.save(update_fields=["job"])
