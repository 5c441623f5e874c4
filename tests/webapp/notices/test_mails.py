"""Mails about jobs that have ended, over a real mail server."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from tests.webapp.factories import make_dataset, make_group, make_user
from tests.webapp.notices.smtp_server import SmtpServer
from webapp.jobs.models import Job, State
from webapp.jobs.services import end_job, submit
from webapp.notices import mailer
from webapp.notices.mailer import MOST_TRIES, send_due, send_in_background
from webapp.notices.models import Mail, Notice
from webapp.notices.services import save_wish

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset():
    return make_dataset(make_group(), 50, "run\n7")


@pytest.fixture
def ada(dataset):
    user = make_user("ada", dataset.group)
    user.email = "ada@example.org"
    user.save()
    return user


@pytest.fixture
def post(settings):
    """Return what lets mails go to a server."""

    def aim(port):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 1
        settings.PUBLIC_URL = "https://fringe.example.org"

    return aim


def end(dataset, user, *, minutes=20, state=State.SUCCEEDED, seed=0, error=""):
    """End a job that was asked for so long ago; return its notice."""
    job = submit(kind="learn", group=dataset.group, dataset=dataset, user=user, params={"seed": seed}).job
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(minutes=minutes))
    job.refresh_from_db()
    end_job(job, state, error)
    return Notice.objects.filter(job=job).first()


def due_again():
    Notice.objects.update(mail_after=timezone.now())


def test_a_long_job_is_mailed_once_with_a_link_to_it(dataset, ada, post):
    with SmtpServer() as server:
        post(server.port)
        notice = end(dataset, ada, state=State.FAILED, error="The disk is full.")
        assert send_due() == 1
        due_again()
        assert send_due() == 0
        (mail,) = server.mails
    assert mail["To"] == "ada@example.org"
    assert mail["Subject"] == "Learn patterns of run 7 failed"
    text = mail.get_content()
    assert "https://fringe.example.org" + reverse("jobs:job-detail", args=[notice.job_id]) in text
    assert "The disk is full." in text
    assert "failed after 20 min" in text
    notice.refresh_from_db()
    assert notice.mail == Mail.SENT


def test_a_sweep_of_the_reaper_sends_what_is_due(transactional_db, dataset, ada, post):
    with SmtpServer() as server:
        post(server.port)
        end(dataset, ada)
        call_command("reap", "--once")
        mailer._thread.join()
        assert len(server.mails) == 1
    assert Notice.objects.get().mail == Mail.SENT


def test_a_server_that_is_not_there_is_tried_again_later_and_then_given_up(dataset, ada, post):
    with SmtpServer() as server:
        port = server.port
    post(port)
    notice = end(dataset, ada)
    notice.job.refresh_from_db()
    assert notice.job.state == State.SUCCEEDED
    assert send_due() == 0
    notice.refresh_from_db()
    assert (notice.mail, notice.mail_tries) == (Mail.DUE, 1)
    assert notice.mail_after > timezone.now()
    for _ in range(MOST_TRIES - 1):
        due_again()
        send_due()
    notice.refresh_from_db()
    assert (notice.mail, notice.mail_tries) == (Mail.FAILED, MOST_TRIES)


def test_a_server_that_comes_back_gets_the_mail(dataset, ada, post):
    with SmtpServer() as gone:
        port = gone.port
    post(port)
    end(dataset, ada)
    send_due()
    with SmtpServer() as server:
        post(server.port)
        due_again()
        assert send_due() == 1
        assert len(server.mails) == 1


def test_a_server_that_hangs_keeps_nobody_waiting_but_the_mails(transactional_db, dataset, ada, post):
    with SmtpServer(is_mute=True) as server:
        post(server.port)
        notice = end(dataset, ada)
        thread = send_in_background()
        assert thread.is_alive()
        assert send_in_background() is None
        other = end(dataset, ada, seed=1)  # jobs end meanwhile
        assert Job.objects.get(pk=other.job_id).state == State.SUCCEEDED
        thread.join()
    notice.refresh_from_db()
    assert (notice.mail, notice.mail_tries) == (Mail.DUE, 1)


def test_an_address_that_is_refused_holds_no_other_mail_up(dataset, ada, post):
    bob = make_user("bob", dataset.group)
    bob.email = "bob@gone.example"
    bob.save()
    with SmtpServer(refused=("bob@gone.example",)) as server:
        post(server.port)
        refused, taken = end(dataset, bob), end(dataset, ada, seed=1)
        assert send_due() == 1
        assert [mail["To"] for mail in server.mails] == ["ada@example.org"]
    refused.refresh_from_db()
    taken.refresh_from_db()
    assert (refused.mail, taken.mail) == (Mail.FAILED, Mail.SENT)


def test_a_mail_whose_sender_died_on_the_way_is_not_sent_twice(dataset, ada, post):
    with SmtpServer() as server:
        post(server.port)
        notice = end(dataset, ada)
        Notice.objects.filter(pk=notice.pk).update(mail=Mail.SENDING)
        assert send_due() == 0
        assert server.mails == []
    notice.refresh_from_db()
    assert notice.mail == Mail.FAILED


@pytest.mark.parametrize(
    ("wish", "minutes", "state", "mail"),
    [
        (("long", 10), 9, State.SUCCEEDED, Mail.NONE),
        (("long", 10), 11, State.SUCCEEDED, Mail.DUE),
        (("long", 5), 9, State.FAILED, Mail.DUE),
        (("failed", 10), 60, State.SUCCEEDED, Mail.NONE),
        (("failed", 10), 2, State.FAILED, Mail.DUE),
        (("never", 1), 60, State.FAILED, Mail.NONE),
    ],
)
def test_mails_are_sent_as_the_person_wishes(dataset, ada, post, wish, minutes, state, mail):
    post(1)
    save_wish(user=ada, when=wish[0], minutes=wish[1], email=ada.email)
    assert end(dataset, ada, minutes=minutes, state=state).mail == mail


def test_no_mail_without_an_address_or_a_server(dataset, ada, post, settings):
    settings.EMAIL_HOST = ""
    assert end(dataset, ada).mail == Mail.NONE
    assert send_in_background() is None
    post(1)
    ada.email = ""
    ada.save()
    assert end(dataset, ada, seed=1).mail == Mail.NONE
