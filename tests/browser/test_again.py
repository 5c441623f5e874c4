"""The panel that reads clusters anew, by the keyboard alone."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import WatchedPage
from tests.webapp.world import World
from webapp.jobs.models import Job

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_other_settings_are_asked_for_by_keys_and_a_wrong_one_is_said_at_its_field(
    watched: WatchedPage, world: World
) -> None:
    watched.open(reverse("explore:dataset-clusters", args=[world.dataset.pk]))
    page = watched.page
    panel = page.get_by_role("region", name="Cluster again")
    panel.get_by_label("Least size (frames)").fill("1")
    page.keyboard.press("Enter")
    field = panel.get_by_label("Least size (frames)")
    expect(panel.locator("#again-min_cluster_size-error")).to_be_visible()
    expect(field).to_have_value("1")
    assert not Job.objects.filter(kind="recluster").exists()
    field.fill("20")
    page.keyboard.press("Enter")
    expect(panel.locator("#again-status")).to_contain_text("as soon as a worker is free")
    assert Job.objects.get(kind="recluster").params["recipe"]["min_cluster_size"] == 20
    assert all("422" in fault for fault in watched.faults), "but for the answer to the wrong setting"


def test_one_cluster_is_looked_into_from_its_card(watched: WatchedPage, world: World) -> None:
    watched.open(reverse("explore:dataset-clusters", args=[world.dataset.pk]))
    page = watched.page
    page.get_by_role("button", name="Look into this cluster").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#again-status")).to_contain_text("as soon as a worker is free")
    assert Job.objects.get(kind="recluster").params["within"] is not None
    assert watched.faults == []
