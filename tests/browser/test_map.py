"""The map, the histogram below it and the sheet: by pointer and by keys, with and without WebGL."""

import json
import re
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import WatchedPage
from tests.webapp.factories import make_dataset, make_product, make_sorted_dataset
from tests.webapp.world import N_FRAMES, World
from webapp.datasets.columns import Columns, columns_of
from webapp.datasets.models import Dataset
from webapp.datasets.scopes import frames_of_scope
from webapp.datasets.sheet_orders import sorted_frames
from webapp.explore import map_points

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NO_WEBGL = """
const original = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind.startsWith("webgl") ? null : original.call(this, kind, ...rest);
};
"""
N_SELECTED = """() => document.getElementById("map").data
  .map(({ selectedpoints }) => selectedpoints?.length ?? 0).reduce((a, b) => a + b, 0)"""
SHOWN_TRACES = """() => document.getElementById("map").data
  .filter(({ visible }) => visible !== false).map(({ name }) => name)"""
GROUPS = {"cluster": "Cluster 1", "label": "Unlabelled", "predicted": "Elliptical", "run": "file"}
# Whether the map has all points, in the groups or on the scale that is asked for.
COLOURED = """([name, title, n]) => {
  const { data } = document.getElementById("map");
  const group = GROUPS[name];
  const isMeant = group
    ? data.some((trace) => trace.name.startsWith(group))
    : data.length === 1 && data[0].marker.colorscale && data[0].name.startsWith(title.split(" (")[0]);
  return isMeant && data.reduce((sum, { x }) => sum + x.length, 0) === n;
}""".replace("GROUPS", json.dumps(GROUPS))
# Where the picture of the density lies on the screen, and where its corners lie by the map's axes.
DENSITY = """() => {
  const map = document.getElementById("map");
  const [{ x, y, sizex, sizey }] = map.layout.images;
  const { xaxis, yaxis } = map._fullLayout;
  const frame = map.getBoundingClientRect();
  const found = map.querySelector("image").getBoundingClientRect();
  const left = frame.left + xaxis._offset + xaxis.l2p(x);
  const top = frame.top + yaxis._offset + yaxis.l2p(y);
  const right = frame.left + xaxis._offset + xaxis.l2p(x + sizex);
  const bottom = frame.top + yaxis._offset + yaxis.l2p(y - sizey);
  return [[found.left, found.top, found.right, found.bottom], [left, top, right, bottom]];
}"""


def open_clusters(watched: WatchedPage, dataset: Dataset, query: str = "") -> Page:
    watched.open(reverse("explore:dataset-clusters", args=[dataset.pk]) + query)
    if dataset.products.filter(kind="project").exists():
        watched.page.locator("#map .modebar-btn").first.wait_for(state="attached")
        expect(watched.page.locator("#map-status")).to_contain_text("shown")
    return watched.page


def columns(world: World) -> Columns:
    found = columns_of(world.dataset)
    assert found is not None
    return found


def draw_lasso(page: Page, right: float = 0.55) -> None:
    """Draw around the left part of the map with the mouse."""
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map").bounding_box()
    assert box is not None

    def go(across: float, down: float, steps: int = 4) -> None:
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=steps)

    go(0.02, 0.2)
    page.mouse.down()
    for across, down in ((right, 0.12), (right, 0.9), (0.02, 0.9), (0.02, 0.22)):
        go(across, down)
    page.mouse.up()


def n_of_sheet(page: Page) -> int:
    expect(page.locator("#sheet-status")).to_have_text(re.compile(r"^[\d,]+ frame"))
    return int(re.sub(r"\D", "", page.locator("#sheet-status").inner_text().split(" frame")[0]))


def test_a_lasso_selects_the_same_frames_in_sheet_histogram_label_bar_and_map(
    watched: WatchedPage, world: World
) -> None:
    page = open_clusters(watched, world.dataset)
    with page.expect_request("**/clusters/frames/") as asked:
        draw_lasso(page)
    expect(page.locator("#sheet-title")).to_have_text("Frames in an area of the map")
    n = n_of_sheet(page)
    scope = json.loads(asked.value.post_data)["scope"]
    assert 0 < n == len(frames_of_scope(columns(world), scope)) < N_FRAMES
    expect(page.locator("#spread").get_by_role("status")).to_contain_text(f"{n} of {N_FRAMES} frames chosen")
    page.get_by_role("button", name="Elliptical").click()
    expect(page.locator("#apply-labels")).to_have_text(
        f"Apply Elliptical to {n} frames in an area of the map"
    )
    page.wait_for_function(f"() => ({N_SELECTED})() === {n}")
    assert watched.faults == []


