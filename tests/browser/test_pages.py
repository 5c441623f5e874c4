"""Every page in both themes, the keyboard alone, and labels that outlive a broken connection."""

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import BrowserContext, Error, Page, expect

from tests.browser.conftest import AXE, RUN_AXE, WatchedPage
from tests.webapp.test_routes import QUERIES, ROUTES
from tests.webapp.world import World
from webapp.accounts.models import User
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.selectors import label_entries
from webapp.labels.state_cache import current_labels

N_EVENTS = 2  # what the world holds
SPOIL = """() => {
  const image = document.createElement("img");
  image.src = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=";
  document.querySelector("main").append(image);
  document.querySelector("main").insertAdjacentHTML("beforeend", '<p style="color: red"></p>');
}"""
ELSEWHERE = "http://127.0.0.2:9/"
FOCUS = """() => {
  const element = document.activeElement;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
  const isSeen = (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none";
  return { isSeen, name: element.outerHTML.slice(0, 90) };
}"""

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def addresses(world: World) -> dict[str, str]:
    """Return the address of an example of every page."""
    dataset, frame = {"pk": world.dataset.pk}, {"pk": world.dataset.pk, "index": 3}
    names = {
        "portal:home": {},
        "portal:help": {},
        "portal:group-detail": {"pk": world.group.pk},
        "portal:dataset-detail": dataset,
        "portal:dataset-compare": dataset,
        "portal:dataset-runs": dataset,
        "datasets:dataset-recipe": dataset,
        "datasets:dataset-register": {},
        "datasets:dataset-draft": {"pk": world.draft.pk},
        "networks:dataset-learn": dataset,
        "networks:network-list": {},
        "explore:dataset-clusters": dataset,
        "explore:frame-detail": frame,
        "labels:dataset-label": dataset,
        "labels:label-board": dataset,
        "labels:label-agreement": dataset,
        "labels:scheme-edit": dataset,
        "manifests:dataset-classify": dataset,
        "manifests:dataset-download": dataset,
        "manifests:networks-compare": dataset,
        "manifests:dataset-write": dataset,
        "jobs:job-list": {},
        "notices:list": {},
        "notices:settings": {},
        "jobs:job-detail": {"pk": world.running.pk},
        "live:session-list": {},
        "live:session-detail": {"pk": world.session.pk},
    }
    found = {name: reverse(name, kwargs=values) for name, values in names.items()}
    found["networks:network-detail"] = reverse("networks:network-detail", args=[world.product("learn").pk])
    found["labels:label-file"] = reverse("labels:label-file", args=[world.product("label-file").pk])
    found["the classifier"] = reverse("networks:network-detail", args=[world.product("train").pk])
    found["nothing to compare"] = reverse("portal:dataset-compare", args=[world.draft.pk])
    found["a failed job"] = reverse("jobs:job-detail", args=[world.failed.pk])
    found["jobs:job-list"] += "?show=all"
    found["explore:dataset-clusters"] += "?cluster=0"
    found["the first visit"] = reverse("labels:dataset-label", args=[world.draft.pk])
    found["nothing sorted"] = reverse("manifests:dataset-classify", args=[world.draft.pk])
    found["manifests:dataset-class"] = reverse("manifests:dataset-class", kwargs=dataset) + "?class=Round"
    return found


def test_every_page_is_sound_in_both_themes(watched: WatchedPage, world: World) -> None:
    found = [fault for path in addresses(world).values() for fault in watched.look(path)]
    assert found == []


def test_every_route_that_answers_a_page_is_among_those_looked_at(world: World, person: User) -> None:
    client, looked_at, missing = Client(), set(addresses(world)), []
    client.force_login(person)
    for route in (route for route in ROUTES if not route.name.startswith("accounts:log")):
        answer = client.get(route.url(world), QUERIES.get(route.name, {}))
        is_page = (
            answer.status_code == 200 and not answer.streaming and answer.content[:15] == b"<!doctype html>"
        )
        if is_page and route.name not in looked_at:
            missing.append(route.name)
    assert missing == []


def test_a_fault_would_be_noticed(watched: WatchedPage) -> None:
    watched.open("/help/")
    watched.page.evaluate(SPOIL)
    watched.page.evaluate(AXE)
    assert [fault.split(":")[0] for fault in watched.page.evaluate(RUN_AXE)] == ["image-alt"]
    assert any(fault.startswith("style-src") for fault in watched.page.evaluate("window.brokenPolicies"))
    assert any("Content Security Policy" in fault for fault in watched.faults)
    with pytest.raises(Error, match="ERR_"):
        watched.page.goto(ELSEWHERE)
    assert f"other origin: {ELSEWHERE}" in watched.faults


def test_pages_for_everybody_are_sound(visitor: BrowserContext, live_server) -> None:
    page = WatchedPage(visitor.new_page(), live_server.url)
    assert page.look("/login/?next=/help/") == []
    page.page.get_by_label("Name").fill("nobody")
    page.page.get_by_label("Password").fill("wrong")
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_role("alert")).to_be_visible()
    page.page.evaluate(AXE)
    assert page.page.evaluate(RUN_AXE) == []


