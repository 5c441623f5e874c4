"""The main job as a person does it: register, sort, look, label, classify, download, sort live."""

import csv
import re
import signal
import time

import numpy as np
import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.portal import PASSWORD, Portal, processes_of
from tests.browser.test_map import draw_lasso
from tests.chromium import find_chromium
from tests.science.synthetic import diffraction_frames, write_cxi

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]
N_FRAMES = 320
NAMES = ("first", "second", "third", "fourth")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
MINUTES = 60_000


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("roots")
    frames, classes = diffraction_frames(N_FRAMES, 48, seed=5)
    write_cxi(folder / "run_0007.cxi", frames)
    (folder / "notes.txt").write_text("not frames")
    (folder / "broken.h5").write_bytes(b"this is no HDF5 file")
    return folder, frames, np.unique(classes, return_inverse=True)[1]


@pytest.fixture(scope="module")
def portal(tmp_path_factory, source):
    folder = tmp_path_factory.mktemp("data")
    running = Portal(folder, source[0])
    running.folder = folder
    try:
        running.add_user("vera", "Beam time 7")
        running.add_user("stranger", "Beam time 8")
        running.wait_until_up()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        yield chromium
        chromium.close()


def sign_in(browser, portal, name):
    page = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True).new_page()
    page.set_default_timeout(30_000)
    page.goto(portal.url)
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Data sets")
    return page


def wait_for_line(page, step, minutes):
    """Wait until a step of the line is done, as a person who looks on sees it: the page refreshes itself."""
    expect(page.locator(f"#line-{step}")).to_have_class(re.compile("is-done"), timeout=minutes * MINUTES)


def refuse_what_is_no_data(page, portal, source):
    page.goto(f"{portal.url}datasets/register/")
    page.fill("textarea[name=paths], input[name=paths], [name=path]", str(source[0] / "broken.h5"))
    page.get_by_role("button", name="Look into the files").click()
    expect(page.locator("#dry-run, .bad").first).to_contain_text("HDF5")


def register(page, portal, source):
    page.goto(f"{portal.url}datasets/register/")
    page.get_by_role("button", name=f"{source[0]}/").click()
    page.get_by_role("button", name="+ run_0007.cxi").click()
    page.get_by_role("button", name="Look into the files").click()
    expect(page.locator("#found-title")).to_contain_text(f"{N_FRAMES} frames", timeout=MINUTES)
    expect(page.locator(".preview")).to_be_visible()
    page.get_by_role("button", name="Register and sort").click()
    expect(page.locator("#line-data")).to_be_visible()


def look(page, dataset):
    page.goto(f"{dataset}clusters/")
    expect(page.locator("#map-status")).to_contain_text(f"{N_FRAMES} of {N_FRAMES} shown")
    expect(page.locator("#map .plotly, #map canvas, #map svg").first).to_be_visible()
    cards = page.locator("#gallery [data-cluster]")
    assert cards.count() >= 2
    draw_lasso(page, right=0.98)
    expect(page.locator("#sheet-title")).to_have_text("Frames in an area of the map")
    expect(page.locator("#sheet-status")).to_contain_text(re.compile(r"^\d+ frames"))
    expect(page.locator("#sheet-frames .thumb").first).to_be_visible()
    name_a_cluster_by_keys(page, "0", "bright rings")
    cards.first.locator("[data-open]").last.click()
    expect(page.locator("#sheet-frames .thumb").first).to_be_visible()
    cards.first.locator("a.thumb").first.click()
    expect(page.locator("#frame-canvas")).to_have_attribute("data-frame", re.compile(r"full \d+"))


def name_a_cluster_by_keys(page, cluster, name):
    title = page.locator(f"#gallery [data-cluster='{cluster}'] [data-name]")
    title.focus()
    page.keyboard.press("F2")
    page.keyboard.press("Control+a")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    expect(title).to_have_text(name)


def name_the_classes(page, dataset):
    page.goto(f"{dataset}label/")
    page.fill("textarea[name=names]", "\n".join(NAMES))
    page.fill("input[name=exclusive]", "")
    page.get_by_role("button", name="Use these classes").click()
    expect(page.locator("#label-classes [data-class]")).to_have_count(4)


def label_with_keys(page, classes, n_labels):
    """Label frames with keys alone: the class's key, then Space for the next."""
    expect(page.locator("#frame-title")).to_have_text(re.compile(r"Frame \d+"))
    for _ in range(n_labels):
        title = page.locator("#frame-title").inner_text()
        frame = int(re.search(r"\d+", title).group())
        page.keyboard.press(str(classes[frame] + 1))
        chip = page.locator(f'#label-classes [data-class="{NAMES[classes[frame]]}"]')
        expect(chip).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("Space")
        expect(page.locator("#frame-title")).not_to_have_text(title)
    expect(page.locator("#unsent-count")).to_have_text("0")
    expect(page.locator("#labelled-count")).to_have_text(str(n_labels))