def test_a_cluster_opened_by_its_card_stands_out_on_the_map_until_the_sheet_is_closed(
    watched: WatchedPage, world: World
) -> None:
    page = open_clusters(watched, world.dataset)
    n = len(frames_of_scope(columns(world), {"cluster": 1}))
    page.locator('#gallery [data-cluster="1"]').get_by_role("button", name="Open").click()
    page.wait_for_function(f"() => ({N_SELECTED})() === {n}")
    assert n_of_sheet(page) == n
    page.locator("#sheet").get_by_role("button", name="Close").click()
    page.wait_for_function("() => document.getElementById('map').data.every((each) => !each.selectedpoints)")
    expect(page.locator("#spread").get_by_role("status")).to_have_text(re.compile(f"^{N_FRAMES} frames"))


def test_the_map_can_be_walked_and_selected_from_by_keys_alone(watched: WatchedPage, world: World) -> None:
    page = open_clusters(watched, world.dataset)
    said = page.locator("#map-announce")
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("Frame ")
    first = said.inner_text()
    expect(page.locator(".map-ring")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(said).not_to_have_text(first)
    frame = int(re.search(r"\d+", said.inner_text())[0])
    page.keyboard.press("]")
    expect(page.locator(".map-circle")).to_be_visible()
    expect(page.locator("#sheet-title")).to_have_text("Frames in an area of the map")
    small = n_of_sheet(page)
    for _ in range(6):
        page.keyboard.press("]")
    expect(page.locator("#sheet-status")).not_to_contain_text(f"{small} frame")
    assert n_of_sheet(page) > small >= 1
    page.keyboard.press("c")
    cluster = int(columns(world).clusters[frame])
    expect(page.locator("#sheet-title")).to_have_text("Noise" if cluster < 0 else f"Cluster {cluster}")
    assert n_of_sheet(page) == len(frames_of_scope(columns(world), {"cluster": cluster}))
    page.keyboard.press("Space")
    expect(said).to_have_text(f"Frame {frame} chosen, 1 chosen")
    expect(page.locator("#map-choice-words")).to_have_text("1 chosen")
    page.wait_for_function(f"() => ({N_SELECTED})() === 1")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/frames/{frame}/")
    assert watched.faults == []


def test_the_map_is_zoomed_by_keys_and_the_ring_stays_on_its_point(
    watched: WatchedPage, world: World
) -> None:
    page = open_clusters(watched, world.dataset)
    width = "() => { const [a, b] = document.getElementById('map')._fullLayout.xaxis.range; return b - a; }"
    page.locator("#map").focus()
    page.keyboard.press("ArrowUp")
    whole = page.evaluate(width)
    ring = page.locator(".map-ring").bounding_box()
    page.keyboard.press("+")
    page.wait_for_function(f"() => ({width})() < {0.8 * whole}")
    assert page.locator(".map-ring").bounding_box() == pytest.approx(ring, abs=1.5), "the zoom is around it"
    page.keyboard.press("0")
    page.wait_for_function(f"() => Math.abs(({width})() - {whole}) < 1e-6 * {whole}")
    page.keyboard.press("g")
    page.wait_for_function("() => document.getElementById('map')._fullLayout.dragmode === 'pan'")
    page.keyboard.press("s")
    page.wait_for_function("() => document.getElementById('map')._fullLayout.dragmode === 'lasso'")


def test_a_range_of_the_histogram_selects_its_frames_by_fields_and_by_pointer(
    watched: WatchedPage, world: World
) -> None:
    page = open_clusters(watched, world.dataset)
    total = columns(world).physics("total")
    middle = round(float(np.median(total)))
    spread = page.locator("#spread")
    spread.get_by_role("textbox", name="From").fill(str(middle))
    page.keyboard.press("Enter")
    expect(page.locator("#sheet-title")).to_contain_text("Frames with total from")
    n = int((total >= middle).sum())
    assert n_of_sheet(page) == n
    page.wait_for_function(f"() => ({N_SELECTED})() === {n}")
    box = spread.locator("svg").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 1, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 50, steps=5)
    page.mouse.up()
    expect(page.locator("#sheet-title")).to_contain_text("to")
    low, high = (float(spread.get_by_role("textbox", name=name).input_value()) for name in ("From", "to"))
    expected = int(((total >= low) & (total < high)).sum())
    expect(page.locator("#sheet-status")).to_contain_text(f"{expected} frames")
    assert 0 < expected < N_FRAMES
    assert watched.faults == []


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


