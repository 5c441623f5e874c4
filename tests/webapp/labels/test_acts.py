"""What was done last is listed, taken back and done once more, by whomever and whenever; and counted."""

import uuid
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.webapp.factories import make_group, make_sorted_dataset, make_user
from tests.webapp.labels.test_api_views import act, post
from webapp.accounts.models import User
from webapp.datasets.models import Dataset
from webapp.labels import board
from webapp.labels.models import LabelEvent
from webapp.labels.readings import readings_of, record_reading
from webapp.labels.selectors import label_state
from webapp.labels.services import create_scheme, label_frames, undo_event
from webapp.labels.state_cache import current_labels, replay

pytestmark = pytest.mark.django_db
CLASSES = ("Round", "Elliptical", "Streak", "Empty")


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_sorted_dataset(make_group(), 60)
    create_scheme(dataset=dataset, names=CLASSES)
    return dataset


@pytest.fixture
def ada(dataset: Dataset) -> User:
    return make_user("ada", dataset.group)


@pytest.fixture
def client(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def label(
    dataset: Dataset, user: User | None, frames: list[int], *classes: str, **more: object
) -> LabelEvent:
    given = {"operation": "set"} | more
    return label_frames(dataset=dataset, frames=np.array(frames), classes=classes, user=user, **given)


def acts_of(client: Client, dataset: Dataset, **query: object) -> list[dict]:
    return client.get(reverse("labels:label-acts", args=[dataset.pk]), query).json()["acts"]


def test_the_last_acts_say_who_did_what_to_which_frames(client: Client, dataset: Dataset, ada: User) -> None:
    ben = make_user("ben", dataset.group)
    label(dataset, ada, [1], "Round")
    undone = label(dataset, ben, [2, 3], "Streak", operation="add", scope="cluster 1 as a whole, 2 frames")
    label(dataset, ben, [4], operation="clear")
    undo_event(event=undone, user=ada)
    found = acts_of(client, dataset)
    assert [(a["words"], a["scope"], a["by"], a["mine"], a["undone"]) for a in found] == [
        ("made unlabelled", "frame 4", "ben", False, False),
        ("+ Streak", "cluster 1 as a whole, 2 frames", "ben", False, True),
        ("Round", "frame 1", "ada", True, False),
    ]
    assert [a["words"] for a in acts_of(client, dataset, mine=1)] == ["Round"]
    assert [a["words"] for a in acts_of(client, dataset, standing=1)] == ["made unlabelled", "Round"]
    assert len(acts_of(client, dataset, count=1)) == 1
    assert client.get(reverse("labels:label-acts", args=[dataset.pk]), {"count": "x"}).status_code == 400


def test_an_act_of_yesterday_is_taken_back_and_done_once_more(
    client: Client, dataset: Dataset, ada: User
) -> None:
    event = label(dataset, ada, [1, 2], "Round")
    LabelEvent.objects.filter(pk=event.pk).update(created_at=timezone.now() - timedelta(days=1))
    redo = {"redoes": event.client_id, "client_id": uuid.uuid4()}
    assert post(client, dataset, "label-redo", **redo) == (400, {"error": "That has not been undone."})
    status, answer = post(client, dataset, "label-undo", undoes=event.client_id, client_id=uuid.uuid4())
    assert (status, answer["n_frames"], answer["n_labelled"]) == (200, 2, 0)
    status, answer = post(client, dataset, "label-redo", **redo)
    assert (status, answer["n_frames"], answer["n_labelled"]) == (200, 2, 2)
    assert post(client, dataset, "label-redo", **redo) == (status, answer)
    assert (
        label_state(dataset).masks[[1, 2]].tolist() == replay(dataset).state.masks[[1, 2]].tolist() == [1, 1]
    )
    assert LabelEvent.objects.count() == 3


def test_a_reading_that_is_undone_and_redone_stays_a_reading(
    client: Client, dataset: Dataset, ada: User
) -> None:
    label(dataset, None, [5], "Round")
    sent = act({"frames": [5]}, "Streak") | {"purpose": "audit"}
    post(client, dataset, **sent)
    post(client, dataset, "label-undo", undoes=sent["client_id"], client_id=uuid.uuid4())
    assert readings_of(dataset).given == ()
    post(client, dataset, "label-redo", redoes=sent["client_id"], client_id=uuid.uuid4())
    assert [(r.purpose, r.mask, r.first_mask) for r in readings_of(dataset).given] == [("audit", 4, 1)]
    assert label_state(dataset).masks[5] == 1


def test_one_act_costs_few_queries(client: Client, dataset: Dataset, django_assert_max_num_queries) -> None:
    post(client, dataset, **act({"frames": [1]}, "Round"))
    with django_assert_max_num_queries(12):  # who asks, may they, take it in once, tell what holds now
        post(client, dataset, **act({"frames": [2]}, "Round"))


def test_the_board_counts_acts_by_minute_person_and_class(
    client: Client, dataset: Dataset, ada: User
) -> None:
    ben = make_user("ben", dataset.group)
    for frame in range(6):
        label(dataset, ada, [frame], "Round")
    old = label(dataset, ben, list(range(10, 30)), "Streak")
    LabelEvent.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(minutes=42))
    older = label(dataset, ben, [40], "Streak")
    LabelEvent.objects.filter(pk=older.pk).update(created_at=timezone.now() - timedelta(hours=3))
    record_reading(
        dataset=dataset, frames=np.array([1]), operation="set", classes=["Round"], purpose="second", user=ben,
        client_id=uuid.uuid4(),
    )  # fmt: skip
    acts = [bin_["n"] for bin_ in board.pace(dataset)]
    assert (sum(acts), acts[-1], len(acts)) == (8, 7, 12)
    people = board.people(dataset, current_labels(dataset), readings_of(dataset))
    assert [(p.name, p.n_acts, p.n_frames, p.rate) for p in people] == [
        ("ada", 6, 6, 0.6),
        ("ben", 3, 21, 0.1),
    ]
    assert (people[0].agreement.n, people[0].agreement.n_same) == (1, 1)
    rows = {row["name"]: row["n"] for row in board.classes(dataset.scheme, current_labels(dataset))}
    assert rows == {"Round": 6, "Elliptical": 0, "Streak": 21, "Empty": 0}
    url = reverse("labels:label-board", args=[dataset.pk])
    page, poll = client.get(url), client.get(url, headers={"HX-Request": "true"})
    assert "3 classes have too few labels" in page.content.decode()
    assert "27</strong> of 60 frames" in poll.content.decode()
    assert "<html" not in poll.content.decode()


def test_the_board_asks_as_often_for_many_acts_as_for_few(
    client: Client, dataset: Dataset, ada: User, django_assert_num_queries
) -> None:
    url = reverse("labels:label-board", args=[dataset.pk])
    label(dataset, ada, [0], "Round")
    client.get(url)
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    n_queries = len(few)
    for frame in range(40):
        label(dataset, ada, [frame], "Round")
    client.get(url)
    with django_assert_num_queries(n_queries):
        client.get(url)
