"""Which jobs the list shows, their places in the queue, and what an ended one goes on from."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.webapp.factories import make_dataset, make_group, make_user
from webapp.jobs import lifecycle
from webapp.jobs.listing import N_A_PAGE
from webapp.jobs.models import Job, State
from webapp.jobs.queueing import ordinal, queue_places
from webapp.jobs.services import cancel_job, end_job, submit

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset():
    return make_dataset(make_group(), 1000)


@pytest.fixture
def ada(dataset):
    return make_user("ada", dataset.group)


@pytest.fixture
def signed_in(client, ada):
    client.force_login(ada)
    return client


def ask(dataset, kind="learn", **given):
    return submit(kind=kind, group=dataset.group, dataset=dataset, **given).job


def listed(client, query=""):
    """Return the numbers of the jobs in the table."""
    answer = client.get(reverse("jobs:job-list") + query)
    assert answer.status_code == 200
    return {str(row.job.pk) for row in answer.context["rows"]}


def test_the_list_can_be_narrowed_by_state_kind_data_set_and_person(signed_in, dataset, ada):
    other = make_dataset(dataset.group, 50, "run 8")
    mine = ask(dataset, user=ada)
    failed = ask(dataset, params={"seed": 1})
    end_job(failed, State.FAILED, "The disk is full.")
    elsewhere = ask(other, kind="index")
    assert listed(signed_in) == {str(mine.pk), str(elsewhere.pk)}
    assert listed(signed_in, "?show=failed") == {str(failed.pk)}
    assert listed(signed_in, "?show=all&kind=learn") == {str(mine.pk), str(failed.pk)}
    assert listed(signed_in, f"?dataset={other.pk}") == {str(elsewhere.pk)}
    assert listed(signed_in, "?show=all&mine=1") == {str(mine.pk)}


def test_what_makes_no_sense_in_the_address_counts_as_not_given(signed_in, dataset):
    job = ask(dataset)
    assert listed(signed_in, "?show=sideways&kind=x&dataset=7&page=x&since=yesterday") == {str(job.pk)}
    assert listed(signed_in, "?since=2026-99-99T00:00:00") == {str(job.pk)}


def test_a_job_that_ends_stays_in_the_list_that_saw_it_run(signed_in, dataset):
    job = ask(dataset)
    since = (timezone.now() - timedelta(seconds=5)).isoformat().replace("+", "%2B")
    end_job(job, State.CANCELLED, "Cancelled.")
    assert listed(signed_in, f"?since={since}") == {str(job.pk)}
    assert listed(signed_in) == set()


def test_long_lists_have_pages(signed_in, dataset):
    jobs = [ask(dataset, params={"seed": seed}) for seed in range(N_A_PAGE + 3)]
    first, second = listed(signed_in), listed(signed_in, "?page=2")
    assert (len(first), len(second)) == (N_A_PAGE, 3)
    assert first | second == {str(job.pk) for job in jobs}
    assert 'href="?page=2"' in signed_in.get(reverse("jobs:job-list")).content.decode()


def test_more_jobs_cost_no_more_queries(signed_in, dataset):
    url = reverse("jobs:job-list")
    for seed in range(2):
        ask(dataset, params={"seed": seed})
    signed_in.get(url)
    with CaptureQueriesContext(
        connection,
    ) as few:
        signed_in.get(url)
    for seed in range(2, 12):
        ask(dataset, params={"seed": seed})
    with CaptureQueriesContext(connection) as many:
        signed_in.get(url)
    assert len(many) == len(few)


def test_a_group_with_less_at_hand_stands_first_in_the_queue(dataset):
    other = make_dataset(make_group("beam time 2"), 50)
    running = ask(dataset)
    assert lifecycle.claim_next("gpu", "w").job == running
    second, third = ask(dataset, params={"seed": 1}), ask(dataset, params={"seed": 2})
    theirs = ask(other)
    waits = submit(
        kind="embed", group=other.group, dataset=other, inputs={"network": submit_handle(theirs)}
    ).job
    places = queue_places("gpu")
    assert places == {theirs.pk: 1, second.pk: 2, third.pk: 3}
    assert waits.pk not in places
    assert lifecycle.claim_next("gpu", "w").job == theirs


def submit_handle(job):
    """Return the handle of what a job is going to make."""
    return submit(kind=job.kind, group=job.group, dataset=job.dataset, params=job.params)


@pytest.mark.parametrize(
    ("place", "words"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd"), (113, "113th")],
)
def test_places_are_read_as_people_read_them(place, words):
    assert ordinal(place) == words


def checkpoint_of(job):
    path = job.folder / "scratch" / "learn.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    return path


def test_a_training_with_a_checkpoint_offers_to_go_on_and_to_start_over(signed_in, dataset):
    job = ask(dataset)
    end_job(job, State.FAILED, "The worker died.")
    url = reverse("jobs:job-detail", args=[job.pk])
    before = signed_in.get(url).content.decode()
    assert ">Retry</button>" in before
    assert ">Start over</button>" not in before
    checkpoint_of(job)
    after = signed_in.get(url).content.decode()
    assert ">Go on</button>" in after
    assert ">Start over</button>" in after


def test_starting_over_leaves_the_checkpoint_aside_and_going_on_keeps_it(
    signed_in, dataset, django_capture_on_commit_callbacks
):
    job = ask(dataset)
    claim = lifecycle.claim_next("gpu", "w")
    Job.objects.filter(pk=job.pk).update(curve=[{"step": 1, "loss": 3.0}])
    lifecycle.fail(claim, "The loss is not a number.")
    path = checkpoint_of(job)
    signed_in.post(reverse("jobs:job-retry", args=[job.pk]))
    assert path.exists()
    cancel_job(job=job)
    with django_capture_on_commit_callbacks(execute=True):
        signed_in.post(reverse("jobs:job-start-over", args=[job.pk]))
    job.refresh_from_db()
    assert (job.state, job.curve) == (State.QUEUED, [])
    assert [file for file in job.folder.rglob("*") if file.is_file()] == []
    assert lifecycle.claim_next("gpu", "w").attempt == 2


def test_starting_over_keeps_the_checkpoint_where_another_job_is_at_it(
    signed_in, dataset, django_capture_on_commit_callbacks
):
    job = ask(dataset)
    end_job(job, State.FAILED, "The worker died.")
    path = checkpoint_of(job)
    ask(dataset)
    with django_capture_on_commit_callbacks(execute=True):
        signed_in.post(reverse("jobs:job-start-over", args=[job.pk]))
    job.refresh_from_db()
    assert job.state == State.FAILED
    assert "nothing to retry" in job.error
    assert path.exists()


def test_finished_parts_are_named_as_what_a_job_goes_on_from(signed_in, dataset):
    job = ask(dataset, kind="index")
    job.shards.update(state=State.SUCCEEDED)
    end_job(job, State.FAILED, "A file is gone.")
    text = signed_in.get(reverse("jobs:job-detail", args=[job.pk])).content.decode()
    assert f"{job.shards.count()} finished part" in text
    assert ">Start over</button>" not in text


def test_a_viewer_does_not_start_over(client, dataset):
    job = ask(dataset)
    end_job(job, State.FAILED, "x")
    client.force_login(make_user("bob", dataset.group, role="viewer"))
    assert client.post(reverse("jobs:job-start-over", args=[job.pk])).status_code == 403


def test_a_job_page_names_what_follows_it_and_leads_to_its_result(signed_in, dataset):
    network = submit(kind="learn", group=dataset.group, dataset=dataset)
    follower = submit(kind="embed", group=dataset.group, dataset=dataset, inputs={"network": network}).job
    text = signed_in.get(reverse("jobs:job-detail", args=[network.job.pk])).content.decode()
    assert reverse("jobs:job-detail", args=[follower.pk]) in text
    claim = lifecycle.claim_next("gpu", "w")
    folder = network.job.folder
    assert lifecycle.succeed(claim, result={"n_frames": 5}, folder=folder, files={})
    text = signed_in.get(reverse("jobs:job-detail", args=[network.job.pk])).content.decode()
    assert reverse("networks:network-detail", args=[network.id]) in text


def test_the_reason_of_a_failure_stands_before_everything_else_on_its_page(signed_in, dataset):
    job = ask(dataset)
    end_job(job, State.FAILED, "The disk is full.")
    text = signed_in.get(reverse("jobs:job-detail", args=[job.pk])).content.decode()
    status = text[text.index('id="job-status"') :]
    assert status.index("The disk is full.") < status.index('state-title" aria-live')
