"""Doubtful labels by keys: take what the fits say, let a label stand, take it back."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import AXE, RUN_AXE, WatchedPage
from tests.webapp.world import World
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.selectors import label_entries
from webapp.labels.state_cache import current_labels

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def called(world: World, frame: int) -> list[str] | None:
    scheme = ClassScheme.objects.get(dataset=world.dataset)
    return label_entries(scheme, current_labels(world.dataset), [frame])[0]["classes"]


def test_by_keys_a_label_stands_another_is_replaced_and_both_are_taken_back(
    watched: WatchedPage, world: World
) -> None:
    page = watched.page
    watched.open(reverse("labels:dataset-label", args=[world.dataset.pk]) + "?mode=doubtful")
    title, unsent = page.locator("#frame-title"), page.locator("#unsent-count")
    expect(title).to_have_text("Frame 2")
    expect(page.locator("#label-said")).to_contain_text("Round")
    expect(page.locator("#suggestion")).to_contain_text(
        "Streak (fits that had not seen this label, only 3% sure of Round)"
    )
    expect(page.locator("#keep-label")).to_be_visible()
    page.evaluate(AXE)
    assert page.evaluate(RUN_AXE) == []
    page.keyboard.press("s")
    expect(title).to_have_text("Frame 5")
    page.keyboard.press("Enter")
    expect(page.locator("#label-status")).to_contain_text("no further frame")
    expect(unsent).to_have_text("0")
    assert (called(world, 2), called(world, 5)) == (["Round"], ["Streak"])
    assert LabelEvent.objects.filter(purpose="settle").count() == 2
    page.reload()
    expect(page.locator("#label-empty-text")).to_contain_text("No doubtful label is left")
    page.keyboard.press("Control+z")
    expect(page.locator("#label-status")).to_contain_text("Undone")
    expect(unsent).to_have_text("0")
    assert called(world, 5) == ["Round"]
    page.reload()
    expect(title).to_have_text("Frame 5")
    assert watched.faults == []
