import io
import sys

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from webapp.accounts.models import Membership, User

pytestmark = pytest.mark.django_db


def add(monkeypatch, password, *arguments):
    monkeypatch.setattr(sys, "stdin", io.StringIO(password + "\n"))
    call_command("adduser", *arguments, stdout=io.StringIO())


def test_a_person_is_added_with_group_and_role(monkeypatch):
    add(monkeypatch, "correct horse battery", "ada", "--group", "run 7", "--role", "owner")
    user = User.objects.get(username="ada")
    assert user.check_password("correct horse battery")
    assert not user.is_staff
    assert Membership.objects.get(user=user, group__name="run 7").role == "owner"


@pytest.mark.parametrize("password", ["short", "password123", ""])
def test_a_weak_password_is_refused_and_nothing_is_added(monkeypatch, password):
    with pytest.raises(CommandError):
        add(monkeypatch, password, "ada")
    assert not User.objects.exists()


def test_a_name_is_given_once(monkeypatch):
    add(monkeypatch, "correct horse battery", "ada")
    with pytest.raises(CommandError, match="already"):
        add(monkeypatch, "correct horse battery", "ada")


def test_a_name_with_a_blank_is_refused(monkeypatch):
    with pytest.raises(CommandError, match="cannot be a name"):
        add(monkeypatch, "correct horse battery", "a da")
