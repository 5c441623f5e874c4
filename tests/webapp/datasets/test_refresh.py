"""The Data page and the recipe page ask by themselves while a job is on its way, and then stop."""

import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.urls import reverse

from tests.webapp.factories import make_group, make_product, make_sorted_dataset, make_user
from webapp.datasets.relink import look_again
from webapp.datasets.services import condense_frames
from webapp.jobs.models import Job, Product, State
from webapp.jobs.services import Handle, end_job

pytestmark = pytest.mark.django_db


class Element(HTMLParser):
    """The attributes of one element of a page, and all ids that the page has."""

    def __init__(self, page, wanted):
        super().__init__()
        self.wanted, self.found, self.ids = wanted, None, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if name := attributes.get("id"):
            self.ids.append(name)
        if name == self.wanted:
            self.found = attributes


@pytest.fixture
def dataset(db):
    return make_sorted_dataset(make_group(), 300)


@pytest.fixture
def signed_in(client, dataset):
    client.force_login(make_user("vera", dataset.group))
    return client


def element(client, url, name):
    return Element(client.get(url).content.decode(), name)


def condense(dataset, recipe):
    source, index = (Handle.of(dataset.products.get(kind=kind)) for kind in ("inspect", "index"))
    return condense_frames(dataset=dataset, source=source, index=index, recipe=recipe).job


def end(job):
    """Let a job end as a worker would: with a product of its own."""
    old = job.dataset.products.get(kind="condense").folder
    inputs = {"index": job.dataset.products.get(kind="index")}
    write = lambda out: shutil.copytree(old, out, dirs_exist_ok=True)  # noqa: E731
    made = make_product(job.dataset, "condense", write, {"size": 32}, inputs, job.params)
    Product.objects.filter(pk=made.pk).update(key=job.key, job=job)
    end_job(job, State.SUCCEEDED)


@pytest.mark.parametrize(
    ("page", "name"),
    [("portal:dataset-detail", "data-refresh"), ("datasets:dataset-recipe", "recipe-refresh")],
)
def test_a_page_at_rest_asks_for_nothing(signed_in, dataset, page, name):
    assert "hx-get" not in element(signed_in, reverse(page, args=[dataset.pk]), name).found


def test_the_data_page_shows_a_new_condensation_and_stops(signed_in, dataset):
    page = reverse("portal:dataset-detail", args=[dataset.pk])
    job = condense(dataset, {"size": 32})
    poll = element(signed_in, page, "data-refresh").found["hx-get"]
    assert element(signed_in, poll, "data-refresh").found["hx-get"] == poll  # nothing is new: it asks again
    end(job)
    news = element(signed_in, poll, "data-refresh").found
    assert news["hx-get"] == page
    after = element(signed_in, page, "data-refresh")
    assert {name.removeprefix("#") for name in news["hx-select-oob"].split(",")} <= set(after.ids)
    assert "hx-get" not in after.found
    assert "32 × 32 px" in signed_in.get(page).content.decode()


def test_a_job_that_failed_is_news_as_well(signed_in, dataset):
    page = reverse("portal:dataset-detail", args=[dataset.pk])
    job = condense(dataset, {"size": 32})
    poll = element(signed_in, page, "data-refresh").found["hx-get"]
    end_job(job, State.FAILED, "The disk is full.")
    assert element(signed_in, poll, "data-refresh").found["hx-get"] == page
    assert "The disk is full." in signed_in.get(page).content.decode()
    assert "hx-get" not in element(signed_in, page, "data-refresh").found


def test_a_second_look_at_the_files_is_followed_to_its_end(signed_in, dataset):
    page = reverse("portal:dataset-detail", args=[dataset.pk])
    draft = look_again(dataset=dataset, paths=[Path(dataset.source_files.get().path)])
    poll = element(signed_in, page, "data-refresh").found["hx-get"]
    end_job(Job.objects.get(dataset=draft), State.FAILED, "The file is damaged.")
    assert element(signed_in, poll, "data-refresh").found["hx-get"] == page
    assert "could not be looked into" in signed_in.get(page).content.decode()


def test_the_recipe_page_tells_of_news_and_leaves_what_is_typed_alone(signed_in, dataset):
    page = reverse("datasets:dataset-recipe", args=[dataset.pk])
    job = condense(dataset, {"size": 32})
    poll = element(signed_in, page, "recipe-refresh").found["hx-get"]
    assert b"Condensing is on its way" in signed_in.get(poll).content
    end(job)
    answer = signed_in.get(poll).content.decode()
    assert "Show the masks that are in use now" in answer
    assert "hx-get" not in answer


def test_strangers_find_nothing(client, dataset):
    client.force_login(make_user("eve", make_group("other")))
    assert client.get(reverse("datasets:data-refresh", args=[dataset.pk])).status_code == 404
