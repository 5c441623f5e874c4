"""The nuisance report in a browser: it comes by itself, is read and used by the keyboard, in both themes."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import WatchedPage
from tests.webapp.world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_report_is_sound_in_both_themes_and_leads_to_the_frames_by_keys(
    watched: WatchedPage, world: World
) -> None:
    path = reverse("explore:dataset-clusters", args=[world.dataset.pk])
    assert watched.look(path) == []
    page = watched.page
    table = page.get_by_role("table", name="How well each nuisance alone")
    row = table.get_by_role("row", name="Cluster 1")
    expect(row).to_contain_text("97 % from cell <7>")
    expect(page.locator("#gallery [data-cluster='1']")).to_contain_text("Artefact?")
    expect(page.locator("#sheet")).to_be_hidden()
    row.get_by_role("link").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#sheet-title")).to_have_text("Cluster 1")
    expect(page.locator("#sheet")).to_be_focused()
    assert page.url == watched.address
