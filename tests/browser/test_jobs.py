"""The list and the page of jobs while they move, and what one does with their results."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import WatchedPage
from tests.webapp.world import World
from webapp.accounts.models import User
from webapp.jobs.models import Job, State
from webapp.jobs.services import end_job, submit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

POSITION = "element => element.getBoundingClientRect().left"


def test_the_list_refreshes_without_moving_the_focus_or_its_columns(
    watched: WatchedPage, world: World
) -> None:
    watched.open(reverse("jobs:job-list"))
    page = watched.page
    cancel = page.locator(f"#cancel-{world.running.pk}")
    cancel.focus()
    handle = cancel.element_handle()
    left = cancel.evaluate(POSITION)
    world.running.shards.update(done=2_400, note="learning slowly, and with many words about it")
    submit(kind="index", group=world.group, dataset=world.dataset)
    expect(page.locator("#job-table")).to_contain_text("2\u202f400 of 3\u202f000 steps")
    expect(page.locator("#job-table")).to_contain_text("Next in the queue")
    assert handle.evaluate("element => element === document.activeElement")
    assert cancel.evaluate(POSITION) == left
    assert watched.faults == []


def test_a_job_that_ends_stays_in_its_row_and_the_list_then_rests(watched: WatchedPage, world: World) -> None:
    end_job(Job.objects.get(pk=world.session.job_id), State.CANCELLED)
    watched.open(reverse("jobs:job-list"))
    row = watched.page.locator(f"#row-{world.running.pk}")
    expect(row).to_contain_text("Running")
    end_job(world.running, State.FAILED, "The loss is not a number.")
    expect(row).to_contain_text("The loss is not a number.")
    watched.page.locator("#job-table:not([data-refresh])").wait_for()
    watched.page.wait_for_timeout(500)
    asked: list[str] = []
    watched.page.on("request", lambda request: asked.append(request.url))
    watched.page.wait_for_timeout(3_000)
    assert [url for url in asked if "/jobs/" in url] == []


def test_a_running_training_draws_its_loss_in_its_row(watched: WatchedPage, world: World) -> None:
    watched.open(reverse("jobs:job-list"))
    spark = watched.page.locator(f"#row-{world.running.pk} .spark polyline")
    expect(spark).to_be_visible()
    before = spark.get_attribute("points")
    Job.objects.filter(pk=world.running.pk).update(curve=[*world.running.curve, {"step": 900, "loss": 200.0}])
    expect(spark).not_to_have_attribute("points", before)
    assert watched.look(reverse("jobs:job-list") + "?show=all") == []


def test_results_and_runs_are_sound_in_both_themes(watched: WatchedPage, world: World) -> None:
    for name in ("portal:dataset-compare", "portal:dataset-runs"):
        assert watched.look(reverse(name, args=[world.dataset.pk])) == []


def test_a_notice_appears_on_whichever_page_one_is_and_is_marked_as_read_by_keys(
    watched: WatchedPage, world: World, person: User
) -> None:
    watched.open(reverse("portal:help"))
    page = watched.page
    expect(page.locator("[data-notice-count]")).to_be_hidden()
    job = submit(kind="index", group=world.group, dataset=world.dataset, user=person, params={"again": 1}).job
    end_job(job, State.FAILED, "A file is gone.")
    note = page.locator("#toasts .toast-note")
    expect(note).to_contain_text("Index frames of run of beam time 5123 failed")
    expect(page.locator("[data-notice-count]")).to_contain_text("1")
    note.get_by_role("button", name="Mark as read").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-notice-count]")).to_be_hidden()
    expect(note).to_have_count(0)
    watched.open(reverse("portal:home"))
    page.wait_for_timeout(4_000)
    expect(note).to_have_count(0)
    assert watched.look(reverse("notices:list")) == []
    assert watched.look(reverse("notices:settings")) == []


def test_a_cell_of_the_cross_table_leads_by_keys_to_its_frames(watched: WatchedPage, world: World) -> None:
    watched.open(reverse("portal:dataset-compare", args=[world.dataset.pk]))
    page = watched.page
    row = page.locator(".cross tbody tr").filter(has=page.get_by_role("rowheader", name="Cluster 0"))
    column = [cell.strip().split()[0] for cell in page.locator(".cross-head").all_inner_texts()].index(
        "Streak"
    )
    cell = row.locator("td").nth(column + 1).get_by_role("link")
    expected = int(cell.inner_text())
    assert expected > 0
    cell.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#sheet")).to_be_visible()
    expect(page.locator("#sheet")).to_contain_text("Streak")
    expect(page.locator("#sheet [data-frame]")).to_have_count(expected)
    assert watched.faults == []


def test_a_run_of_the_table_leads_to_its_frames(watched: WatchedPage, world: World) -> None:
    watched.open(reverse("portal:dataset-runs", args=[world.dataset.pk]))
    watched.page.locator("#run-0").click()
    expect(watched.page.locator("#sheet")).to_be_visible()
    expect(watched.page.locator("#sheet")).to_contain_text("300")
    assert watched.faults == []


def test_a_training_is_asked_for_again_in_its_form_filled_as_it_was(
    watched: WatchedPage, world: World
) -> None:
    world.failed.params = {"recipe": {"n_steps": 70, "gamma": 4.0}, "seed": 11}
    world.failed.save()
    watched.open(reverse("jobs:job-detail", args=[world.failed.pk]))
    page = watched.page
    page.get_by_role("link", name="Ask again with changes").click()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("11")
    expect(page.get_by_label("Steps", exact=True)).to_have_value("70")
    expect(page.locator("#again")).to_contain_text("gamma = 4.0")
    page.get_by_label("Steps", exact=True).fill("80")
    page.get_by_role("button", name="Learn", exact=True).click()
    expect(page.locator(".messages")).to_contain_text("on its way")
    job = Job.objects.filter(kind="learn").order_by("-created_at").first()
    assert job.params == {"recipe": {"n_steps": 80, "gamma": 4.0}, "seed": 11}
