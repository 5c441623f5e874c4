import pytest
from django.urls import reverse

from tests.webapp.factories import make_group, make_user

pytestmark = pytest.mark.django_db


def test_a_stranger_is_sent_to_the_sign_in_page_and_back(client):
    make_user("ada", make_group())
    home = client.get(reverse("portal:home"))
    assert home.url == "/login/?next=/"
    answer = client.post("/login/", {"username": "ada", "password": "x", "next": "/jobs/"})
    assert answer.url == "/jobs/"


def test_a_wrong_password_is_told_without_saying_which_part_was_wrong(client):
    make_user("ada", make_group())
    known = client.post("/login/", {"username": "ada", "password": "wrong"}).content.decode()
    unknown = client.post("/login/", {"username": "nobody", "password": "wrong"}).content.decode()
    assert "do not belong together" in known
    assert "do not belong together" in unknown


def test_the_sign_in_page_does_not_lead_to_another_site(client):
    make_user("ada", make_group())
    answer = client.post("/login/", {"username": "ada", "password": "x", "next": "//elsewhere.example/"})
    assert answer.url == "/"


def test_signing_out_needs_a_post(client):
    client.force_login(make_user("ada", make_group()))
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").url == "/login/"
    assert client.get("/").status_code == 302
