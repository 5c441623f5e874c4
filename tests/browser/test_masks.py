"""Masks are drawn with the pointer and by numbers, taken back, saved, and used by the recipe."""

import numpy as np
import pytest
from django.urls import reverse
from playwright.sync_api import Locator, expect

from tests.browser.conftest import WatchedPage
from tests.webapp.world import World
from webapp.datasets.masks import read_bits
from webapp.jobs.models import Job

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIDE = 64


@pytest.fixture
def canvas(watched: WatchedPage, world: World) -> Locator:
    watched.open(reverse("datasets:dataset-recipe", args=[world.dataset.pk]))
    return watched.page.locator("#mask-canvas")


def drag(watched: WatchedPage, canvas: Locator, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Drag from the middle of one detector pixel, (row, column), to that of another."""
    canvas.scroll_into_view_if_needed()
    box, mouse = canvas.bounding_box(), watched.page.mouse
    places = [
        (box["x"] + (c + 0.5) / SIDE * box["width"], box["y"] + (r + 0.5) / SIDE * box["height"])
        for r, c in (start, end)
    ]
    mouse.move(*places[0])
    mouse.down()
    mouse.move(*places[1], steps=4)
    mouse.up()


def saved(watched: WatchedPage, world: World) -> np.ndarray:
    watched.page.click("#mask-save")
    expect(watched.page.locator("#mask-saved")).to_contain_text("Saved")
    mask = world.dataset.masks.first()
    return np.unpackbits(np.frombuffer(read_bits(mask), np.uint8)).reshape(SIDE, SIDE).astype(bool)


def test_what_the_pointer_draws_is_what_is_saved(watched: WatchedPage, world: World, canvas: Locator) -> None:
    page = watched.page
    page.click('[data-tool="rectangle"]')
    drag(watched, canvas, (10, 20), (13, 29))
    expect(page.locator("#mask-readout")).to_contain_text("pixels are drawn over")
    page.click('[data-tool="circle"]')
    drag(watched, canvas, (40, 40), (40, 45))
    page.click("#mask-undo")
    expect(page.locator("#unsaved")).to_be_visible()
    drawn = saved(watched, world)
    expected = np.zeros((SIDE, SIDE), bool)
    expected[10:14, 20:30] = True
    assert np.abs(drawn.sum() - expected.sum()) <= 14  # the pointer may miss the middle of the last pixel
    assert not drawn[30:].any()
    expect(page.locator("#unsaved")).to_be_hidden()
    assert page.input_value("[name=drawn_mask]") == world.dataset.masks.first().sha256
    assert watched.faults == []


def test_the_keyboard_alone_draws_the_same(watched: WatchedPage, world: World, canvas: Locator) -> None:
    page = watched.page
    for shape, fields in (
        ("rectangle", {"row": "3", "column": "5", "height": "2", "width": "7"}),
        ("polygon", {"corners": "30 10; 30 20; 40 20; 40 10"}),
        ("circle", {"row": "50", "column": "50", "radius": "3"}),
    ):
        page.select_option("#shape-form [name=shape]", shape)
        for name, value in fields.items():
            page.fill(f"#shape-form [name={name}]", value)
        page.press("#shape-form [value=add]", "Enter")
    drawn = saved(watched, world)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    expected = (rows - 50) ** 2 + (columns - 50) ** 2 <= 9
    expected[3:5, 5:12] = True
    expected[30:40, 10:20] = True
    assert np.abs(drawn ^ expected).sum() <= 20  # the rim of the polygon
    assert drawn[3:5, 5:12].all()
    assert (drawn[45:] == expected[45:]).all()
    page.press("body", "i")
    page.select_option("#shape-form [name=shape]", "circle")
    page.press("#shape-form [value=erase]", "Enter")
    inverted = saved(watched, world)
    assert not inverted[(rows - 50) ** 2 + (columns - 50) ** 2 <= 9].any()
    assert inverted[60, 60]


def test_the_centre_is_dragged_and_goes_into_the_recipe(
    watched: WatchedPage, world: World, canvas: Locator
) -> None:
    page = watched.page
    page.click('[data-tool="centre"]')
    drag(watched, canvas, (31, 31), (25, 40))
    assert abs(float(page.input_value("[name=centre_row]")) - 25) < 0.6
    assert abs(float(page.input_value("[name=centre_column]")) - 40) < 0.6
    page.select_option("[name=scale]", "sqrt")
    page.click("text=Condense with this")
    expect(page.locator(".messages")).to_contain_text("scale sqrt, centre (")
    assert Job.objects.get(kind="condense").params["recipe"]["scale"] == "sqrt"


def test_the_threshold_of_hits_moves_with_the_keys_and_counts_along(
    watched: WatchedPage, world: World
) -> None:
    watched.open(reverse("portal:dataset-detail", args=[world.dataset.pk]))
    page = watched.page
    slider, count = page.locator("#hits-range"), page.locator("#hits-count")
    slider.focus()
    page.keyboard.press("Home")
    expect(count).to_have_text("300 of 300 frames are hits (100.0 %)")
    page.keyboard.press("End")
    expect(count).to_have_text("0 of 300 frames are hits (0.0 %)")
    page.fill("#hits-number", "900")
    expect(page.locator("#hits-near [data-frame]").first).to_be_visible()
    expect(count).not_to_contain_text("About")
    assert watched.faults == []
