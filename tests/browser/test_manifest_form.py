"""The form of frames and files by the keyboard alone, and the number that follows it."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser.conftest import WatchedPage
from tests.webapp.world import N_FRAMES, World
from webapp.jobs.models import Job
from webapp.manifests.services import newest_columns

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element of that accessible name has the focus."""
    wanted = "name => [document.activeElement.labels?.[0]?.textContent, document.activeElement.textContent]"
    for _ in range(80):
        page.keyboard.press("Tab")
        if name in [text and text.strip() for text in page.evaluate(wanted, name)]:
            return
    raise AssertionError(f"Tab never came to “{name}”")


def test_keys_alone_choose_frames_and_files_and_the_number_follows(
    watched: WatchedPage, world: World
) -> None:
    watched.open(reverse("manifests:dataset-write", args=[world.dataset.pk]))
    page, meant = watched.page, watched.page.locator("#frames-meant")
    expect(meant).to_have_text(f"{N_FRAMES} of {N_FRAMES} frames")
    tab_to(page, "Cluster 0")
    page.keyboard.press("Space")
    n = int((newest_columns(world.dataset).clusters == 0).sum())
    expect(meant).to_have_text(f"{n} of {N_FRAMES} frames")
    tab_to(page, "JSON Lines")
    page.keyboard.press("Space")
    tab_to(page, "Write this manifest")
    page.keyboard.press("Enter")
    page.wait_for_url("**/download/")
    job = Job.objects.get(kind="manifest")
    assert job.params["scope"] == {"clusters": [0]}
    assert job.params["formats"] == ["csv", "jsonl", "parquet"]
    assert watched.faults == []


def test_a_filter_that_nothing_passes_is_told_at_once_and_again_when_it_is_sent(
    watched: WatchedPage, world: World
) -> None:
    watched.open(reverse("manifests:dataset-write", args=[world.dataset.pk]))
    page = watched.page
    page.get_by_label("Column", exact=True).select_option("total")
    page.get_by_label("from", exact=True).fill("1e30")
    expect(page.locator("#frames-meant")).to_contain_text("no frame fits; take a filter away")
    page.get_by_role("button", name="Write this manifest").click()
    expect(page.get_by_role("alert")).to_contain_text("No frame fits; take a filter away.")
    expect(page.get_by_label("from", exact=True)).to_have_value("1e30")
    assert not Job.objects.filter(kind="manifest").exists()


def test_the_methods_paragraph_is_copied_or_at_least_selected(watched: WatchedPage, world: World) -> None:
    watched.open(reverse("manifests:dataset-download", args=[world.dataset.pk]))
    page = watched.page
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    button = page.locator("[data-copy='methods-text']")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_text("Selected: press Ctrl+C")
    assert page.evaluate("getSelection().toString()").startswith("HDBSCAN (McInnes & Healy, 2017)")
    expect(button).to_have_text("Copy")
