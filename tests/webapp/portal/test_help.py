"""Help on every page, and where the tour goes."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import make_dataset, make_group, make_sorted_dataset, make_user
from tests.webapp.test_routes import QUERIES, ROUTES
from tests.webapp.world import make_world
from webapp.portal.demo import NAME
from webapp.portal.page_help import PAGES, ROOMS
from webapp.portal.tour import tour_for

pytestmark = pytest.mark.django_db


def test_every_page_says_what_it_is_for_and_leads_to_a_section_that_is_there() -> None:
    world = make_world("beam time 1")
    client = Client()
    client.force_login(make_user("ada", world.group))
    sections = re.findall(r' id="([^"]+)"', client.get(reverse("portal:help")).content.decode())
    n_pages = 0
    for route in (route for route in ROUTES if not route.name.startswith("accounts:log")):
        answer = client.get(route.url(world), QUERIES.get(route.name, {}))
        is_page = answer.status_code == 200 and not answer.streaming and b"<!doctype html>" in answer.content
        if is_page:
            text = answer.content.decode()
            assert "data-page-help" in text, route.name
            assert re.search(rf'href="{reverse("portal:help")}#([^"]+)"', text)[1] in sections, route.name
            n_pages += 1
    assert n_pages > 15


def test_every_help_names_a_section_of_the_article_and_a_route_that_is_there(client) -> None:
    client.force_login(make_user("ada", make_group()))
    sections = re.findall(r' id="([^"]+)"', client.get(reverse("portal:help")).content.decode())
    names = {route.name for route in ROUTES}
    assert set(PAGES) <= names
    assert {name.partition(":")[0] for name in names} - {"accounts"} == set(ROOMS)
    assert {each.section for each in [*PAGES.values(), *ROOMS.values()]} <= set(sections)


def test_the_contents_lead_to_every_section(client) -> None:
    client.force_login(make_user("ada", make_group()))
    text = client.get(reverse("portal:help")).content.decode()
    assert set(re.findall(r'<h2 id="([^"]+)"', text)) - {"page-help-title", "keys-title"} == set(
        re.findall(r'<li><a href="#([^"]+)"', text)
    )


def test_a_fault_of_nobodys_page_has_no_help(client) -> None:
    answer = client.get(reverse("accounts:login"))
    assert answer.status_code == 200
    assert "data-page-help" not in answer.content.decode()


def test_the_tour_goes_over_the_demo_data_and_else_over_the_newest_that_has_clusters() -> None:
    group = make_group()
    ada = make_user("ada", group)
    make_dataset(group, 20, "bare")
    assert tour_for(ada) is None
    demo = make_sorted_dataset(group, 30, NAME)
    newer = make_sorted_dataset(group, 30, "run 8")
    assert tour_for(ada).dataset == demo
    demo.name = "renamed"
    demo.save()
    assert (tour_for(ada).dataset, tour_for(ada).is_demo) == (newer, False)
    assert tour_for(make_user("eve", make_group("other"))) is None


def test_home_offers_the_tour_on_the_demo_data_alone(client) -> None:
    group = make_group()
    client.force_login(make_user("ada", group))
    dataset = make_sorted_dataset(group, 30, "run 8")
    assert "data-tour-start" not in client.get(reverse("portal:home")).content.decode()
    assert "Take the tour on run 8" in client.get(reverse("portal:help")).content.decode()
    dataset.name = NAME
    dataset.save()
    text = client.get(reverse("portal:home")).content.decode()
    assert "Take the tour on the demo data" in text
    assert reverse("manifests:dataset-download", args=[dataset.pk]) in text


def test_an_empty_portal_names_the_three_ways_to_begin(client) -> None:
    client.force_login(make_user("ada", make_group()))
    text = client.get(reverse("portal:home")).content.decode()
    for words in ("The files are on the server", "The files are here", "No data at hand"):
        assert words in text
    upload = re.search(r'href="([^"]+)#(upload[^"]*)"', text)
    assert f'id="{upload[2]}"' in client.get(upload[1]).content.decode()
