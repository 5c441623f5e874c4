"""A purity asked for by keys, refused or promised as one looks, and proved by reading frames in the blind."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import WatchedPage
from tests.webapp.manifests.promised import make_promise, read
from tests.webapp.world import World
from webapp.accounts.models import User
from webapp.labels.audits import frames_of
from webapp.labels.models import LabelEvent, SelectionAudit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def form_of(world: World, query: str = "") -> str:
    return reverse("manifests:dataset-write", args=[world.dataset.pk]) + query


def frames_shown(watched: WatchedPage, name: str) -> int:
    cell = watched.page.locator("#promise-rows tr", has_text=name).locator("td strong").first
    return int(cell.inner_text().replace(",", "").replace(" ", "").replace("\u202f", ""))


def test_arrow_keys_change_the_purity_and_the_number_of_frames_follows(
    watched: WatchedPage, world: World
) -> None:
    make_promise(world.dataset, world.product("classify"), 200)
    watched.open(form_of(world))
    field = watched.page.locator("#purity")
    field.focus()
    watched.page.keyboard.type("60")
    rows = watched.page.locator("#promise-rows")
    expect(rows).to_contain_text("60 %")
    at_sixty = frames_shown(watched, "Round")
    for _ in range(25):
        watched.page.keyboard.press("ArrowUp")
    expect(field).to_have_value("85")
    expect(rows).to_contain_text("85 %")
    assert 0 < frames_shown(watched, "Round") <= at_sixty
    expect(field).to_be_focused()
    watched.page.keyboard.press("Control+a")
    watched.page.keyboard.type("99")
    expect(rows).to_contain_text("Too few labels to promise anything")
    assert watched.faults == []


def test_the_form_with_promises_and_refusals_can_be_read_by_anybody(
    watched: WatchedPage, world: World, person: User
) -> None:
    make_promise(world.dataset, world.product("classify"), 120)
    assert watched.look(form_of(world, "?purity=80")) == []
    watched.page.locator("[data-theme-switch]").click()
    watched.page.get_by_role("button", name="blind").first.click()
    expect(watched.page.locator("#queue-mode")).to_have_value("picked")
    audit = SelectionAudit.objects.get()
    read(audit, person, 12, wrong=1)
    assert watched.look(form_of(world, "?purity=80&purity_0=99")) == []
    assert watched.look(reverse("manifests:dataset-download", args=[world.dataset.pk])) == []
    assert watched.look(reverse("labels:label-agreement", args=[world.dataset.pk])) == []


def test_an_audit_is_begun_from_the_form_and_read_by_keys_without_a_suggestion(
    watched: WatchedPage, world: World
) -> None:
    make_promise(world.dataset, world.product("classify"), 20)
    watched.open(form_of(world, "?purity=95"))
    row = watched.page.locator("#promise-rows tr", has_text="Round")
    row.get_by_role("button", name="blind").click()
    audit = SelectionAudit.objects.get()
    frames = frames_of(audit).tolist()
    expect(watched.page.locator("#queue-mode")).to_have_value("picked")
    expect(watched.page.locator("#queue-audit")).to_have_value(str(audit.pk))
    for place in range(2):
        expect(watched.page.locator("#frame-title")).to_have_text(f"Frame {frames[place]}")
        expect(watched.page.locator("#suggestion")).to_contain_text("blind")
        watched.page.keyboard.press("1")
        watched.page.keyboard.press("Space")
    expect(watched.page.locator("#frame-title")).to_have_text(f"Frame {frames[2]}")
    expect(watched.page.locator("#unsent-count")).to_have_text("0")
    readings = LabelEvent.objects.filter(purpose="picked")
    assert readings.count() == 2
    watched.open(form_of(world, "?purity=95"))
    expect(watched.page.locator("#promise-rows")).to_contain_text("2 of")
    expect(watched.page.locator("#promise-rows")).to_contain_text("audited, 0 wrong")
    assert watched.faults == []
