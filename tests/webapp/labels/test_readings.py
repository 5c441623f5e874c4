"""Blind readings change no label, come without one, and tell how far people agree."""

import uuid

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import make_classified, make_group, make_sorted_dataset, make_user
from tests.webapp.labels.test_api_views import act, post
from webapp.accounts.models import User
from webapp.datasets.columns import columns_of
from webapp.datasets.models import Dataset
from webapp.labels.agreement import compare, of_class, overall, own_pairs, pairs_of_people
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.network import decided_masks
from webapp.labels.readings import disputed, readings_of, record_reading
from webapp.labels.selectors import class_names, export_labels, label_state, last_event_id
from webapp.labels.services import LabelError, create_scheme, label_frames, undo_event
from webapp.labels.state_cache import current_labels, replay

pytestmark = pytest.mark.django_db
CLASSES = ("Round", "Elliptical", "Streak", "Empty")
N = 60


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_sorted_dataset(make_group(), N)
    create_scheme(dataset=dataset, names=CLASSES)
    return dataset


@pytest.fixture
def ada(dataset: Dataset) -> User:
    return make_user("ada", dataset.group)


@pytest.fixture
def ben(dataset: Dataset) -> User:
    return make_user("ben", dataset.group)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def read(dataset: Dataset, user: User, frame: int, *classes: str, **more: object) -> LabelEvent:
    sent = {"operation": "set", "purpose": "second", "client_id": uuid.uuid4(), "classes": classes} | more
    return record_reading(dataset=dataset, frames=np.array([frame]), user=user, **sent)


def queue(user: User, dataset: Dataset, **query: object) -> list[dict]:
    url = reverse("labels:label-queue", args=[dataset.pk])
    answer = client_of(user).get(url, {"count": 48, **query})
    assert answer.status_code == 200, answer.content
    return answer.json()["frames"]


def test_a_reading_changes_neither_labels_nor_what_is_learned(dataset: Dataset, ada: User, ben: User) -> None:
    label_frames(dataset=dataset, frames=np.arange(9), operation="set", classes=["Round"], user=ada)
    before, last = export_labels(dataset, last_event_id(dataset)), last_event_id(dataset)
    status, answer = post(client_of(ben), dataset, **act({"frames": [3]}, "Streak"), purpose="second")
    assert (status, answer["n_labelled"]) == (200, 9)
    assert last_event_id(dataset) == last
    np.testing.assert_array_equal(export_labels(dataset, LabelEvent.objects.last().pk).matrix, before.matrix)
    assert current_labels(dataset).state.masks[3] == replay(dataset).state.masks[3] == 1
    event = LabelEvent.objects.last()
    assert (event.purpose, event.mask, event.first_mask, event.first_by) == ("second", 4, 1, ada)


def test_a_reading_sent_twice_is_stored_once(dataset: Dataset, ben: User) -> None:
    sent = act({"frames": [3]}, "Streak") | {"purpose": "audit"}
    assert post(client_of(ben), dataset, **sent) == post(client_of(ben), dataset, **sent)
    assert LabelEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"scope": {"frames": [1, 2]}}, "One frame at a time"),
        ({"operation": "add"}, "One frame at a time"),
        ({"scope": {"cluster": 0}}, "One frame at a time"),
        ({"classes": ["Round", "Empty"]}, "stands alone"),
        ({"purpose": "guess"}, "purpose"),
        ({"scope": {"frames": [N]}}, f"no frame {N}"),
    ],
)
def test_a_reading_that_cannot_be_is_refused(dataset: Dataset, ben: User, changed: dict, words: str) -> None:
    sent = act({"frames": [3]}, "Streak") | {"purpose": "second"} | changed
    status, answer = post(client_of(ben), dataset, **sent)
    assert status == 400
    assert words in answer["error"]
    assert not LabelEvent.objects.exists()


