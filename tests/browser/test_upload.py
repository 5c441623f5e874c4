"""Uploads as a person makes them: choose, watch the bar, pause, resume, close the browser, go on."""

import hashlib
import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from webapp.datasets.models import Dataset
from webapp.uploads import tus_views
from webapp.uploads.models import Upload
from webapp.uploads.storage import TurnLost

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MiB = 2**20
REGISTER = "/datasets/register/"


@pytest.fixture
def big(tmp_path):
    """Write a file of three chunks."""
    path = tmp_path / "night.h5"
    path.write_bytes(hashlib.sha256(b"seed").digest() * (MiB // 32) * 40)
    return path


def choose(page, *paths):
    page.locator("[data-input=files]").set_input_files(list(paths))


@pytest.fixture
def hold():
    """Let the server take the first chunk and no other, until the test lets go."""
    patch, receive = pytest.MonkeyPatch(), tus_views.receive

    def receive_first(part, *, offset, **rest):
        if offset:
            raise TurnLost
        return receive(part, offset=offset, **rest)

    patch.setattr(tus_views, "receive", receive_first)
    yield patch
    patch.undo()


def test_a_file_shows_its_bar_pauses_resumes_and_becomes_a_draft(watched, big, hold):
    page = watched.page
    watched.open(REGISTER)
    choose(page, big)
    row = page.locator(".upload-set li")
    expect(row.get_by_text("The connection is lost")).to_be_visible()
    row.get_by_role("button", name="Pause").click()
    expect(row.get_by_text("paused at 16.8 MB of 41.9 MB")).to_be_visible()
    if folder := os.environ.get("FRINGE_PICTURES"):
        page.screenshot(path=Path(folder) / "upload-dark.png", full_page=True)
        page.locator("[data-theme-switch]").click()
        page.screenshot(path=Path(folder) / "upload-light.png", full_page=True)
    assert row.locator("progress").evaluate("bar => bar.value") == pytest.approx(40, abs=1)
    shown = []
    page.expose_function("noteBar", lambda value: shown.append(value))
    row.locator("progress").evaluate(
        "bar => new MutationObserver(() => noteBar(bar.value)).observe(bar, { attributes: true })"
    )
    hold.undo()
    row.get_by_role("button", name="Resume").click()
    page.wait_for_url("**/draft/")
    assert shown
    assert min(shown) == pytest.approx(40, abs=1)
    file = Dataset.objects.get(name="night").source_files.get()
    assert Path(file.path).read_bytes() == big.read_bytes()


def test_a_pause_after_a_reload_shows_what_the_server_had_before(watched, big, hold):
    page = watched.page
    for _ in range(2):
        watched.open(REGISTER)
        choose(page, big)
        expect(page.get_by_text("The connection is lost")).to_be_visible()
    page.get_by_role("button", name="Pause night.h5").click()
    expect(page.get_by_text("paused at 16.8 MB of 41.9 MB")).to_be_visible()


def test_after_a_reload_in_the_middle_the_same_file_goes_on(watched, big, hold):
    page = watched.page
    watched.open(REGISTER)
    choose(page, big)
    expect(page.get_by_text("The connection is lost")).to_be_visible()
    hold.undo()
    watched.open(REGISTER)
    expect(page.get_by_text("Choose or drop the same file again to go on")).to_be_visible()
    offsets = []
    page.on(
        "request",
        lambda request: (
            offsets.append(request.headers.get("upload-offset")) if request.method == "PATCH" else 0
        ),
    )
    choose(page, big)
    page.wait_for_url("**/draft/")
    assert next(offset for offset in offsets if offset) == str(16 * MiB)
    assert Upload.objects.get(filename="night.h5").sha256 == hashlib.sha256(big.read_bytes()).hexdigest()


def test_several_files_become_one_data_set_and_a_wrong_one_is_left_out(watched, tmp_path):
    for name in ("part_1.h5", "part_2.h5", "notes.txt"):
        (tmp_path / name).write_bytes(name.encode() * 100)
    page = watched.page
    watched.open(REGISTER)
    page.locator("#upload-name").fill("both")
    choose(page, *(tmp_path / name for name in ("part_1.h5", "part_2.h5", "notes.txt")))
    page.wait_for_url("**/draft/")
    assert Dataset.objects.get(name="both").source_files.count() == 2


def test_a_refusal_of_the_server_is_shown_as_it_is(watched, tmp_path, settings):
    (tmp_path / "large.h5").write_bytes(b"x" * 5000)
    settings.UPLOAD_QUOTA_BYTES = 3000
    watched.open(REGISTER)
    choose(watched.page, tmp_path / "large.h5")
    words = watched.page.locator(".upload-set li").get_by_text("Remove unfinished uploads or data sets")
    expect(words).to_be_visible()


def test_an_upload_is_cancelled_and_leaves_nothing(watched, big, hold):
    page = watched.page
    watched.open(REGISTER)
    choose(page, big)
    expect(page.get_by_text("The connection is lost")).to_be_visible()
    hold.undo()
    page.get_by_role("button", name="Cancel night.h5").click()
    expect(page.locator(".upload-set")).to_have_count(0)
    assert not Upload.objects.filter(filename="night.h5").exists()
