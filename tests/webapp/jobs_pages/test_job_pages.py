import pytest
from django.urls import reverse

from tests.webapp.factories import make_dataset, make_group, make_sorted_dataset, make_user
from webapp.jobs.models import Job, Shard, State
from webapp.jobs.services import Handle, end_job, submit

pytestmark = pytest.mark.django_db


@pytest.fixture
def group():
    return make_group()


@pytest.fixture
def dataset(group):
    return make_dataset(group, 1000)


@pytest.fixture
def signed_in(client, group):
    client.force_login(make_user("ada", group))
    return client


def run(job, done=250, total=1000, rate=50.0):
    Job.objects.filter(pk=job.pk).update(state=State.RUNNING)
    job.shards.update(state=State.RUNNING, done=done, total=total, rate=rate, attempt=1, note="reading")


def text_of(client, url, **extra):
    answer = client.get(url, **extra)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_tells_progress_rate_and_time_left(signed_in, dataset):
    run(submit(kind="index", group=dataset.group, dataset=dataset).job)
    text = text_of(signed_in, reverse("jobs:job-list"))
    assert "reading, 250 of 1\u202f000 frames" in text
    assert "50 frames/s" in text
    assert "15\u202fs" in text


def test_a_waiting_job_says_for_what_it_waits_or_its_place(signed_in, dataset):
    first = submit(kind="learn", group=dataset.group, dataset=dataset)
    submit(kind="embed", group=dataset.group, dataset=dataset, inputs={"network": first})
    submit(kind="learn", group=dataset.group, dataset=dataset, params={"seed": 1})
    text = text_of(signed_in, reverse("jobs:job-list"))
    assert "Waits for “Learn patterns”" in text
    assert "Next in the queue" in text
    assert "2nd in the queue" in text


def test_the_list_polls_only_while_a_job_is_active(signed_in, dataset):
    job = submit(kind="index", group=dataset.group, dataset=dataset).job
    url = reverse("jobs:job-list")
    poll = text_of(signed_in, url, HTTP_HX_REQUEST="true")
    assert "<html" not in poll
    assert "data-refresh" in poll
    end_job(job, State.CANCELLED, "Cancelled.")
    assert "data-refresh" not in text_of(signed_in, url, HTTP_HX_REQUEST="true")


def test_ended_jobs_are_shown_when_all_are_asked_for(signed_in, dataset):
    end_job(submit(kind="index", group=dataset.group, dataset=dataset).job, State.FAILED, "The disk is full.")
    assert "The disk is full." not in text_of(signed_in, reverse("jobs:job-list"))
    assert "The disk is full." in text_of(signed_in, reverse("jobs:job-list") + "?show=all")


def test_the_traceback_is_for_staff_alone(signed_in, client, dataset):
    job = submit(kind="index", group=dataset.group, dataset=dataset).job
    end_job(job, State.FAILED, "The step broke.", "Traceback: secret detail")
    url = reverse("jobs:job-detail", args=[job.pk])
    text = text_of(signed_in, url)
    assert "The step broke." in text
    assert "secret detail" not in text
    assert str(job.pk) in text
    staff = make_user("root", dataset.group)
    staff.is_staff = True
    staff.save()
    client.force_login(staff)
    assert "secret detail" in text_of(client, url)


def test_many_shards_are_listed_one_by_one(signed_in, dataset):
    job = submit(kind="index", group=dataset.group, dataset=dataset).job
    job.shards.all().delete()
    for index in range(3):
        Shard.objects.create(
            job=job, stage=0, index=index, start=512 * index, stop=512 * index + 512, total=512
        )
    assert "512 to 1\u202f023" in text_of(signed_in, reverse("jobs:job-detail", args=[job.pk]))


def test_a_training_shows_its_curve_and_hands_out_its_points(signed_in, dataset):
    job = submit(kind="learn", group=dataset.group, dataset=dataset).job
    points = [{"step": 0, "reconstruction": 9.0}, {"step": 5, "reconstruction": 3.0}]
    Job.objects.filter(pk=job.pk).update(curve=points)
    assert "<polyline" in text_of(signed_in, reverse("jobs:job-detail", args=[job.pk]))
    answer = signed_in.get(reverse("jobs:job-curve", args=[job.pk])).json()
    assert answer == {"points": points, "is_active": True}


def test_cancel_and_retry(signed_in, dataset):
    job = submit(kind="index", group=dataset.group, dataset=dataset).job
    answer = signed_in.post(reverse("jobs:job-cancel", args=[job.pk]), {"next": "/jobs/"})
    assert answer.url == "/jobs/"
    job.refresh_from_db()
    assert job.state == State.CANCELLED
    signed_in.post(reverse("jobs:job-retry", args=[job.pk]), {"next": "//elsewhere.example/"})
    job.refresh_from_db()
    assert job.state == State.QUEUED


def test_after_cancel_nobody_is_led_to_another_site(signed_in, dataset):
    job = submit(kind="index", group=dataset.group, dataset=dataset).job
    answer = signed_in.post(reverse("jobs:job-cancel", args=[job.pk]), {"next": "//elsewhere.example/"})
    assert answer.url == reverse("jobs:job-detail", args=[job.pk])


def test_a_viewer_looks_but_does_not_cancel(client, dataset):
    client.force_login(make_user("bob", dataset.group, role="viewer"))
    job = submit(kind="index", group=dataset.group, dataset=dataset).job
    url = reverse("jobs:job-cancel", args=[job.pk])
    assert url not in text_of(client, reverse("jobs:job-detail", args=[job.pk]))
    assert url not in text_of(client, reverse("jobs:job-list"))
    assert client.post(url).status_code == 403


def test_what_belongs_to_others_is_not_found(client, dataset):
    job = submit(kind="index", group=dataset.group, dataset=dataset).job
    client.force_login(make_user("eve", make_group("other")))
    for route in ("jobs:job-detail", "jobs:job-curve"):
        assert client.get(reverse(route, args=[job.pk])).status_code == 404
    for route in ("jobs:job-cancel", "jobs:job-retry"):
        assert client.post(reverse(route, args=[job.pk])).status_code == 404
    assert "Index frames" not in text_of(client, reverse("jobs:job-list"))


def test_images_of_products_are_handed_out_by_name_to_members_alone(signed_in, client, group):
    dataset = make_sorted_dataset(group, 300)
    index = dataset.products.get(kind="index")
    answer = signed_in.get(reverse("jobs:product-image", args=[index.pk, "mean.png"]))
    assert answer.headers["Content-Type"] == "image/png"
    assert b"".join(answer.streaming_content) == index.path("mean.png").read_bytes()
    for name in ("frames.parquet", "..%2Fx", "preview.png"):
        assert signed_in.get(f"/products/{index.pk}/images/{name}").status_code == 404
    client.force_login(make_user("eve", make_group("other")))
    assert client.get(reverse("jobs:product-image", args=[index.pk, "mean.png"])).status_code == 404


def test_a_joined_job_is_the_same_for_two_people(signed_in, dataset):
    first = submit(kind="index", group=dataset.group, dataset=dataset)
    second = submit(kind="index", group=dataset.group, dataset=dataset)
    assert isinstance(second, Handle)
    assert first.job == second.job