def test_nothing_of_the_label_comes_with_a_frame_that_is_read_blind(
    dataset: Dataset, ada: User, ben: User
) -> None:
    make_classified(dataset)
    label_frames(dataset=dataset, frames=np.arange(9), operation="set", classes=["Round"], user=ada)
    label_frames(dataset=dataset, frames=np.array([20]), operation="set", classes=["Streak"], user=ben)
    for mode, expected in (("second", set(range(9))), ("audit", set(range(N)) - {4})):
        read(dataset, ben, 4, "Round", purpose=mode)
        frames = queue(ben, dataset, mode=mode, seed=3)
        assert {frame["index"] for frame in frames} <= expected - {4}
        assert len(frames) == min(48, len(expected - {4}))
        for frame in frames:
            assert frame == {"index": frame["index"], "suggestion": None, "purpose": mode}
    assert queue(ada, dataset, mode="second")[0]["index"] == 20


def test_a_second_reading_needs_labels_of_others(dataset: Dataset, ada: User) -> None:
    url = reverse("labels:label-queue", args=[dataset.pk])
    answer = client_of(ada).get(url, {"mode": "second"})
    assert "no frame is labelled yet" in answer.json()["error"]
    label_frames(dataset=dataset, frames=np.arange(9), operation="set", classes=["Round"], user=ada)
    answer = client_of(ada).get(url, {"mode": "second"})
    assert "nobody else has labelled" in answer.json()["error"]


def test_all_people_audit_the_same_frames_in_the_same_order(dataset: Dataset, ada: User, ben: User) -> None:
    first = [frame["index"] for frame in queue(ada, dataset, mode="audit", seed=1)]
    assert first == [frame["index"] for frame in queue(ben, dataset, mode="audit", seed=2)]
    assert first != sorted(first)


def test_silent_repeats_come_as_often_as_asked_and_only_where_asked(dataset: Dataset, ada: User) -> None:
    label_frames(dataset=dataset, frames=np.arange(20), operation="set", classes=["Round"], user=ada)
    assert all(frame["purpose"] == "label" for frame in queue(ada, dataset, mode="order", repeats=1))
    ClassScheme.objects.update(repeat_every=4)
    assert all(frame["purpose"] == "label" for frame in queue(ada, dataset, mode="order"))
    found = [f for _ in range(12) for f in queue(ada, dataset, mode="order", repeats=1)]
    repeats = [frame for frame in found if frame["purpose"] == "repeat"]
    assert 60 < len(repeats) < 180, "a quarter of 480, by far more than chance allows"
    assert {frame["index"] for frame in repeats} <= set(range(20))
    assert all(frame["suggestion"] is None for frame in repeats)
    for frame in range(20):
        read(dataset, ada, frame, "Round", purpose="repeat")
    assert all(frame["purpose"] == "label" for frame in queue(ada, dataset, mode="order", repeats=1))


def test_the_last_word_of_each_person_counts_and_what_was_taken_back_does_not(
    dataset: Dataset, ada: User, ben: User
) -> None:
    label_frames(dataset=dataset, frames=np.arange(9), operation="set", classes=["Round"], user=ada)
    read(dataset, ben, 1, "Streak")
    read(dataset, ben, 1, "Streak", "Round")
    undone = read(dataset, ben, 2, "Streak")
    read(dataset, ben, 3, "Streak")
    read(dataset, ben, 3, operation="clear")
    undo_event(event=undone, user=ben)
    assert [(r.frame, r.mask) for r in readings_of(dataset).given] == [(1, 5)]
    assert label_state(dataset).masks[2] == 1, "taking a reading back leaves the label alone"


def test_disputes_are_settled_by_a_label_or_by_agreeing(dataset: Dataset, ada: User, ben: User) -> None:
    label_frames(dataset=dataset, frames=np.arange(9), operation="set", classes=["Round"], user=ada)
    for frame in (1, 2, 3):
        read(dataset, ben, frame, "Streak")
    read(dataset, ben, 4, "Round")
    read(dataset, ben, 5, "Streak", purpose="audit")
    read(dataset, ben, 30, "Streak")
    entries = queue(ada, dataset, mode="disputed", seed=1)
    assert [entry["index"] for entry in entries] == [1, 2, 3]
    assert entries[0]["purpose"] == "settle"
    assert (entries[0]["by"], entries[0]["classes"]) == ("ada", ["Round"])
    assert entries[0]["said"] == [{"by": "ben", "classes": ["Streak"]}]
    post(client_of(ada), dataset, **act({"frames": [1]}, "Round"), purpose="settle")
    post(client_of(ada), dataset, **act({"frames": [2]}, "Streak"))
    assert list(disputed(readings_of(dataset), current_labels(dataset))) == [3]
    assert [entry["index"] for entry in queue(ada, dataset, mode="disputed", seed=1)] == [3]
    undo_event(event=LabelEvent.objects.get(purpose="settle"), user=ada)
    assert list(disputed(readings_of(dataset), current_labels(dataset))) == [1, 3]


