"""Notices in the page: which jobs are told, to whom, and what is read."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.webapp.factories import make_dataset, make_group, make_user
from webapp.jobs.models import Job, State
from webapp.jobs.services import end_job, submit
from webapp.notices.models import Notice, NoticeWish
from webapp.notices.services import LONG_S

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset():
    return make_dataset(make_group(), 50)


@pytest.fixture
def ada(dataset):
    return make_user("ada", dataset.group)


@pytest.fixture
def signed_in(client, ada):
    client.force_login(ada)
    return client


def end(dataset, user, *, seconds=LONG_S + 5, state=State.SUCCEEDED, seed=0):
    """End a job that was asked for so long ago."""
    job = submit(kind="learn", group=dataset.group, dataset=dataset, user=user, params={"seed": seed}).job
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(seconds=seconds))
    job.refresh_from_db()
    end_job(job, state, "The disk is full." if state == State.FAILED else "")
    return job


@pytest.mark.parametrize(
    ("seconds", "state", "is_told"),
    [
        (LONG_S + 5, State.SUCCEEDED, True),
        (LONG_S - 5, State.SUCCEEDED, False),
        (1, State.FAILED, True),
        (LONG_S + 5, State.CANCELLED, False),
    ],
)
def test_what_took_long_or_failed_is_told_and_what_was_cancelled_is_not(
    dataset, ada, seconds, state, is_told
):
    job = end(dataset, ada, seconds=seconds, state=state)
    assert Notice.objects.filter(job=job, user=ada).exists() == is_told


def test_a_line_of_steps_is_told_once_when_its_last_job_ends_and_a_failure_at_once(dataset, ada):
    begun = timezone.now() - timedelta(seconds=LONG_S + 5)
    jobs = [
        submit(kind="learn", group=dataset.group, dataset=dataset, user=ada, params={"seed": seed}).job
        for seed in range(3)
    ]
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(created_at=begun)
    for job in jobs:
        job.refresh_from_db()
    end_job(jobs[0], State.SUCCEEDED)
    assert not Notice.objects.exists()
    end_job(jobs[1], State.FAILED, "The disk is full.")
    end_job(jobs[2], State.SUCCEEDED)
    assert list(Notice.objects.order_by("pk").values_list("job", "state")) == [
        (jobs[1].pk, State.FAILED),
        (jobs[2].pk, State.SUCCEEDED),
    ]


def test_a_job_that_was_asked_for_later_keeps_no_notice_back(dataset, ada):
    submit(kind="learn", group=dataset.group, dataset=dataset, user=ada, params={"seed": 9})
    job = end(dataset, ada)
    assert Notice.objects.filter(job=job).exists()


def test_a_job_that_nobody_asked_for_is_told_nobody(dataset):
    end(dataset, None)
    assert not Notice.objects.exists()


def test_a_notice_that_cannot_be_written_does_not_keep_a_job_from_ending(dataset, ada):
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE notices_notice")
    job = end(dataset, ada)
    job.refresh_from_db()
    assert job.state == State.SUCCEEDED


def test_the_poll_tells_the_newest_by_one_query_besides_those_of_signing_in(signed_in, dataset, ada):
    first, second = end(dataset, ada), end(dataset, ada, seed=1, state=State.FAILED)
    with CaptureQueriesContext(connection) as asked:
        answer = signed_in.get(reverse("notices:state")).json()
    assert answer["n"] == 2
    assert [each["url"] for each in answer["newest"]] == [
        reverse("jobs:job-detail", args=[second.pk]),
        reverse("jobs:job-detail", args=[first.pk]),
    ]
    assert answer["newest"][0]["words"] == "Learn patterns of run 7 failed"
    assert len([query for query in asked if "notices_notice" in query["sql"]]) == 1
    assert len(asked) == 3


def test_notices_are_marked_as_read_one_by_one_or_all_that_are_seen(signed_in, dataset, ada):
    for seed in range(3):
        end(dataset, ada, seed=seed)
    newest, middle, _ = Notice.objects.all()
    json = {"HTTP_ACCEPT": "application/json"}
    assert signed_in.post(reverse("notices:read"), {"notice": newest.pk}, **json).json() == {"n": 2}
    assert signed_in.post(reverse("notices:read"), {"up_to": middle.pk}).url == reverse("notices:list")
    assert not Notice.objects.unread().exists()


def test_the_list_and_the_header_count_what_is_unread(signed_in, dataset, ada):
    end(dataset, ada)
    text = signed_in.get(reverse("notices:list")).content.decode()
    assert 'data-notice-count>1<span class="visually-hidden"> new' in text
    assert "Mark all as read" in text
    signed_in.post(reverse("notices:read"), {"up_to": Notice.objects.get().pk})
    text = signed_in.get(reverse("notices:list")).content.decode()
    assert "data-notice-count hidden>0" in text
    assert "Mark all as read" not in text


def test_nobody_reads_or_marks_the_notices_of_others(client, dataset, ada):
    end(dataset, ada)
    client.force_login(make_user("bob", dataset.group))
    assert client.get(reverse("notices:state")).json() == {"n": 0, "newest": []}
    client.post(reverse("notices:read"), {"notice": Notice.objects.get().pk})
    client.post(reverse("notices:read"), {"up_to": 10**9})
    for nonsense in ("x", "-1", "9" * 40, ""):
        assert client.post(reverse("notices:read"), {"notice": nonsense}).status_code == 302
    assert Notice.objects.unread().count() == 1


def test_wishes_about_mails_are_kept_and_nonsense_is_refused_in_a_sentence(signed_in, ada):
    url = reverse("notices:settings")
    assert "This portal sends no mails" in signed_in.get(url).content.decode()
    refused = signed_in.post(url, {"when": "long", "minutes": 10, "email": ""})
    assert refused.status_code == 422
    assert "Without an address no mail can be sent." in refused.content.decode()
    assert signed_in.post(url, {"when": "always", "minutes": 0, "email": "x"}).status_code == 422
    signed_in.post(url, {"when": "failed", "minutes": 30, "email": "ada@example.org"})
    ada.refresh_from_db()
    wish = NoticeWish.objects.get(user=ada)
    assert (ada.email, wish.when, wish.minutes) == ("ada@example.org", "failed", 30)