def test_signing_in_leads_to_where_one_wanted_to_go(visitor: BrowserContext, live_server, person) -> None:
    page = visitor.new_page()
    page.goto(live_server.url + "/networks/")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("x")
    page.keyboard.press("Enter")
    page.wait_for_url("**/networks/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Networks")


def test_a_page_that_is_not_there_is_sound_and_leads_home(watched: WatchedPage) -> None:
    assert watched.look("/datasets/00000000-0000-0000-0000-000000000000/") == []
    expect(watched.page.get_by_role("link", name="To my data sets")).to_be_visible()


def test_the_map_sends_nothing_to_a_cloud(watched: WatchedPage, world: World) -> None:
    watched.open(addresses(world)["explore:dataset-clusters"])
    watched.page.locator("#map .modebar-btn").first.wait_for(state="attached")
    config = watched.page.evaluate("document.getElementById('map')._context")
    buttons = watched.page.locator("#map .modebar-btn").evaluate_all(
        "all => all.map((each) => each.outerHTML)"
    )
    assert (config["showSendToCloud"], config["plotlyServerURL"], config["displaylogo"]) == (False, "", False)
    assert buttons
    assert not [html for html in buttons if "cloud" in html.lower() or "logo" in html.lower()]


def test_tab_reaches_the_skip_link_first_and_every_stop_is_seen(watched: WatchedPage, world: World) -> None:
    watched.open(addresses(world)["labels:dataset-label"])
    keyboard, page = watched.page.keyboard, watched.page
    keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    stops = []
    while len(stops) < 80 and page.evaluate("document.activeElement !== document.body"):
        stops.append(page.evaluate(FOCUS))
        keyboard.press("Tab")
    assert len(stops) > 20
    assert [stop["name"] for stop in stops if not stop["isSeen"]] == []
    page.locator(".skip-link").focus()
    keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_the_keys_open_and_close_and_stay_away_from_fields(watched: WatchedPage, world: World) -> None:
    watched.open(addresses(world)["labels:dataset-label"])
    keyboard, keys = watched.page.keyboard, watched.page.locator("#keys")
    keyboard.press("?")
    expect(keys).to_be_visible()
    expect(keys).to_contain_text("Elliptical")
    keyboard.press("2")
    keyboard.press("Escape")
    expect(keys).to_be_hidden()
    watched.page.get_by_text("More classes, labels from a file").click()
    field = watched.page.get_by_label("New class")
    field.focus()
    keyboard.type("2?")
    expect(field).to_have_value("2?")
    expect(keys).to_be_hidden()
    assert LabelEvent.objects.count() == N_EVENTS


def test_frames_are_labelled_by_keys_alone(watched: WatchedPage, world: World) -> None:
    watched.open(addresses(world)["labels:dataset-label"])
    page = watched.page
    expect(page.locator("#frame-title")).to_have_text("Frame 24")
    for key in ("1", "ArrowRight", "2", "3", "ArrowRight", "3", "Control+z"):
        page.keyboard.press(key)
    expect(page.locator("#label-status")).to_have_text("Undone: frame 26 is unlabelled")
    wait_until_sent(page)
    assert labels_of(world, [24, 25, 26]) == [{"Round"}, {"Elliptical", "Streak"}, None]
    assert set(LabelEvent.objects.order_by("-pk").values_list("created_by__username", flat=True)[:5]) == {
        "ada"
    }
    assert watched.faults == []


def test_a_label_given_offline_is_kept_counted_and_sent(
    watched: WatchedPage, context: BrowserContext, world: World
) -> None:
    watched.open(addresses(world)["labels:dataset-label"])
    expect(watched.page.locator("#frame-title")).to_have_text("Frame 24")
    context.set_offline(True)
    watched.page.keyboard.press("1")
    expect(watched.page.locator("#unsent-count")).to_have_text("1")
    expect(watched.page.get_by_role("alert")).to_contain_text("1 unsent label is kept here")
    expect(watched.page.get_by_role("button", name="Round")).to_have_attribute("aria-pressed", "true")
    assert LabelEvent.objects.count() == N_EVENTS
    context.set_offline(False)
    wait_until_sent(watched.page)
    expect(watched.page.locator("#label-error")).to_be_hidden()
    assert labels_of(world, [24]) == [{"Round"}]


def test_a_label_given_offline_outlives_the_page(
    watched: WatchedPage, context: BrowserContext, world: World
) -> None:
    path = addresses(world)["labels:dataset-label"]
    watched.open(path)
    context.set_offline(True)
    watched.page.keyboard.press("4")
    expect(watched.page.locator("#unsent-count")).to_have_text("1")
    watched.page.close()
    context.set_offline(False)
    later = WatchedPage(context.new_page(), watched.home)
    later.open(path)
    wait_until_sent(later.page)
    assert labels_of(world, [24]) == [{"Empty"}]
    assert LabelEvent.objects.count() == N_EVENTS + 1


def wait_until_sent(page: Page) -> None:
    expect(page.locator("#unsent-count")).to_have_text("0")


def labels_of(world: World, frames: list[int]) -> list[set[str] | None]:
    """Return what the database says that frames are called; None where nobody has said anything."""
    scheme = ClassScheme.objects.get(dataset=world.dataset)
    entries = label_entries(scheme, current_labels(world.dataset), np.array(frames))
    return [None if entry["classes"] is None else set(entry["classes"]) for entry in entries]
