"""The map and the histogram below it: by pointer and by keys, with and without WebGL."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from django.urls import reverse
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import WatchedPage
from tests.browser.map_page import N_SELECTED, columns, draw_lasso, n_of_sheet, open_clusters
from tests.webapp.factories import make_dataset, make_product, make_sorted_dataset
from tests.webapp.world import N_FRAMES, World
from webapp.datasets.columns import columns_of
from webapp.datasets.scopes import frames_of_scope
from webapp.explore import map_points

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NO_WEBGL = """
const original = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind.startsWith("webgl") ? null : original.call(this, kind, ...rest);
};
"""
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


def test_a_double_click_takes_the_area_away_and_the_sheet_with_it(watched: WatchedPage, world: World) -> None:
    page = open_clusters(watched, world.dataset)
    draw_lasso(page)
    assert n_of_sheet(page) > 0
    box = page.locator("#map").bounding_box()
    page.mouse.dblclick(box["x"] + 0.9 * box["width"], box["y"] + 0.3 * box["height"])
    expect(page.locator("#sheet")).to_be_hidden()
    page.wait_for_function("() => document.getElementById('map').data.every((each) => !each.selectedpoints)")
    assert watched.faults == []


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
