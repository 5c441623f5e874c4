"""The clusters page as tests use it: opened, drawn around on, and read."""

import re

from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser.conftest import WatchedPage
from tests.webapp.world import World
from webapp.datasets.columns import Columns, columns_of
from webapp.datasets.models import Dataset

N_SELECTED = """() => document.getElementById("map").data
  .map(({ selectedpoints }) => selectedpoints?.length ?? 0).reduce((a, b) => a + b, 0)"""


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