def test_kappa_is_that_of_the_textbook() -> None:
    # J. Cohen (1960), table 1 in counts of 200: agreement 0.70, by chance 0.41, kappa 0.492.
    table = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    first, second = np.repeat(np.indices((3, 3)).reshape(2, -1), table.ravel(), axis=1)
    found = compare(first, second)
    assert (found.n, found.n_same) == (200, 140)
    assert found.kappa == pytest.approx(0.4915, abs=1e-3)
    assert found.words == "moderate"


def test_too_few_frames_or_no_difference_give_no_kappa() -> None:
    few = compare(np.zeros(19, int), np.zeros(19, int))
    assert (few.kappa, few.words) == (None, "too few to say: 19 of 20 frames")
    same = compare(np.zeros(30, int), np.zeros(30, int))
    assert same.kappa is None
    assert "chance" in same.words
    assert compare(np.arange(40) % 2, np.arange(40) % 2).kappa == 1


def test_people_are_paired_over_all_frames_that_both_have_read(
    dataset: Dataset, ada: User, ben: User
) -> None:
    eve = make_user("eve", dataset.group)
    label_frames(dataset=dataset, frames=np.arange(30), operation="set", classes=["Round"], user=ada)
    for frame in range(24):
        read(dataset, ben, frame, "Round" if frame % 2 else "Streak")
    for frame in range(4):
        read(dataset, eve, frame, "Streak")
    for frame in range(3):
        read(dataset, ada, frame, "Streak", purpose="repeat")
    given = readings_of(dataset).given
    pairs = pairs_of_people(given)
    found = {pair: (overall(said).n, overall(said).n_same) for pair, said in pairs.items()}
    # Ada's blind word on frames 0 to 2 counts before her label.
    assert found == {(ada.pk, ben.pk): (24, 12 + 2 - 1), (ada.pk, eve.pk): (4, 3), (ben.pk, eve.pk): (4, 2)}
    own = own_pairs(given)
    assert {user: (overall(said).n, overall(said).n_same) for user, said in own.items()} == {ada.pk: (3, 0)}
    streak = of_class(pairs[ada.pk, ben.pk], 2)
    assert (streak.n, streak.n_same, streak.n_positive) == (24, 13, 13)
    text = client_of(ada).get(reverse("labels:label-agreement", args=[dataset.pk])).content.decode()
    assert "ada and ben" in text
    assert "13 of 24" in text
    assert "too few to say: 4 of 20 frames" in text


def test_a_reading_is_no_label_and_a_label_no_reading(dataset: Dataset, ada: User) -> None:
    with pytest.raises(LabelError, match="is a reading"):
        label_frames(dataset=dataset, frames=np.array([1]), operation="set", purpose="audit", user=ada)
    with pytest.raises(LabelError, match="is not a reading"):
        read(dataset, ada, 1, "Round", purpose="label")


def test_an_audit_tells_how_often_the_network_is_right(dataset: Dataset, ada: User) -> None:
    make_classified(dataset)
    decided = decided_masks(columns_of(dataset), dataset.scheme, np.arange(N))
    for frame in range(30):
        names = class_names(dataset.scheme, int(decided[frame]))
        read(
            dataset,
            ada,
            frame,
            *(names if frame >= 6 else ["Streak" if names == ["Round"] else "Round"]),
            purpose="audit",
        )
    context = client_of(ada).get(reverse("labels:label-agreement", args=[dataset.pk])).context
    assert (context["network"].n, context["network"].n_same) == (30, 24)
    assert context["audit"] is None, "none of these frames was labelled"
