"""Sends the mails of notices: apart from the work that they tell of, each once, later where it fails."""

import logging
import smtplib
import threading
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import connection
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from webapp.jobs.models import State
from webapp.jobs.templatetags.quantities import duration
from webapp.notices.models import Mail, Notice

logger = logging.getLogger(__name__)

MOST_TRIES = 8
N_A_SWEEP = 20
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_SENDING = timedelta(hours=1)
"""A mail that was given to the server this long ago, and of which nothing was heard, is given up: better none
than two."""

_thread: threading.Thread | None = None


def send_in_background() -> threading.Thread | None:
    """Send what is due in a thread of its own: a server that hangs must not keep the reaper waiting."""
    global _thread
    if not settings.EMAIL_HOST or (_thread is not None and _thread.is_alive()):
        return None
    if not _due().exists():
        return None
    _thread = threading.Thread(target=_send_and_close, name="mails")
    _thread.start()
    return _thread


def _send_and_close() -> None:
    try:
        send_due()
    except Exception:
        logger.exception("Mails could not be sent; the next sweep tries again.")
    finally:
        connection.close()


def _due():
    now = timezone.now()
    return Notice.objects.filter(mail__in=(Mail.DUE, Mail.SENDING), mail_after__lte=now).order_by("pk")


def send_due() -> int:
    """Send the mails that are due; return how many went. The first that fails ends it until later."""
    n_sent = 0
    for notice in _due().select_related("user", "job", "job__dataset")[:N_A_SWEEP]:
        if notice.mail == Mail.SENDING:  # its sender died, and nobody knows how far it got
            Notice.objects.filter(pk=notice.pk, mail=Mail.SENDING).update(mail=Mail.FAILED)
            continue
        if not _claim(notice):
            continue
        try:
            _message(notice).send()
        except (smtplib.SMTPRecipientsRefused, ValueError) as error:  # of this mail alone
            logger.warning("The mail of notice %s is not accepted: %s", notice.pk, error)
            Notice.objects.filter(pk=notice.pk).update(mail=Mail.FAILED)
            continue
        except (OSError, smtplib.SMTPException) as error:
            logger.warning("The mail of notice %s could not be sent: %s", notice.pk, error)
            _try_later(notice)
            return n_sent
        Notice.objects.filter(pk=notice.pk).update(mail=Mail.SENT)
        n_sent += 1
    return n_sent


def _claim(notice: Notice) -> bool:
    """Take a mail to send, if nobody else has."""
    mine = Notice.objects.filter(pk=notice.pk, mail=Mail.DUE, mail_tries=notice.mail_tries)
    later = timezone.now() + LONGEST_SENDING
    return bool(mine.update(mail=Mail.SENDING, mail_tries=F("mail_tries") + 1, mail_after=later))


def _try_later(notice: Notice) -> None:
    tries = notice.mail_tries + 1
    after = timezone.now() + FIRST_PAUSE * 2 ** (tries - 1)
    state = Mail.FAILED if tries >= MOST_TRIES else Mail.DUE
    Notice.objects.filter(pk=notice.pk).update(mail=state, mail_after=after)


def _message(notice: Notice) -> EmailMessage:
    job = notice.job
    about = job.kind_of.title + (f" of {job.dataset.name}" if job.dataset else "")
    is_good = notice.state == State.SUCCEEDED
    ended = "is done" if is_good else "failed"
    address = settings.PUBLIC_URL.rstrip("/")
    lines = [f"{about} {ended} after {_plain(duration(notice.seconds))}.", ""]
    lines += [job.error, ""] if job.error else []
    lines += [address + reverse("jobs:job-detail", args=[job.pk]), ""]
    lines += ["Which mails you get is set at " + address + reverse("notices:settings")]
    return EmailMessage(
        subject=" ".join(f"{about} {ended}".split()),  # the name of a data set may hold line breaks
        body="\n".join(lines),
        to=[notice.user.email],
        connection=get_connection(timeout=settings.EMAIL_TIMEOUT),
    )


def _plain(text: str) -> str:
    return text.replace("\u202f", " ")
