"""What only a browser shows: keys, theme, polling that stops by itself."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

from tests.webapp.factories import make_dataset, make_group, make_user
from webapp.jobs.models import Job, State
from webapp.jobs.services import end_job, submit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def group(transactional_db):
    return make_group()


@pytest.fixture
def page(live_server, group, monkeypatch):
    # Playwright's synchronous interface runs an event loop in this thread, which Django takes for its own.
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    make_user("ada", group)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=["--no-sandbox"]
        )
        page = browser.new_page(base_url=live_server.url)
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on(
            "console", lambda line: page.faults.append(line.text) if "Content Security" in line.text else None
        )
        page.on("request", lambda request: page.faults.extend(foreign(request.url, live_server.url)))
        page.goto("/login/")
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill("x")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")
        yield page
        page.wait_for_load_state("networkidle")
        assert page.faults == []
        browser.close()


def foreign(url, home):
    return [] if url.startswith((home, "data:", "blob:")) else [url]


def is_open(page):
    return page.locator("#keys").evaluate("dialog => dialog.open")


def test_the_question_mark_opens_the_keys_but_not_while_one_writes(page):
    page.keyboard.press("?")
    assert is_open(page)
    page.keyboard.press("Escape")
    assert not is_open(page)
    page.goto("/datasets/register/")
    page.get_by_label("Paths").press("?")
    assert not is_open(page)
    assert page.get_by_label("Paths").input_value() == "?"


def test_single_keys_can_be_switched_off_for_good(page):
    page.keyboard.press("?")
    page.get_by_label("Single keys are commands").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("?")
    assert not is_open(page)


def test_the_theme_is_kept(page):
    theme = "document.documentElement.dataset.bsTheme"
    assert page.evaluate(theme) == "dark"
    page.get_by_role("button", name="Light").click()
    assert page.evaluate(theme) == "light"
    page.goto("/jobs/")
    assert page.evaluate(theme) == "light"


def test_polling_shows_the_end_of_a_job_and_stops(page, group):
    job = submit(kind="index", group=group, dataset=make_dataset(group, 300)).job
    polls = []
    page.on("request", lambda request: polls.append(request) if request.headers.get("hx-request") else None)
    page.goto(f"/jobs/{job.pk}/")
    end_job(Job.objects.get(pk=job.pk), State.FAILED, "The disk is full.")
    page.get_by_text("The disk is full.").wait_for()
    n_polls = len(polls)
    page.wait_for_timeout(3000)
    assert len(polls) == n_polls


def test_a_file_is_chosen_by_the_keyboard_alone(page, tmp_path, settings):
    settings.ALLOWED_ROOTS = [tmp_path]
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / "run 4.h5").write_bytes(b"x")
    page.goto("/datasets/register/")
    page.locator("[data-folder]").first.press("Enter")
    page.get_by_role("button", name="night/").press("Enter")
    page.get_by_role("button", name="+ run 4.h5").press("Enter")
    assert page.get_by_label("Paths").input_value() == str(tmp_path / "night" / "run 4.h5")