def label_a_whole_cluster_and_undo(page, dataset):
    page.goto(f"{dataset}clusters/")
    page.locator("#gallery [data-cluster='0'] [data-open]").last.click()
    page.locator('.label-bar [data-class="first"]').click()
    apply = page.locator("#apply-labels")
    expect(apply).to_contain_text("bright rings")
    apply.click()
    confirm = page.locator("#confirm-labels [data-yes]")
    if confirm.is_visible():
        confirm.click()
    undo = page.locator("#undo-toast [data-undo]")
    expect(undo).to_be_visible()
    undo.click()
    page.goto(f"{dataset}label/")  # at once: what was asked for goes through although the page is left
    for _ in range(20):
        if page.locator("#labelled-count").inner_text() == "32":
            return
        time.sleep(0.5)
        page.reload()
    expect(page.locator("#labelled-count")).to_have_text("32")


def train_and_sort(page, dataset):
    page.goto(f"{dataset}classify/")
    page.get_by_role("button", name="Train and sort").click()
    wait_for_line(page, "sort", minutes=8)
    page.goto(f"{dataset}classify/")
    expect(page.locator("main")).to_contain_text("macro-F1", ignore_case=True)
    for name in NAMES:
        expect(page.locator("main")).to_contain_text(name)


def download(page, dataset, tmp_path):
    page.goto(f"{dataset}download/")
    wait_for_line(page, "download", minutes=2)
    page.goto(f"{dataset}download/")
    with page.expect_download() as started:
        page.get_by_role("link", name="manifest.csv").first.click()
    path = tmp_path / "manifest.csv"
    started.value.save_as(path)
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def check_manifest(rows, source):
    _, _, classes = source
    assert [int(row["index"]) for row in rows] == list(range(N_FRAMES))
    assert all(0 <= float(row[f"p_{name}"]) <= 1 for row in rows for name in NAMES)
    labelled = [row for row in rows if row["labelled_by"]]
    assert len(labelled) == 32
    assert {row["labelled_by"] for row in labelled} == {"vera"}
    right = [
        NAMES[classes[int(row["index"])]] in row["classes"].split(";") for row in rows if not row["label"]
    ]
    assert {row["cluster_name"] for row in rows if row["cluster"] == "0"} == {"bright rings"}
    # Four plainly different classes: guessing would be right for a quarter.
    assert np.mean(right) > 0.6


def sort_live(page, portal, source, dataset):
    folder, frames, _ = source
    watched = folder / "live"
    watched.mkdir()
    page.goto(f"{portal.url}live/")
    page.fill("input[name=name]", "night shift")
    page.fill("input[name=folder]", str(watched))
    page.locator("select[name=sorter]").select_option(index=1)
    page.get_by_role("button", name=re.compile("Start|Watch", re.I)).first.click()
    temporary = folder / "being-written"
    write_cxi(temporary, frames[:24])
    temporary.rename(watched / "shot_0001.cxi")
    expect(page.locator("main")).to_contain_text("24", timeout=MINUTES)
    page.get_by_role("button", name=re.compile("Stop", re.I)).first.click()
    expect(page.locator("main")).to_contain_text(re.compile("stopped|ended|done", re.I), timeout=MINUTES)


def test_the_main_job_from_a_path_to_a_sorted_manifest(browser, portal, source, tmp_path):
    page = sign_in(browser, portal, "vera")
    refuse_what_is_no_data(page, portal, source)
    register(page, portal, source)
    dataset = re.match(r".*/datasets/[0-9a-f-]+/", page.url).group()
    wait_for_line(page, "download", minutes=6)
    wait_for_line(page, "clusters", minutes=3)  # the map is drawn beside the manifest
    look(page, dataset)
    name_the_classes(page, dataset)
    label_with_keys(page, source[2], 32)
    label_a_whole_cluster_and_undo(page, dataset)
    train_and_sort(page, dataset)
    check_manifest(download(page, dataset, tmp_path), source)
    sort_live(page, portal, source, dataset)

    stranger = sign_in(browser, portal, "stranger")
    assert stranger.goto(dataset).status == 404
    assert "run_0007" not in stranger.goto(portal.url).text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_leaves_no_process_behind(tmp_path, number):
    folder = tmp_path / "data"
    folder.mkdir()
    portal = Portal(folder, tmp_path / "runs")
    portal.wait_until_up()
    assert len(processes_of(folder)) >= 6
    assert portal.stop(number) == 0
    deadline = time.monotonic() + 10
    while processes_of(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(folder) == []