def test_the_legend_hides_a_group_and_shows_one_alone_by_pointer_and_by_keys(
    watched: WatchedPage, world: World
) -> None:
    page = open_clusters(watched, world.dataset)
    legend = page.get_by_role("toolbar", name="Groups on the map")
    entry = legend.get_by_role("button", name="Cluster 1")
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "false")
    page.wait_for_function(f"() => ({SHOWN_TRACES})().join() === 'Noise,Cluster 0,Cluster 2'")
    entry.dblclick()
    page.wait_for_function(f"() => ({SHOWN_TRACES})().join() === 'Cluster 1'")
    legend.get_by_role("button", name="Show all").click()
    page.wait_for_function(f"() => ({SHOWN_TRACES})().length === 4")
    expect(legend.get_by_role("button", name="Noise")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(f"() => ({SHOWN_TRACES})().join() === 'Cluster 0'")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.wait_for_function(f"() => ({SHOWN_TRACES})().join() === 'Cluster 0,Cluster 1'")


def test_every_way_to_colour_the_map_draws_all_points(watched: WatchedPage, world: World) -> None:
    page = open_clusters(watched, world.dataset)
    select = page.locator("#map-colour")
    names = select.locator("option").evaluate_all("all => all.map((each) => each.value)")
    assert {"cluster", "label", "predicted", "run", "total", "outlier", "class:Round"} <= set(names)
    for name in names:
        select.select_option(name)
        title = select.locator(f'option[value="{name}"]').inner_text()
        page.wait_for_function(COLOURED, arg=[name, title, N_FRAMES])
        expect(select).to_have_value(name)
    expect(page.locator("#map-status")).to_contain_text(f"{N_FRAMES} of {N_FRAMES} shown")
    assert watched.faults == []


def test_the_plot_has_no_button_that_sends_or_saves_and_knows_no_server(
    watched: WatchedPage, world: World
) -> None:
    page = open_clusters(watched, world.dataset)
    titles = page.locator("#map .modebar-btn").evaluate_all("all => all.map((each) => each.dataset.title)")
    config = page.evaluate("document.getElementById('map')._context")
    assert "Lasso Select" in titles
    assert not [title for title in titles if re.search("cloud|upload|edit in|share|produced", title, re.I)]
    assert (config["plotlyServerURL"], config["showSendToCloud"], config["displaylogo"]) == ("", False, False)
    assert watched.faults == []


def test_without_an_answer_the_last_choice_stays_and_the_page_says_why(
    watched: WatchedPage, context: BrowserContext, world: World
) -> None:
    page = open_clusters(watched, world.dataset, "?cluster=2")
    n = n_of_sheet(page)
    tiles = page.locator("#sheet-frames .thumb").count()
    context.set_offline(True)
    draw_lasso(page)
    status = page.locator("#sheet-status")
    expect(status).to_contain_text("Not changed: The server does not answer.")
    expect(status).to_contain_text(f"{n} frames")
    expect(page.locator("#sheet-title")).to_have_text("Cluster 2")
    assert page.locator("#sheet-frames .thumb").count() == tiles > 0
    page.wait_for_function(f"() => ({N_SELECTED})() === {n}")
    page.select_option("#map-colour", "predicted")
    expect(page.locator("#map-status")).to_contain_text("The colours are as before")
    expect(page.locator("#map-colour")).to_have_value("cluster")
    context.set_offline(False)
    draw_lasso(page)
    expect(page.locator("#sheet-title")).to_have_text("Frames in an area of the map")


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


def test_the_density_of_all_frames_lies_where_the_points_do_also_when_zoomed(
    watched: WatchedPage, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = map_points.drawn_points
    monkeypatch.setattr(map_points, "drawn_points", lambda path, n: draw(path, n, most=120))
    page = open_clusters(watched, world.dataset)
    expect(page.locator("#map-status")).to_contain_text(f"of {N_FRAMES} shown, over the density of all")
    for key in ("", "+", "+"):
        if key:
            page.locator("#map").press(key)
        page.wait_for_timeout(300)
        found, expected = page.evaluate(DENSITY)
        np.testing.assert_allclose(found, expected, atol=1.5)
    page.get_by_label("Density of all frames").uncheck()
    page.wait_for_function("() => document.querySelector('#map image') === null")
    assert watched.faults == []


def test_without_webgl_fewer_points_are_drawn_over_the_density_and_areas_hold_all_frames(
    watched: WatchedPage, world: World
) -> None:
    watched.page.add_init_script(NO_WEBGL)
    dataset = make_sorted_dataset(world.group, 5200, "long run")
    page = open_clusters(watched, dataset)
    expect(page.locator("#map-status")).to_contain_text("2,600 of 5,200 shown, over the density of all")
    expect(page.locator("#map-status")).to_contain_text("no WebGL")
    assert page.evaluate("document.getElementById('map').data.every(({ type }) => type === 'scatter')")
    found, expected = page.evaluate(DENSITY)
    np.testing.assert_allclose(found, expected, atol=1.5)
    with page.expect_request("**/clusters/frames/") as asked:
        draw_lasso(page)
    expect(page.locator("#sheet-title")).to_have_text("Frames in an area of the map")
    scope = json.loads(asked.value.post_data)["scope"]
    assert n_of_sheet(page) == len(frames_of_scope(columns_of(dataset), scope))
    assert watched.faults == []


def test_maps_of_one_frame_and_of_none_are_sound(watched: WatchedPage, world: World) -> None:
    single = make_sorted_dataset(world.group, 1, "one frame")
    page = open_clusters(watched, single)
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#map-announce")).to_contain_text("Frame 0")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#map-announce")).to_have_text("There is no point further that way.")
    page.keyboard.press("]")
    assert n_of_sheet(page) == 1
    bare = make_dataset(world.group, 3, "bare")
    open_clusters(watched, bare)
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


def test_a_double_click_takes_the_area_away_and_the_sheet_with_it(watched: WatchedPage, world: World) -> None:
    page = open_clusters(watched, world.dataset)
    draw_lasso(page)
    assert n_of_sheet(page) > 0
    box = page.locator("#map").bounding_box()
    page.mouse.dblclick(box["x"] + 0.9 * box["width"], box["y"] + 0.3 * box["height"])
    expect(page.locator("#sheet")).to_be_hidden()
    page.wait_for_function("() => document.getElementById('map').data.every((each) => !each.selectedpoints)")
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


def test_a_box_selects_what_lies_in_it(watched: WatchedPage, world: World) -> None:
    page = open_clusters(watched, world.dataset)
    page.locator("#map").hover()
    page.locator('#map .modebar-btn[data-title="Box Select"]').click()
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.05 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=5)
    with page.expect_request("**/clusters/frames/") as asked:
        page.mouse.up()
    scope = json.loads(asked.value.post_data)["scope"]
    assert len(scope["polygon"]) == 4
    expect(page.locator("#sheet-title")).to_have_text("Frames in an area of the map")
    assert n_of_sheet(page) == len(frames_of_scope(columns(world), scope)) > 0
    assert watched.faults == []


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


def test_clusters_without_a_map_have_their_sheet_and_histogram(watched: WatchedPage, world: World) -> None:
    world.dataset.products.filter(kind="project").delete()
    page = open_clusters(watched, world.dataset, "?cluster=1")
    n = n_of_sheet(page)
    expect(page.locator("#spread").get_by_role("status")).to_contain_text(f"{n} of {N_FRAMES} frames chosen")
    assert watched.faults == []


def test_a_map_without_clusters_can_be_coloured_and_selected_from(watched: WatchedPage, world: World) -> None:
    world.dataset.products.filter(kind="cluster").delete()
    page = open_clusters(watched, world.dataset)
    draw_lasso(page)
    assert n_of_sheet(page) > 0
    page.select_option("#map-colour", "total")
    expect(page.locator("#map-scale")).to_be_visible()
    assert watched.faults == []


def test_a_map_that_cannot_be_fetched_says_so_and_leaves_the_clusters(
    watched: WatchedPage, world: World
) -> None:
    watched.page.route("**/map/positions.bin*", lambda route: route.abort())
    watched.open(reverse("explore:dataset-clusters", args=[world.dataset.pk]))
    expect(watched.page.locator("#map-status")).to_contain_text("The map cannot be drawn")
    watched.page.locator('#gallery [data-cluster="1"]').get_by_role("button", name="Open").click()
    assert n_of_sheet(watched.page) > 0


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


def test_a_hundred_clusters_are_drawn_by_their_colours_and_each_can_be_shown_alone(
    watched: WatchedPage, world: World
) -> None:
    labels = (np.arange(N_FRAMES) % 100).astype(np.int32)
    old = world.product("cluster")

    def write(out: Path) -> None:
        np.save(out / "labels.npy", labels)
        for name in ("probabilities", "outlier_scores"):
            np.save(out / f"{name}.npy", np.full(N_FRAMES, 0.5, np.float32))
        one = {"size": 3, "persistence": 0.5, "exemplars": [], "mean_probability": 0.5}
        (out / "clusters.json").write_text(json.dumps([{"id": each} | one for each in range(100)]))

    inputs = {role: world.product("embed" if role == "embedding" else "learn") for role in old.inputs}
    make_product(world.dataset, "cluster", write, {"n_clusters": 100, "n_noise": 0}, inputs)
    page = open_clusters(watched, world.dataset)
    assert page.evaluate("document.getElementById('map').data.length") <= 60
    n_points = "document.getElementById('map').data.reduce((n, { x }) => n + x.length, 0)"
    assert page.evaluate(n_points) == N_FRAMES
    legend = page.get_by_role("toolbar", name="Groups on the map")
    legend.get_by_role("button", name="Cluster 97").dblclick()
    page.wait_for_function(f"() => {n_points} === 3")
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#map-announce")).to_contain_text("Cluster 97")
    page.keyboard.press("c")
    expect(page.locator("#sheet-title")).to_have_text("Cluster 97")
    page.wait_for_function(f"() => ({N_SELECTED})() === 3")
    assert watched.faults == []
