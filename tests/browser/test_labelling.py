"""Labelling like a person: by keys alone, in grids, in the blind, on another day, without a connection."""

import uuid
from datetime import timedelta

import numpy as np
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import WatchedPage
from tests.webapp.factories import make_user
from tests.webapp.world import World
from webapp.accounts.models import User
from webapp.labels.frames import unpack_frames
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.readings import record_reading
from webapp.labels.selectors import label_entries
from webapp.labels.services import label_frames
from webapp.labels.state_cache import current_labels

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
N_EVENTS = 2  # what the world holds
FIRST = 24  # the first frame that the world has not labelled


def open_labelling(watched: WatchedPage, world: World, query: str = "") -> Page:
    watched.open(reverse("labels:dataset-label", args=[world.dataset.pk]) + query)
    return watched.page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def expect_sent(page: Page) -> None:
    expect(page.locator("#unsent-count")).to_have_text("0")


def expect_frame(page: Page, frame: int) -> None:
    expect(page.locator("#frame-title")).to_have_text(f"Frame {frame}")


def labels_of(world: World, frames: list[int]) -> list[list[str] | None]:
    scheme = ClassScheme.objects.get(dataset=world.dataset)
    entries = label_entries(scheme, current_labels(world.dataset), np.array(frames))
    return [entry["classes"] for entry in entries]


def exclude(world: World, *names: str) -> None:
    scheme = ClassScheme.objects.get(dataset=world.dataset)
    scheme.excludes = [list(names)]
    scheme.save()


def test_a_key_lights_out_the_classes_that_it_excludes(watched: WatchedPage, world: World) -> None:
    exclude(world, "Round", "Elliptical")
    page = open_labelling(watched, world)
    expect_frame(page, FIRST)
    chips = {
        name: page.locator(f'#label-classes [data-class="{name}"]')
        for name in ("Round", "Elliptical", "Streak")
    }
    press(page, "1", "3")
    expect(chips["Round"]).to_have_attribute("aria-pressed", "true")
    press(page, "2")
    expect(chips["Round"]).to_have_attribute("aria-pressed", "false")
    expect(chips["Elliptical"]).to_have_attribute("aria-pressed", "true")
    expect(chips["Streak"]).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#label-status")).to_contain_text("Round taken away")
    expect_sent(page)
    assert labels_of(world, [FIRST]) == [["Elliptical", "Streak"]]
    assert watched.faults == []


def test_suggestions_are_shown_as_such_and_taken_with_one_key(watched: WatchedPage, world: World) -> None:
    page = open_labelling(watched, world)
    expect(page.locator("#suggestion")).to_contain_text("network, ")
    suggested = page.locator("#label-classes .is-suggested")
    expect(suggested).to_have_count(1)
    expect(suggested).to_have_attribute("aria-pressed", "false")
    name = suggested.get_attribute("data-class")
    assert labels_of(world, [FIRST]) == [None]
    press(page, "Enter")
    expect_frame(page, FIRST + 1)
    expect_sent(page)
    assert labels_of(world, [FIRST]) == [[name]]


def test_a_page_of_the_grid_is_labelled_by_keys_alone(watched: WatchedPage, world: World) -> None:
    page = open_labelling(watched, world)
    expect_frame(page, FIRST)
    press(page, "g", "3")
    tiles = page.locator("#grid-frames .grid-frame")
    expect(tiles).to_have_count(24)
    expect(page.locator("#grid-title")).to_have_text("Which of these are not Streak?")
    press(page, "ArrowRight", "Space", "ArrowRight", "ArrowRight", "Space")
    expect(page.locator("#grid-words")).to_have_text("Streak: 22 yes, 2 no")
    press(page, "Enter")
    expect(tiles.first).to_have_attribute("data-frame", str(FIRST + 24))
    expect(page.locator("#label-status")).to_have_text("Streak: 22 yes, 2 no")
    expect_sent(page)
    expected = [None if frame in (FIRST + 1, FIRST + 3) else ["Streak"] for frame in range(FIRST, FIRST + 24)]
    assert labels_of(world, list(range(FIRST, FIRST + 24))) == expected
    press(page, "Control+z")
    expect(page.locator("#label-status")).to_contain_text("Undone: Streak: 22 yes")
    expect_sent(page)
    assert labels_of(world, [FIRST, FIRST + 2]) == [None, None]
    press(page, "g")
    expect(page.locator("#label-stage")).to_be_visible()
    assert watched.faults == []


