"""Help where one is: explanations in place by keys and pointer, and the tour."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser.conftest import WatchedPage
from tests.webapp.world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WORDS = "Of the present step, at its present rate."


def time_left(page: Page):
    return page.get_by_role("button", name="About the time left", exact=True)


def bubble(page: Page):
    return page.locator(".tip-bubble")


def tab_to(page: Page, locator, most: int = 60) -> None:
    """Press Tab until the focus is on an element."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if locator.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("The focus never came to it.")


def test_an_explanation_opens_on_focus_and_closes_with_escape(watched: WatchedPage, world: World) -> None:
    watched.open(reverse("jobs:job-list"))
    page = watched.page
    tab_to(page, time_left(page))
    expect(bubble(page)).to_be_visible()
    expect(bubble(page)).to_have_text(WORDS)
    page.keyboard.press("Escape")
    expect(bubble(page)).to_be_hidden()
    expect(time_left(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(bubble(page)).to_be_visible()
    expect(time_left(page)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(bubble(page)).to_be_hidden()
    assert watched.faults == []


def test_an_explanation_opens_on_hover_and_stays_while_the_pointer_is_on_it(
    watched: WatchedPage, world: World
) -> None:
    watched.open(reverse("jobs:job-list"))
    page = watched.page
    time_left(page).hover()
    expect(bubble(page)).to_be_visible()
    bubble(page).hover()
    page.wait_for_timeout(400)
    expect(bubble(page)).to_be_visible()
    page.locator("h1").hover()
    expect(bubble(page)).to_be_hidden()


def test_an_explanation_works_in_a_part_of_the_page_that_came_later(
    watched: WatchedPage, world: World
) -> None:
    watched.open(reverse("jobs:job-list"))
    page = watched.page
    page.evaluate("document.querySelector('table').dataset.old = 'yes'")
    page.locator("table:not([data-old])").wait_for()  # the poll has drawn it anew
    time_left(page).click()
    expect(bubble(page)).to_have_text(WORDS)
    page.evaluate("document.querySelector('table').dataset.old = 'yes'")
    page.locator("table:not([data-old])").wait_for()
    expect(bubble(page)).to_be_visible()
