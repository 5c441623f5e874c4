"""What the labelling scripts ask."""

import json
import uuid

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import draw_frames, make_classified, make_group, make_sorted_dataset, make_user
from webapp.datasets.models import Dataset
from webapp.labels.models import LabelEvent
from webapp.labels.selectors import label_state
from webapp.labels.services import create_scheme, label_frames

pytestmark = pytest.mark.django_db
N = 60
CLASSES = ["Round", "Elliptical", "Streak", "Empty"]


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_sorted_dataset(make_group(), N)
    create_scheme(dataset=dataset, names=CLASSES)
    return dataset


@pytest.fixture
def client(dataset: Dataset) -> Client:
    client = Client()
    client.force_login(make_user("ada", dataset.group))
    return client


def post(client: Client, dataset: Dataset, name: str = "label-apply", **sent: object) -> tuple[int, dict]:
    url = reverse(f"labels:{name}", args=[dataset.pk])
    response = client.post(url, json.dumps(sent, default=str), content_type="application/json")
    return response.status_code, response.json()


def act(scope: dict, *classes: str, operation: str = "set", client_id: object = None) -> dict:
    return {
        "scope": scope,
        "operation": operation,
        "classes": list(classes),
        "client_id": client_id or uuid.uuid4(),
    }


def test_a_label_is_taken_in_and_the_counts_come_back(client: Client, dataset: Dataset) -> None:
    status, answer = post(client, dataset, **act({"frames": [7]}, "Round", "Streak"))
    assert status == 200
    assert answer["counts"] == {"Round": 1, "Elliptical": 0, "Streak": 1, "Empty": 0}
    assert (answer["n_frames"], answer["n_labelled"]) == (1, 1)
    event = LabelEvent.objects.get(pk=answer["event_id"])
    assert (event.created_by.username, event.scope) == ("ada", "one frame")


def test_a_label_sent_again_is_answered_the_same_and_stored_once(client: Client, dataset: Dataset) -> None:
    sent = act({"frames": [7]}, "Round")
    assert post(client, dataset, **sent) == post(client, dataset, **sent)
    assert LabelEvent.objects.count() == 1


def test_a_label_sent_again_is_answered_although_its_clusters_are_gone(
    client: Client, dataset: Dataset
) -> None:
    clustering = dataset.products.get(kind="cluster")
    sent = act({"cluster": 0, "clustering": str(clustering.pk)}, "Round")
    _, first = post(client, dataset, **sent)
    clustering.delete()
    assert post(client, dataset, **sent) == (200, first)
    assert post(client, dataset, **{**sent, "client_id": uuid.uuid4()})[0] == 400


def test_a_whole_cluster_is_one_event_that_says_what_was_meant(client: Client, dataset: Dataset) -> None:
    members = np.flatnonzero(draw_frames(N).labels == 1)
    _, answer = post(client, dataset, **act({"cluster": 1}, "Elliptical", operation="add"))
    assert answer["n_frames"] == len(members)
    np.testing.assert_array_equal(label_state(dataset).indices(), members)
    assert LabelEvent.objects.get().scope == f"cluster 1 as a whole, {len(members)} frames"


def test_an_area_of_the_map_is_labelled(client: Client, dataset: Dataset) -> None:
    inside = np.flatnonzero((np.abs(draw_frames(N).positions) < 3).all(axis=1))
    polygon = [[-3, -3], [3, -3], [3, 3], [-3, 3]]
    scope = {"polygon": polygon, "map": str(dataset.products.get(kind="project").pk)}
    assert post(client, dataset, **act(scope, "Round"))[0] == 200
    np.testing.assert_array_equal(label_state(dataset).indices(), inside)


def test_undo_goes_by_the_name_that_the_browser_gave(client: Client, dataset: Dataset) -> None:
    sent = act({"cluster": 0}, "Round")
    _, answer = post(client, dataset, **sent)
    undo = {"undoes": sent["client_id"], "client_id": uuid.uuid4()}
    status, undone = post(client, dataset, "label-undo", **undo)
    assert status == 200
    assert (undone["n_frames"], undone["n_labelled"]) == (answer["n_frames"], 0)
    assert post(client, dataset, "label-undo", **undo) == (status, undone)
    again = {"undoes": sent["client_id"], "client_id": uuid.uuid4()}
    assert post(client, dataset, "label-undo", **again) == (400, {"error": "That has been undone already."})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"classes": ["Prolate"]}, "no class “Prolate”"),
        ({"classes": ["Round", "Empty"]}, "stands alone"),
        ({"classes": "Round"}, "list of names"),
        ({"classes": [3]}, "list of names"),
        ({"operation": "undo"}, "operation"),
        ({"operation": "explode"}, "operation"),
        ({"client_id": "first"}, "client_id"),
        ({"client_id": None}, "client_id"),
        ({"scope": {"frames": []}}, "No frame"),
        ({"scope": {"frames": [N]}}, f"no frame {N}"),
        ({"scope": {"frames": [1.5]}}, "numbers"),
        ({"scope": "all"}, "which frames"),
        ({"scope": {"cluster": 77}}, "No frame"),
    ],
)
def test_what_cannot_be_taken_is_refused_in_one_line(
    client: Client, dataset: Dataset, changed: dict, words: str
) -> None:
    status, answer = post(client, dataset, **{**act({"frames": [1]}, "Round"), **changed})
    assert status == 400
    assert words in answer["error"]
    assert "\n" not in answer["error"]
    assert not LabelEvent.objects.exists()