def test_what_is_labelled_as_a_class_is_checked_in_a_grid(watched: WatchedPage, world: World) -> None:
    page = open_labelling(watched, world)
    expect_frame(page, FIRST)
    page.locator("#queue-mode").select_option("labelled")
    page.locator("#queue-labelled").select_option("Streak")
    expect_frame(page, 12)
    page.get_by_role("button", name="Grid G").click()
    tiles = page.locator("#grid-frames .grid-frame")
    expect(tiles).to_have_count(12)
    tiles.nth(2).click()
    expect(page.locator("#grid-words")).to_have_text("Streak: 11 stay, 1 taken away")
    page.locator("#grid-apply").click()
    expect(page.locator("#grid-words")).to_have_text("No frame is left")
    expect_sent(page)
    assert labels_of(world, [13, 14, 15]) == [["Streak"], [], ["Streak"]]
    assert LabelEvent.objects.count() == N_EVENTS + 1


def test_what_was_labelled_yesterday_is_undone_and_done_again(
    watched: WatchedPage, world: World, person: User
) -> None:
    mine = label_frames(
        dataset=world.dataset, frames=np.array([40, 41]), operation="set", classes=["Round"], user=person
    )
    LabelEvent.objects.filter(pk=mine.pk).update(created_at=timezone.now() - timedelta(days=1))
    page = open_labelling(watched, world)
    expect_frame(page, FIRST)
    press(page, "1")
    expect_sent(page)
    press(page, "Control+z")
    expect(page.locator("#label-status")).to_have_text(f"Undone: frame {FIRST} is unlabelled")
    expect_sent(page)
    press(page, "Control+z")
    expect(page.locator("#label-status")).to_have_text("Undone: Round, 2 frames")
    expect_sent(page)
    assert labels_of(world, [FIRST, 40, 41]) == [None, None, None]
    press(page, "Control+Shift+z")
    expect(page.locator("#label-status")).to_have_text("Done again: Round, 2 frames")
    expect_sent(page)
    assert labels_of(world, [40, 41]) == [["Round"], ["Round"]]
    press(page, "Control+z")
    expect_sent(page)
    press(page, "Control+z")
    expect(page.locator("#label-status")).to_have_text("There is nothing of yours to undo.")
    assert labels_of(world, [0, 40]) == [["Round"], None]


def test_the_list_of_acts_takes_back_what_others_did(watched: WatchedPage, world: World) -> None:
    page = open_labelling(watched, world)
    page.get_by_text("What was labelled last").click()
    expect(page.locator("#acts-list li")).to_have_count(N_EVENTS)
    page.get_by_role("button", name="Undo Streak, 12 frames").click()
    expect(page.get_by_role("button", name="Redo Streak, 12 frames")).to_be_visible()
    expect(page.locator("#labelled-count")).to_have_text("12")
    page.locator("#acts-whose").select_option("1")
    expect(page.locator("#acts-empty")).to_have_text("Nothing was labelled yet.")
    assert labels_of(world, [3, 15]) == [["Round"], None]


