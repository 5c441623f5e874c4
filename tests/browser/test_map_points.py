"""Points of the map under the pointer, and what stays when the theme changes."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import WatchedPage
from tests.browser.map_page import N_SELECTED, columns, n_of_sheet, open_clusters
from tests.webapp.world import World
from webapp.explore import map_points

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# The point that lies furthest from all others, in the upper part that nothing covers: where on the screen.
LONELY = """() => {
  const map = document.getElementById("map");
  const { xaxis, yaxis } = map._fullLayout;
  const frame = map.getBoundingClientRect();
  const points = map.data.flatMap(({ x, y }) => Array.from(x, (each, at) => [
    frame.left + xaxis._offset + xaxis.l2p(each), frame.top + yaxis._offset + yaxis.l2p(y[at]),
  ]));
  const room = ([x, y]) => Math.min(...points.map(([a, b]) => Math.hypot(a - x, b - y)).filter(Boolean));
  const seen = points.filter(([, y]) => y > frame.top + 60 && y < frame.top + frame.height / 2);
  return seen.reduce((best, point) => (room(point) > room(best) ? point : best));
}"""


def test_a_point_is_ringed_at_once_shows_its_frame_and_opens_it_by_a_click(
    watched: WatchedPage, world: World
) -> None:
    page = open_clusters(watched, world.dataset)
    page.locator("#map").scroll_into_view_if_needed()
    x, y = page.evaluate(LONELY)
    page.mouse.move(x + 1, y + 1, steps=3)
    ring, card = page.locator(".map-ring"), page.locator(".map-card")
    expect(ring).to_be_visible()
    box = ring.bounding_box()
    assert box is not None
    assert (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) == pytest.approx((x, y), abs=1.5)
    expect(card).to_be_visible()
    words = card.inner_text()
    assert "sheets/" in card.locator(".thumb").evaluate("({ style }) => style.backgroundImage")
    frame = int(words.split()[1])
    cluster = int(columns(world).clusters[frame])
    assert words.split(" · ")[1] == ("Noise" if cluster < 0 else f"Cluster {cluster}")
    page.mouse.click(x, y)
    page.wait_for_url(f"**/frames/{frame}/")
    assert watched.faults == []


def test_a_choice_stays_on_the_map_in_the_other_theme_and_the_density_takes_its_ink(
    watched: WatchedPage, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = map_points.drawn_points
    monkeypatch.setattr(map_points, "drawn_points", lambda path, n: draw(path, n, most=150))
    page = open_clusters(watched, world.dataset, "?cluster=0")
    n = n_of_sheet(page)
    page.wait_for_function(f"() => ({N_SELECTED})() > 0")
    n_lit = page.evaluate(N_SELECTED)
    assert 0 < n_lit < n, "of the drawn points only"
    picture = "document.getElementById('map').layout.images[0].source"
    before = page.evaluate(picture)
    page.locator("[data-theme-switch]").click()
    page.wait_for_function(f"(before) => {picture} !== before", arg=before)
    page.wait_for_function(f"() => ({N_SELECTED})() === {n_lit}")
    expect(page.locator("#sheet-title")).to_have_text("Cluster 0")
    assert watched.faults == []