@pytest.mark.parametrize("body", ["", "[]", "{", "null", "7"])
def test_what_is_no_json_object_is_refused(client: Client, dataset: Dataset, body: str) -> None:
    for name in ("label-apply", "label-undo"):
        url = reverse(f"labels:{name}", args=[dataset.pk])
        response = client.post(url, body, content_type="application/json")
        assert response.status_code == 400
        assert "JSON" in response.json()["error"]


def test_without_classes_nothing_can_be_labelled(client: Client, dataset: Dataset) -> None:
    dataset.scheme.delete()
    status, answer = post(client, dataset, **act({"frames": [1]}, "Round"))
    assert status == 400
    assert "no classes yet" in answer["error"]


def test_viewers_may_look_but_not_label_and_strangers_find_nothing(dataset: Dataset) -> None:
    viewer, stranger = Client(), Client()
    viewer.force_login(make_user("vera", dataset.group, role="viewer"))
    stranger.force_login(make_user("eve", make_group("other")))
    for name in ("label-apply", "label-undo", "scheme-create", "class-add", "label-import"):
        url = reverse(f"labels:{name}", args=[dataset.pk])
        assert viewer.post(url).status_code == 403
        assert stranger.post(url).status_code == 404
        assert Client().post(url).status_code == 302
    for name, arguments in [
        ("dataset-label", []),
        ("label-bar", []),
        ("frame-labels", [1]),
        ("label-state", []),
    ]:
        url = reverse(f"labels:{name}", args=[dataset.pk, *arguments])
        assert viewer.get(url).status_code == 200
        assert stranger.get(url).status_code == 404
    assert stranger.get(reverse("labels:label-queue", args=[dataset.pk])).status_code == 404
    assert stranger.post(reverse("labels:label-column", args=[dataset.pk])).status_code == 404
    assert not LabelEvent.objects.exists()


def test_the_state_of_some_frames_tells_classes_and_author(client: Client, dataset: Dataset) -> None:
    label_frames(dataset=dataset, frames=np.array([2]), operation="set", classes=["Round"])
    post(client, dataset, **act({"frames": [4]}))
    url = reverse("labels:label-state", args=[dataset.pk])
    expected = [
        {"index": 2, "classes": ["Round"], "by": "command line"},
        {"index": 3, "classes": None, "by": None},
        {"index": 4, "classes": [], "by": "ada"},
    ]
    assert client.get(url, {"start": 2, "stop": 5}).json()["labels"] == expected
    assert client.get(url, {"frames": "2,3,4"}).json()["labels"] == expected
    for query in ({"frames": "x"}, {"frames": str(N)}, {"start": "a"}):
        assert client.get(url, query).status_code == 400


def test_a_queue_goes_on_from_its_place_without_doubling_frames(client: Client, dataset: Dataset) -> None:
    label_frames(dataset=dataset, frames=np.arange(0, N, 2), operation="set", classes=["Round"])
    url, place, seen = reverse("labels:label-queue", args=[dataset.pk]), 0, []
    while True:
        answer = client.get(url, {"mode": "random", "seed": 5, "place": place, "count": 7}).json()
        if not answer["frames"]:
            break
        seen += [frame["index"] for frame in answer["frames"]]
        place = answer["place"]
    assert sorted(seen) == list(range(1, N, 2))
    assert seen != sorted(seen)


def test_a_queue_that_is_not_there_is_refused(client: Client, dataset: Dataset) -> None:
    url = reverse("labels:label-queue", args=[dataset.pk])
    for query in (
        {},
        {"mode": "best"},
        {"mode": "uncertain"},
        {"mode": "cluster"},
        {"mode": "order", "count": 999},
    ):
        response = client.get(url, query)
        assert response.status_code == 400
        assert response.json()["error"]


def test_queues_of_the_classifier_begin_with_the_doubtful_or_the_likeliest(
    client: Client, dataset: Dataset
) -> None:
    probabilities = np.load(make_classified(dataset).path("probabilities.npy"))
    url = reverse("labels:label-queue", args=[dataset.pk])
    doubtful = client.get(url, {"mode": "uncertain", "count": 3}).json()["frames"]
    assert doubtful[0]["index"] == int(np.abs(probabilities - 0.5).min(axis=1).argmin())
    likely = client.get(url, {"mode": "class", "class_name": "Streak", "count": 3}).json()["frames"]
    assert likely[0]["index"] == int(probabilities[:, 2].argmax())
    assert likely[0]["suggestion"]["classes"] == ["Streak"]
    assert client.get(url, {"mode": "class", "class_name": "Ghost"}).status_code == 400


def test_the_label_column_gives_the_rarest_class_of_each_frame(client: Client, dataset: Dataset) -> None:
    label_frames(dataset=dataset, frames=np.arange(10), operation="set", classes=["Round"])
    label_frames(dataset=dataset, frames=np.array([3]), operation="add", classes=["Streak"])
    label_frames(dataset=dataset, frames=np.array([5]), operation="set", classes=[])
    url = reverse("labels:label-column", args=[dataset.pk])
    body = np.array([3, 4, 5, 11], dtype="<i4").tobytes()
    response = client.post(url, body, content_type="application/octet-stream")
    assert np.frombuffer(response.content, np.int8).tolist() == [2, 0, -2, -1]
    for wrong in (b"123", np.array([N], "<i4").tobytes(), np.array([-1], "<i4").tobytes()):
        assert client.post(url, wrong, content_type="application/octet-stream").status_code == 400
