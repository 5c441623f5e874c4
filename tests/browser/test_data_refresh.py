"""The Data page shows by itself what a job has made, and leaves alone what somebody types."""

import shutil

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import WatchedPage
from tests.webapp.factories import make_product
from tests.webapp.world import World
from webapp.datasets.lineage import newest
from webapp.datasets.services import condense_frames
from webapp.jobs.models import Product, State
from webapp.jobs.services import Handle, end_job

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_new_condensation_appears_without_a_click(watched: WatchedPage, world: World) -> None:
    page, old = watched.page, newest(world.dataset, "condense")
    source, index = old.input("source"), old.input("index")
    recipe = {"size": 32, "hole_radius": 3.0}
    job = condense_frames(
        dataset=world.dataset, source=Handle.of(source), index=Handle.of(index), recipe=recipe
    ).job
    watched.open(reverse("portal:dataset-detail", args=[world.dataset.pk]))
    expect(page.locator("#condensations")).to_contain_text("Condensing is on its way")
    made = make_product(
        world.dataset,
        "condense",
        lambda out: shutil.copytree(old.folder, out, dirs_exist_ok=True),
        old.facts | {"size": 32},
        {"source": source, "index": index},
        job.params,
    )
    Product.objects.filter(pk=made.pk).update(key=job.key, job=job)
    end_job(job, State.SUCCEEDED)
    expect(page.locator("#facts")).to_contain_text("32 × 32 px, 8 bit", timeout=30_000)
    expect(page.locator("#condensations")).to_contain_text("hole of 3 px")
    assert page.locator("#data-refresh").get_attribute("hx-get") is None
    assert watched.faults == []
