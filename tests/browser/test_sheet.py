"""The sheet of any choice of frames: its orders, its address, and what is chosen in it."""

import json
from urllib.parse import quote

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import WatchedPage
from tests.browser.map_page import N_SELECTED, columns, draw_lasso, n_of_sheet, open_clusters
from tests.webapp.world import N_FRAMES, World
from webapp.datasets.sheet_orders import sorted_frames

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_range_within_a_choice_narrows_it_and_a_second_one_does_not_narrow_the_first(
    watched: WatchedPage, world: World
) -> None:
    page = open_clusters(watched, world.dataset, "?cluster=0")
    found = columns(world)
    members, sure = found.clusters == 0, found.membership
    spread = page.locator("#spread")
    spread.get_by_role("combobox").select_option("probability")
    spread.get_by_label("only within what is chosen").check()
    for low in (0.8, 0.6):
        spread.get_by_role("textbox", name="From").fill(str(low))
        page.keyboard.press("Enter")
        expect(page.locator("#sheet-title")).to_have_text(
            f"Frames in cluster 0 with probability of the cluster from {low}"
        )
        assert n_of_sheet(page) == int((members & (sure >= low)).sum())


def test_an_address_opens_its_scope_in_its_order_and_the_copied_link_leads_to_the_same(
    watched: WatchedPage, world: World
) -> None:
    scope = {"both": [{"cluster": 0}, {"range": {"column": "probability", "low": 0.7}}]}
    query = f"?scope={quote(json.dumps(scope))}&sort=border"
    page = open_clusters(watched, world.dataset, query)
    expect(page.locator("#sheet-title")).to_have_text(
        "Frames in cluster 0 with probability of the cluster from 0.7"
    )
    listed = "all => all.map((each) => Number(each.dataset.frame))"
    shown = page.locator("#sheet-frames .thumb").evaluate_all(listed)
    expected = sorted_frames(columns(world), scope, "border").tolist()
    assert shown == expected[: len(shown)]
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy the link").click()
    address = page.get_by_label("Link to these frames").input_value()
    page.goto(address)
    expect(page.locator("#sheet-title")).to_have_text(
        "Frames in cluster 0 with probability of the cluster from 0.7"
    )
    expect(page.locator("#sheet-frames .thumb").first).to_have_attribute("data-frame", str(expected[0]))
    assert page.locator("#sheet-sort").input_value() == "border"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?scope=%7B", "names no frames that can be read"),
        ("?scope=%7B%22cluster%22%3A%22x%22%7D", "named by its number"),
        ("?scope=%7B%22all%22%3Atrue%7D&sort=beauty", "is not an order"),
        ("?cluster=99", "There is no such cluster here"),
    ],
)
def test_an_address_that_cannot_be_read_is_answered_in_one_line(
    watched: WatchedPage, world: World, query: str, words: str
) -> None:
    page = open_clusters(watched, world.dataset, query)
    expect(page.locator("#sheet-status")).to_contain_text(words)


def test_the_outliers_of_all_frames_are_ranked_and_more_like_one_of_them_are_found(
    watched: WatchedPage, world: World
) -> None:
    page = open_clusters(watched, world.dataset)
    page.get_by_role("link", name="Outliers, ranked").click()
    expect(page.locator("#sheet-title")).to_have_text("All frames")
    page.locator("[data-class='Round']").click()
    expect(page.locator("#apply-labels")).to_have_text(f"Apply Round to {N_FRAMES} frames of this data set")
    expected = sorted_frames(columns(world), {"all": True}, "outlier").tolist()
    first = page.locator('#sheet-frames .thumb[data-place="0"]')
    expect(first).to_have_attribute("data-frame", str(expected[0]))
    first.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="More like this").click()
    expect(page.locator("#sheet-status")).to_contain_text(f"the nearest to frame {expected[0]} first")
    nearest = sorted_frames(columns(world), {"all": True}, "nearest", near=expected[0]).tolist()
    for place in (0, 1, 5):
        tile = page.locator(f'#sheet-frames .thumb[data-place="{place}"]')
        expect(tile).to_have_attribute("data-frame", str(nearest[place]))
    second = page.locator('#sheet-frames .thumb[data-place="1"]')
    second.focus()
    page.keyboard.press("m")
    expect(page.locator("#sheet-status")).to_contain_text(f"the nearest to frame {nearest[1]} first")
    assert watched.faults == []


def test_the_frame_page_leads_to_more_frames_like_it_that_can_be_labelled_at_once(
    watched: WatchedPage, world: World
) -> None:
    watched.open(reverse("explore:frame-detail", args=[world.dataset.pk, 7]))
    page = watched.page
    page.get_by_role("link", name="More like this").click()
    expect(page.locator("#sheet-status")).to_contain_text("the nearest to frame 7 first")
    expect(page.locator('#sheet-frames .thumb[data-place="0"]')).to_have_attribute("data-frame", "7")
    for place in (0, 1, 2):
        page.locator(f'#sheet-frames .thumb[data-place="{place}"]').click(modifiers=["Control"])
    page.get_by_role("button", name="Round", exact=False).first.click()
    expect(page.locator("#apply-labels")).to_have_text("Apply Round to 3 frames you chose")
    assert watched.faults == []


