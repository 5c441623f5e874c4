"""Help where one is: explanations in place by keys and pointer, and the tour."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser.conftest import AXE, RUN_AXE, WatchedPage
from tests.webapp.world import World
from webapp.portal.demo import NAME

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


def at_step(page: Page, number: int):
    return page.locator(f".tour-box[data-step='{number}']")


def test_the_tour_leads_over_all_pages_by_keys_and_points_at_what_is_there(
    watched: WatchedPage, world: World
) -> None:
    world.dataset.name = NAME
    world.dataset.save()
    watched.open(reverse("portal:home"))
    page = watched.page
    n_steps = page.evaluate("import('/static/js/tour-steps.mjs').then(({ STEPS }) => STEPS.length)")
    page.get_by_role("button", name="Take the tour").focus()
    page.keyboard.press("Enter")
    for number in range(n_steps):
        box = at_step(page, number)
        expect(box).to_have_attribute("data-found", "true")
        expect(page.locator(".tour-ring")).to_be_visible()
        last = "Done" if number == n_steps - 1 else "Next"
        expect(box.get_by_role("button", name=last)).to_be_focused()
        if number < n_steps - 1:
            page.keyboard.press("Enter" if number % 2 else "ArrowRight")
    assert page.url.endswith(reverse("manifests:dataset-download", args=[world.dataset.pk]))
    page.keyboard.press("Enter")
    expect(page.locator(".tour-box")).to_have_count(0)
    watched.open(reverse("portal:home"))
    expect(page.locator(".tour-box")).to_have_count(0)
    assert watched.faults == []


def test_the_tour_keeps_the_focus_goes_back_and_is_left_by_escape(watched: WatchedPage, world: World) -> None:
    watched.open(reverse("portal:help"))
    page = watched.page
    page.get_by_role("button", name="Take the tour").click()
    expect(at_step(page, 0)).to_be_visible()
    for name in ("Skip the tour", "Next", "Skip the tour"):
        page.keyboard.press("Tab")
        expect(at_step(page, 0).get_by_role("button", name=name)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(at_step(page, 1)).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(at_step(page, 0)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".tour-box, .tour-ring")).to_have_count(0)


def test_the_tour_is_taken_up_again_after_a_detour(watched: WatchedPage, world: World) -> None:
    watched.open(reverse("portal:help"))
    page = watched.page
    page.get_by_role("button", name="Take the tour").click()
    expect(at_step(page, 0)).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(at_step(page, 1)).to_be_visible()
    assert watched.look(reverse("jobs:job-list")) == []
    page.get_by_role("button", name="Go on with the tour").click()
    expect(at_step(page, 1)).to_be_visible()
    assert watched.look(reverse("portal:dataset-detail", args=[world.dataset.pk])) == []
    watched.open(reverse("jobs:job-list"))
    page.get_by_role("button", name="Leave it").click()
    watched.open(reverse("portal:dataset-detail", args=[world.dataset.pk]))
    expect(page.locator(".tour-box")).to_have_count(0)


def test_the_question_mark_says_what_the_page_is_for(watched: WatchedPage, world: World) -> None:
    watched.open(reverse("portal:dataset-compare", args=[world.dataset.pk]))
    page = watched.page
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Help on this page")
    expect(dialog).to_contain_text("Two results of the same frames against each other.")
    page.evaluate(AXE)
    assert page.evaluate(RUN_AXE) == []
    dialog.get_by_role("link", name="More in the help").click()
    expect(page).to_have_url(re.compile("#comparing$"))
    assert watched.faults == []
