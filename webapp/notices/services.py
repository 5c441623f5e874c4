"""Writes about notices."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from webapp.accounts.models import User
from webapp.jobs.models import Job, State
from webapp.notices.models import Mail, Notice, NoticeWish

logger = logging.getLogger(__name__)

LONG_S = 60
"""Jobs that took no longer are not told of in the page, unless they failed: one has waited for them."""
TOGETHER_S = 30
"""What one asks for within this time belongs together: a line of steps is told once, when it ends."""


def tell_end(*, job: Job) -> None:
    """Write the notice of a job that has ended; what goes wrong here never harms the job."""
    if job.created_by_id is None or job.state not in (State.SUCCEEDED, State.FAILED):
        return
    seconds = (job.finished_at - job.created_at).total_seconds()
    if seconds <= LONG_S and job.state != State.FAILED:
        return
    try:
        with transaction.atomic():  # a savepoint: the job's own transaction stays sound
            User.objects.select_for_update().get(
                pk=job.created_by_id
            )  # two last ones must not miss each other
            if job.state != State.FAILED and _others_are_active(job):
                return
            mail = Mail.DUE if _wants_mail(job.created_by, job.state, seconds) else Mail.NONE
            Notice.objects.create(user=job.created_by, job=job, state=job.state, seconds=seconds, mail=mail)
    except DatabaseError:
        logger.exception("The end of %s could not be told", job.pk)


def _others_are_active(job: Job) -> bool:
    """Whether jobs that were asked for together with this one have yet to end."""
    within = timedelta(seconds=TOGETHER_S)
    begun = (job.created_at - within, job.created_at + within)
    together = Job.objects.active().filter(created_by=job.created_by_id, dataset=job.dataset_id)
    return together.filter(created_at__range=begun).exclude(pk=job.pk).exists()


def _wants_mail(user: User, state: str, seconds: float) -> bool:
    if not settings.EMAIL_HOST or not user.email or not user.is_active:
        return False
    wish = wish_of(user)
    if wish.when == NoticeWish.When.LONG:
        return seconds > 60 * wish.minutes
    return wish.when == NoticeWish.When.FAILED and state == State.FAILED


def wish_of(user: User) -> NoticeWish:
    """Return what a person wants mails about, not saved where they have said nothing."""
    return NoticeWish.objects.filter(user=user).first() or NoticeWish(user=user)


@transaction.atomic
def save_wish(*, user: User, when: str, minutes: int, email: str) -> None:
    """Keep what a person wants mails about, and where to."""
    NoticeWish.objects.update_or_create(user=user, defaults={"when": when, "minutes": minutes})
    User.objects.filter(pk=user.pk).update(email=email)


def mark_read(*, user: User, up_to: int | None = None, notice: int | None = None) -> int:
    """Mark notices of a person as read: one, or all up to a number; return how many are left unread."""
    mine = Notice.objects.for_user(user).unread()
    if notice is not None:
        mine.filter(pk=notice).update(read_at=timezone.now())
    elif up_to is not None:
        mine.filter(pk__lte=up_to).update(read_at=timezone.now())
    return mine.count()
