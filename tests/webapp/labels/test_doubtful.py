"""The queue of labels that look wrong: what stands in it, in which order, and what takes a frame out."""

import uuid

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import make_classified, make_group, make_sorted_dataset, make_user
from tests.webapp.judged import judge
from webapp.labels.models import LabelEvent
from webapp.labels.queues import Queue, desk_of, next_frames, offered
from webapp.labels.services import create_scheme, label_frames, undo_event

pytestmark = pytest.mark.django_db
CLASSES = ("Round", "Elliptical", "Streak", "Empty")
DOUBTED = {4: 0.30, 9: 0.02, 15: 0.11}
"""Frames labelled Round, and how sure the fits are of that; of the rest is Streak."""


@pytest.fixture
def dataset():
    dataset = make_sorted_dataset(make_group(), 120)
    create_scheme(dataset=dataset, names=CLASSES)
    label_frames(dataset=dataset, frames=np.arange(20), operation="set", classes=["Round"])
    judge(make_classified(dataset, CLASSES).input("network"), DOUBTED, given="Round", said="Streak", n=20)
    return dataset


@pytest.fixture
def ada(dataset):
    return make_user("ada", dataset.group)


def asked(dataset, user, seed: int = 0) -> list[int]:
    return next_frames(desk_of(dataset, dataset.scheme, user), Queue("doubtful", seed), 0, 12)[0].tolist()


def entries(dataset, user) -> list[dict]:
    client = Client()
    client.force_login(user)
    answer = client.get(reverse("labels:label-queue", args=[dataset.pk]), {"mode": "doubtful", "seed": 5})
    assert answer.status_code == 200
    return answer.json()["frames"]


def post(dataset, user, **body) -> None:
    client = Client()
    client.force_login(user)
    address = reverse("labels:label-apply", args=[dataset.pk])
    body = {"operation": "set", "client_id": str(uuid.uuid4()), "purpose": "settle", **body}
    assert client.post(address, body, content_type="application/json").status_code == 200


def test_the_label_that_is_believed_least_comes_first(dataset, ada):
    assert asked(dataset, ada) == [9, 15, 4]


def test_a_frame_comes_with_its_label_and_what_the_fits_say_instead_of_the_network(dataset, ada):
    first = entries(dataset, ada)[0]
    assert (first["index"], first["classes"], first["purpose"]) == (9, ["Round"], "settle")
    assert first["suggestion"]["classes"] == ["Streak"]
    assert first["suggestion"]["source"] == "fits that had not seen this label, only 2% sure of Round"


def test_a_label_that_stands_is_not_asked_about_again_until_that_is_undone(dataset, ada):
    post(dataset, ada, scope={"frames": [9]}, classes=["Round"])
    assert asked(dataset, ada, 1) == [15, 4]
    undo_event(event=LabelEvent.objects.get(purpose="settle"), user=ada)
    assert asked(dataset, ada, 2) == [9, 15, 4]


def test_a_label_that_was_changed_since_is_not_asked_about(dataset, ada):
    post(dataset, ada, scope={"frames": [15]}, classes=["Streak"], purpose="label")
    assert asked(dataset, ada) == [9, 4]


def test_places_in_the_queue_hold_while_one_goes_through_it(dataset, ada):
    desk = desk_of(dataset, dataset.scheme, ada)
    first, place = next_frames(desk, Queue("doubtful", 7), 0, 1)
    post(dataset, ada, scope={"frames": first.tolist()}, classes=["Round"])
    second, _ = next_frames(desk_of(dataset, dataset.scheme, ada), Queue("doubtful", 7), place, 1)
    assert (first.tolist(), second.tolist()) == ([9], [15])


def test_classes_are_called_what_they_are_called_now(dataset, ada):
    scheme = dataset.scheme
    entry = next(entry for entry in scheme.classes if entry["name"] == "Streak")
    entry |= {"name": "Needle", "former": ["Streak"]}
    scheme.save()
    assert entries(dataset, ada)[0]["suggestion"]["classes"] == ["Needle"]


def test_it_says_why_it_is_not_there(dataset, ada):
    bare = make_sorted_dataset(dataset.group, 60, "bare")
    create_scheme(dataset=bare, names=CLASSES)

    def why() -> str:
        rows = offered(desk_of(bare, bare.scheme, ada))
        return next(row["why"] for row in rows if row["mode"] == "doubtful")

    assert why() == "no network has learned from the labels yet"
    make_classified(bare, CLASSES)
    assert "train again" in why()