def test_a_link_to_a_drawn_area_finds_the_same_frames(watched: WatchedPage, world: World) -> None:
    page = open_clusters(watched, world.dataset)
    draw_lasso(page, right=0.5)
    n = n_of_sheet(page)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy the link").click()
    address = page.get_by_label("Link to these frames").input_value()
    assert len(address) < 2000 + len(watched.home)
    page.goto(address)
    expect(page.locator("#sheet-title")).to_have_text("Frames in an area of the map")
    assert n_of_sheet(page) == n


def test_the_unlabelled_frames_are_selected_on_the_map_and_become_fewer_as_they_are_labelled(
    watched: WatchedPage, world: World
) -> None:
    page = open_clusters(watched, world.dataset, f"?scope={quote(json.dumps({'label': None}))}&sort=order")
    assert n_of_sheet(page) == N_FRAMES - 24
    for place in (0, 1):
        page.locator(f'#sheet-frames .thumb[data-place="{place}"]').click(modifiers=["Control"])
    page.locator("[data-class='Round']").click()
    page.locator("#apply-labels").click()
    expect(page.locator("#sheet-status")).to_contain_text(f"{N_FRAMES - 26} frames")
    page.select_option("#map-colour", "label")
    legend = page.get_by_role("toolbar", name="Groups on the map")
    expect(legend.get_by_role("button", name="Round")).to_be_visible()
    assert watched.faults == []


def test_what_is_selected_is_said_below_the_map_and_can_be_given_up_there(
    watched: WatchedPage, world: World
) -> None:
    page = open_clusters(watched, world.dataset, "?cluster=2")
    n = n_of_sheet(page)
    expect(page.locator("#map-choice-words")).to_have_text(f"Cluster 2: {n} selected")
    page.locator("#map-choice").get_by_role("button", name="Show them").click()
    expect(page.locator("#sheet")).to_be_focused()
    page.locator("#map-choice").get_by_role("button", name="Choose none").click()
    expect(page.locator("#sheet")).to_be_hidden()
    expect(page.locator("#map-choice")).to_be_hidden()


def test_chosen_thumbnails_stand_out_on_the_map_and_in_the_histogram(
    watched: WatchedPage, world: World
) -> None:
    page = open_clusters(watched, world.dataset, "?cluster=0")
    n = n_of_sheet(page)
    for place in (0, 3, 4):
        page.locator(f'#sheet-frames .thumb[data-place="{place}"]').click(modifiers=["Control"])
    page.wait_for_function(f"() => ({N_SELECTED})() === 3")
    expect(page.locator("#spread").get_by_role("status")).to_contain_text(f"3 of {N_FRAMES} frames chosen")
    page.locator("#clear-choice").click()
    page.wait_for_function(f"() => ({N_SELECTED})() === {n}")
    expect(page.locator("#spread").get_by_role("status")).to_contain_text(f"{n} of {N_FRAMES} frames chosen")


def test_the_sheet_is_sorted_by_nearness_to_a_number_and_shuffled_again(
    watched: WatchedPage, world: World
) -> None:
    page = open_clusters(watched, world.dataset, "?cluster=1")
    first = page.locator('#sheet-frames .thumb[data-place="0"]')
    page.select_option("#sheet-sort", "nearest")
    expect(page.locator("#sheet-status")).to_contain_text("Give the number of the frame")
    field = page.get_by_label("Frame", exact=True)
    expect(field).to_be_focused()
    field.fill("12")
    page.keyboard.press("Enter")
    nearest = sorted_frames(columns(world), {"cluster": 1}, "nearest", near=12)
    expect(first).to_have_attribute("data-frame", str(nearest[0]))
    field.fill("100000")
    page.keyboard.press("Enter")
    expect(page.locator("#sheet-status")).to_contain_text("Not changed: Choose a frame of this data set")
    page.select_option("#sheet-sort", "random")
    expect(page.locator("#sheet-status")).to_contain_text("shuffled")
    listed = "all => all.slice(0, 20).map((each) => each.dataset.frame)"
    before = page.locator("#sheet-frames .thumb").evaluate_all(listed)
    page.get_by_role("button", name="Shuffle again").click()
    page.wait_for_function(
        "([list]) => [...document.querySelectorAll('#sheet-frames .thumb')].slice(0, 20)"
        ".map((each) => each.dataset.frame).join() !== list",
        arg=[",".join(before)],
    )


def test_frames_can_be_looked_through_and_labelled_before_they_are_clustered(
    watched: WatchedPage, world: World
) -> None:
    world.dataset.products.filter(kind__in=["cluster", "project", "embed"]).delete()
    page = open_clusters(watched, world.dataset, f"?scope={quote(json.dumps({'label': 'Streak'}))}")
    expect(
        page.get_by_text("There are no clusters yet; all frames can be looked through already.")
    ).to_be_visible()
    assert n_of_sheet(page) == 12
    page.get_by_role("link", name="All frames").click()
    expect(page.locator("#sheet-status")).to_have_text(f"{N_FRAMES} frames, by number")
    assert page.locator("#sheet-sort option").evaluate_all("all => all.map((each) => each.value)") == [
        "order",
        "random",
    ]
    assert watched.faults == []


def test_the_page_is_sound_with_all_its_controls_in_sight(watched: WatchedPage, world: World) -> None:
    query = f"?scope={quote(json.dumps({'cluster': 0}))}&sort=nearest&near=3"
    path = reverse("explore:dataset-clusters", args=[world.dataset.pk]) + query
    assert watched.look(path) == []
    expect(watched.page.get_by_label("only within what is chosen")).to_be_visible()
    expect(watched.page.get_by_label("Frame", exact=True)).to_be_visible()