def test_a_second_reading_shows_no_label_and_changes_none(watched: WatchedPage, world: World) -> None:
    page = open_labelling(watched, world)
    expect_frame(page, FIRST)
    page.locator("#queue-mode").select_option("second")
    expect(page.locator("#frame-link")).to_be_hidden()
    expect(page.locator("#acts")).to_be_hidden()
    expect(page.locator("#suggestion")).to_have_text("none, this is a blind reading")
    expect(page.locator('#label-classes [aria-pressed="true"]')).to_have_count(0)
    press(page, "2")
    expect_sent(page)
    reading = LabelEvent.objects.get(purpose="second")
    frame = int(unpack_frames(reading.frames)[0])
    assert (reading.created_by.username, reading.first_mask) == ("ada", 1 if frame < 12 else 4)
    assert labels_of(world, [frame]) == [["Round" if frame < 12 else "Streak"]]
    page.goto(watched.home + reverse("labels:label-agreement", args=[world.dataset.pk]))
    page.get_by_role("link", name="Settle 1 disputed frame").click()
    expect_frame(page, frame)
    expect(page.locator("#label-said")).to_contain_text("ada, blind: Elliptical")
    press(page, "1" if frame < 12 else "3", "2")
    expect_sent(page)
    assert labels_of(world, [frame]) == [["Elliptical"]]
    assert LabelEvent.objects.filter(purpose="settle").exists()


def test_a_repeat_comes_without_being_told(watched: WatchedPage, world: World) -> None:
    ClassScheme.objects.update(repeat_every=2)
    label_frames(dataset=world.dataset, frames=np.arange(24, 270), operation="set", classes=["Round"])
    page = open_labelling(watched, world)
    seen = []
    for _ in range(20):
        seen.append(int(page.locator("#frame-title").inner_text().split()[1]))
        expect(page.locator("#frame-link")).to_be_visible()
        press(page, "2", "ArrowRight")
        page.wait_for_timeout(50)
    expect_sent(page)
    repeats = [frame for frame in seen if frame < 270]
    assert repeats, "each second frame is followed by one, so that twenty without are one chance in a million"
    readings = LabelEvent.objects.filter(purpose="repeat")
    assert {int(unpack_frames(event.frames)[0]) for event in readings} == set(repeats)
    assert all(label != ["Elliptical"] for label in labels_of(world, repeats))


def test_labels_outlive_a_lost_connection_and_arrive_once(
    watched: WatchedPage, context: BrowserContext, world: World
) -> None:
    page = open_labelling(watched, world)
    expect_frame(page, FIRST)
    context.set_offline(True)
    for place, key in enumerate("13243"):
        press(page, key)
        expect(page.locator('#label-classes [aria-pressed="true"]')).to_have_count(1)
        expect(page.locator("#unsent-count")).to_have_text(str(place + 1))
        press(page, "ArrowRight")
        expect_frame(page, FIRST + place + 1)
    expect(page.locator("#label-error")).to_contain_text("5 unsent labels are kept here")
    assert LabelEvent.objects.count() == N_EVENTS
    page.close()
    context.set_offline(False)
    watched = WatchedPage(context.new_page(), watched.home)
    page = open_labelling(watched, world)
    expect_sent(page)
    expect(page.locator("#labelled-count")).to_have_text("29")
    expected = [["Round"], ["Streak"], ["Elliptical"], ["Empty"], ["Streak"]]
    assert labels_of(world, list(range(FIRST, FIRST + 5))) == expected
    assert LabelEvent.objects.count() == N_EVENTS + 5


def test_an_answer_that_was_lost_does_not_double_the_label(
    watched: WatchedPage, context: BrowserContext, world: World
) -> None:
    page = open_labelling(watched, world)
    expect_frame(page, FIRST)
    lost: list[str] = []

    def lose(route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().text())
        route.abort()

    page.route("**/label/apply/", lose)
    press(page, "1")
    expect(page.locator("#unsent-count")).to_have_text("1")
    expect_sent(page)
    assert len(lost) == 1
    assert LabelEvent.objects.count() == N_EVENTS + 1


def test_a_viewer_is_told_and_cannot_label(visitor: BrowserContext, live_server, world: World) -> None:
    client = Client()
    client.force_login(make_user("vera", world.group, "viewer"))
    name = settings.SESSION_COOKIE_NAME
    visitor.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    watched = WatchedPage(visitor.new_page(), live_server.url)
    page = open_labelling(watched, world)
    expect_frame(page, FIRST)
    press(page, "1")
    expect(page.locator("#label-status")).to_have_text("You are a viewer of this group and cannot label.")
    press(page, "g")
    expect(page.locator("#grid-words")).to_have_text("Viewers cannot label")
    expect(page.locator("#grid-apply")).to_be_disabled()
    assert LabelEvent.objects.count() == N_EVENTS


