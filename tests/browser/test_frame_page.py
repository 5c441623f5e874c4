"""The frame page in a browser: pixels as they are in the file, tools by keyboard, and what goes wrong."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import WatchedPage
from tests.webapp.drawn_frames import count_map, draw_frames
from tests.webapp.world import N_FRAMES, World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MASKED = (38, 70, 83)


def open_frame(watched: WatchedPage, world: World, index: int) -> Page:
    watched.open(reverse("explore:frame-detail", args=[world.dataset.pk, index]))
    expect_frame(watched.page, "full", index)
    return watched.page


def expect_frame(page: Page, kind: str, index: int) -> None:
    expect(page.locator("#frame-canvas")).to_have_attribute("data-frame", f"{kind} {index}")


def picture(page: Page, name: str) -> str:
    if folder := os.environ.get("FRINGE_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
    return name


def counts_of(index: int) -> np.ndarray:
    return count_map(draw_frames(N_FRAMES).condensed[index]).round().astype(np.uint16)


def test_the_cursor_reads_the_counts_of_the_file(watched: WatchedPage, world: World) -> None:
    page = open_frame(watched, world, 5)
    page.locator("#frame-canvas").focus()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+Alt+ArrowUp")
    row, column = 22, 36
    expect(page.locator("#frame-value")).to_contain_text(
        f"row {row}, column {column}: {counts_of(5)[row, column]} counts"
    )
    expect(page.locator("#frame-value")).to_contain_text(
        f"{np.hypot(row - 31.5, column - 31.5):.1f} px from the beam centre"
    )
    picture(page, "frame-cursor")
    assert watched.faults == []


def test_frames_follow_each_other_without_loading_the_page(watched: WatchedPage, world: World) -> None:
    page = open_frame(watched, world, 5)
    page.evaluate("window.isSamePage = true")
    page.keyboard.press("ArrowRight")
    expect_frame(page, "full", 6)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    expect_frame(page, "full", 7)
    expect(page.locator("#frame-side .facts").last).to_contain_text("7")
    assert page.url.endswith("/frames/7/")
    assert page.evaluate("window.isSamePage")
    page.locator("#random-frame").click()
    expect(page.locator("#frame-canvas")).not_to_have_attribute("data-frame", "full 7")
    assert watched.faults == []


def test_the_saved_pixels_are_those_of_the_frame(watched: WatchedPage, world: World) -> None:
    page = open_frame(watched, world, 5)
    page.locator('[data-view="colours"]').select_option("grey")
    page.locator('[data-view="scale"]').select_option("linear")
    page.locator('[data-view="high"]').fill("100")
    page.keyboard.press("Enter")
    page.get_by_text("Save", exact=True).click()
    with page.expect_download() as download:
        page.locator("#save-bare").click()
    saved = np.asarray(Image.open(io.BytesIO(download.value.path().read_bytes())).convert("RGB"))
    counts, mask = counts_of(5).astype(float), draw_frames(N_FRAMES).mask
    low, high = counts[mask].min(), counts[mask].max()
    expected = np.round(255 * (counts - low) / (high - low))
    assert saved.shape == (64, 64, 3)
    assert (saved[~mask] == MASKED).all()
    np.testing.assert_allclose(saved[mask][:, 0], expected[mask], atol=1)


def test_one_scale_holds_for_all_frames(watched: WatchedPage, world: World) -> None:
    page = open_frame(watched, world, 5)
    page.get_by_label("Same scale for all frames").check()
    high = page.locator('[data-view="high"]').input_value()
    assert page.locator('[data-view="limits"]').input_value() == "counts"
    page.keyboard.press("Escape")
    page.locator("#next-frame").click()
    expect_frame(page, "full", 6)
    assert page.locator('[data-view="high"]').input_value() == high
    page.reload()
    expect_frame(page, "full", 6)
    assert page.locator('[data-view="high"]').input_value() == high
    page.get_by_label("Same scale for all frames").uncheck()
    assert page.locator('[data-view="limits"]').input_value() == "percent"


def test_keys_do_what_the_buttons_do(watched: WatchedPage, world: World) -> None:
    page = open_frame(watched, world, 5)
    page.keyboard.press("l")
    assert page.locator('[data-view="scale"]').input_value() == "linear"
    page.keyboard.press("m")
    assert not page.locator('[data-view="fileMask"]').is_checked()
    page.keyboard.press("r")
    assert page.locator('[data-view="rings"]').is_checked()
    page.keyboard.press("c")
    expect_frame(page, "condensed", 5)
    picture(page, "frame-condensed")
    page.keyboard.press("c")
    expect_frame(page, "full", 5)
    for key in ("+", "+", "1", "-", "0"):
        page.keyboard.press(key)
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement !== null")
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement === null")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("a frame at random")
    assert watched.faults == []


def test_the_limits_are_moved_by_keys_on_the_histogram(watched: WatchedPage, world: World) -> None:
    page = open_frame(watched, world, 5)
    upper = page.get_by_role("slider", name="upper limit")
    upper.focus()
    before = float(upper.get_attribute("aria-valuenow"))
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert float(upper.get_attribute("aria-valuenow")) < before
    assert page.locator('[data-view="limits"]').input_value() == "counts"
    assert float(page.locator('[data-view="high"]').input_value()) == pytest.approx(
        float(upper.get_attribute("aria-valuenow")), rel=1e-3
    )


def test_a_pattern_over_named_frames_is_shown_and_named(watched: WatchedPage, world: World) -> None:
    page = open_frame(watched, world, 5)
    page.locator('#pattern-form [name="of"]').select_option("frames")
    page.locator('#pattern-form [name="what"]').select_option("maximum")
    page.get_by_role("textbox", name="Frames by number").fill("0-9, 20")
    page.locator("#pattern-form button").click()
    expect(page.locator("#frame-caption")).to_have_text("Maximum of the 11 frames of the frames named")
    page.locator("#frame-canvas").focus()
    page.keyboard.press("Shift+ArrowRight")
    peak = max(int(counts_of(frame)[32, 33]) for frame in [*range(10), 20])
    expect(page.locator("#frame-value")).to_contain_text(f"row 32, column 33: {peak} counts")
    picture(page, "frame-pattern")
    page.get_by_role("textbox", name="Frames by number").fill("5-3")
    page.locator("#pattern-form button").click()
    expect(page.locator("#frame-message")).to_contain_text("There are no frames 5-3")


def test_a_missing_file_is_said_and_the_condensed_frame_is_offered(
    watched: WatchedPage, world: World
) -> None:
    Path(world.dataset.source_files.get().path).unlink()
    watched.open(reverse("explore:frame-detail", args=[world.dataset.pk, 5]))
    page = watched.page
    expect(page.locator("#frame-message")).to_contain_text("the file does not exist")
    picture(page, "frame-missing")
    page.get_by_role("button", name="Show the condensed frame").click()
    expect_frame(page, "condensed", 5)
    expect(page.locator("#frame-message")).to_be_hidden()


def test_without_a_frame_server_the_page_says_so(
    watched: WatchedPage, world: World, settings, tmp_path
) -> None:
    settings.FRAME_SERVER = str(tmp_path / "nobody")
    watched.open(reverse("explore:frame-detail", args=[world.dataset.pk, 5]))
    page = watched.page
    expect(page.locator("#frame-message")).to_contain_text("does not answer")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#frame-message")).to_contain_text("does not answer")