def test_the_pages_about_labelling_are_sound(watched: WatchedPage, world: World) -> None:
    ben = make_user("ben", world.group)
    for frame in range(22):
        record_reading(
            dataset=world.dataset, frames=np.array([frame]), operation="set", purpose="second", user=ben,
            classes=["Round"] if frame % 3 else ["Streak"], client_id=uuid.uuid4(),
        )  # fmt: skip
    names = ("scheme-edit", "label-board", "label-agreement", "dataset-label")
    paths = [reverse(f"labels:{name}", args=[world.dataset.pk]) for name in names]
    assert [fault for path in paths for fault in watched.look(path)] == []


def test_the_bar_of_the_clusters_page_lets_an_excluded_class_go(watched: WatchedPage, world: World) -> None:
    exclude(world, "Round", "Elliptical")
    watched.open(reverse("explore:dataset-clusters", args=[world.dataset.pk]) + "?cluster=0")
    chips = {
        name: watched.page.locator(f'.label-bar [data-class="{name}"]')
        for name in ("Round", "Elliptical", "Streak")
    }
    for name in ("Round", "Streak", "Elliptical"):
        chips[name].click()
    expect(chips["Round"]).to_have_attribute("aria-pressed", "false")
    expect(watched.page.locator("#apply-labels")).to_contain_text("Apply Streak and Elliptical to")
    assert watched.faults == []


def test_the_board_links_to_the_frames_of_a_class(watched: WatchedPage, world: World) -> None:
    watched.open(reverse("labels:label-board", args=[world.dataset.pk]))
    watched.page.get_by_role("row", name="Streak 12").get_by_role("link").click()
    expect(watched.page.locator("#sheet-title")).to_have_text("Frames labelled Streak")
    expect(watched.page.locator("#sheet-status")).to_contain_text("12 frames")


def test_a_whole_cluster_labelled_without_a_connection_is_kept_and_arrives_once(
    watched: WatchedPage, context: BrowserContext, world: World
) -> None:
    watched.open(reverse("explore:dataset-clusters", args=[world.dataset.pk]) + "?cluster=2")
    page = watched.page
    page.locator('.label-bar [data-class="Streak"]').click()
    button = page.locator("#apply-labels")
    expect(button).to_contain_text("Apply Streak to")
    context.set_offline(True)
    button.click()
    if page.locator("#confirm-labels").is_visible():
        page.locator("#confirm-labels [data-yes]").click()
    expect(page.locator("#undo-toast")).to_contain_text("1 unsent label is kept here")
    assert LabelEvent.objects.count() == N_EVENTS
    page.close()
    context.set_offline(False)
    watched = WatchedPage(context.new_page(), watched.home)
    page = open_labelling(watched, world)
    expect_sent(page)
    event = LabelEvent.objects.latest("pk")
    assert (event.operation, event.created_by.username) == ("add", "ada")
    assert event.scope.startswith("cluster 2 as a whole")
    assert LabelEvent.objects.count() == N_EVENTS + 1


def test_who_changes_the_queue_twice_at_once_sees_the_first_frame_of_the_second(
    watched: WatchedPage, world: World
) -> None:
    page = open_labelling(watched, world)
    expect_frame(page, FIRST)
    asked = []

    def late(route) -> None:  # the first answer comes after the second
        asked.append(route.request.url)
        if len(asked) == 1:
            page.wait_for_timeout(300)
        route.continue_()

    page.route("**/label/queue/**", late)
    page.evaluate(
        """() => {
          const change = (id, value) => {
            document.getElementById(id).value = value;
            document.getElementById(id).dispatchEvent(new Event("change"));
          };
          change("queue-mode", "labelled");
          change("queue-labelled", "Streak");
        }"""
    )
    expect_frame(page, 12)
    page.wait_for_timeout(600)
    expect_frame(page, 12)
    assert len(asked) >= 2
