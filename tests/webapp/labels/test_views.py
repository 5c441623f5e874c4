"""The labelling page, the forms about classes, and the fragments for other pages."""

import json
import uuid

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import make_dataset, make_group, make_sorted_dataset, make_user
from webapp.datasets.models import Dataset
from webapp.labels.models import ClassScheme
from webapp.labels.selectors import n_labelled
from webapp.labels.services import create_scheme, label_frames, undo_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return make_sorted_dataset(make_group(), 30)


@pytest.fixture
def client(dataset: Dataset) -> Client:
    client = Client()
    client.force_login(make_user("ada", dataset.group))
    return client


def url_of(name: str, dataset: Dataset, *arguments: object) -> str:
    return reverse(f"labels:{name}", args=[dataset.pk, *arguments])


def test_the_first_visit_offers_the_classes_of_droplets(client: Client, dataset: Dataset) -> None:
    text = client.get(url_of("dataset-label", dataset)).content.decode()
    assert "Name the classes" in text
    assert "NewtonRings" in text


def test_named_classes_get_keys_and_the_labelling_page_appears(client: Client, dataset: Dataset) -> None:
    form = {"names": "Ring\n\n Streak \nEmpty", "exclusive": "Empty"}
    response = client.post(url_of("scheme-create", dataset), form, follow=True)
    scheme = ClassScheme.objects.get()
    assert [(entry["name"], entry["key"]) for entry in scheme.classes] == [
        ("Ring", "1"),
        ("Streak", "2"),
        ("Empty", "3"),
    ]
    text = response.content.decode()
    for mark in ('id="frame-canvas"', 'id="label-classes"', 'id="unsent-count"', 'data-class="Ring"'):
        assert mark in text
    page = response.context["page"]
    assert page["excluded"] == {"Ring": ["Empty"], "Streak": ["Empty"], "Empty": ["Ring", "Streak"]}
    assert page["queueUrl"] == url_of("label-queue", dataset)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"names": ""}, "required"),
        ({"names": "A\nA"}, "named twice"),
        ({"names": "A;B"}, "without comma and semicolon"),
        ({"names": "A", "exclusive": "B"}, "is not one of the classes"),
        ({"names": "A\nB", "excludes": "A, C"}, "“C” is not one of the classes"),
    ],
)
def test_classes_that_cannot_be_are_refused_on_the_page(
    client: Client, dataset: Dataset, form: dict, words: str
) -> None:
    response = client.post(url_of("scheme-create", dataset), form)
    assert response.status_code == 400
    assert words in response.content.decode()
    assert not ClassScheme.objects.exists()


def test_the_first_classes_come_with_their_exclusions(client: Client, dataset: Dataset) -> None:
    form = {"names": "Ring\nBent\nStreak", "excludes": "Spherical/Oblate, Prolate\nRing, Bent"}
    client.post(url_of("scheme-create", dataset), form)
    assert ClassScheme.objects.get().excludes == [["Ring", "Bent"]]


def test_a_class_is_added_once(client: Client, dataset: Dataset) -> None:
    create_scheme(dataset=dataset, names=["Ring"])
    for _ in range(2):
        response = client.post(url_of("class-add", dataset), {"name": "Streak"}, follow=True)
    assert "There is a class “Streak” already." in response.content.decode()
    assert ClassScheme.objects.get().names == ["Ring", "Streak"]


def test_a_class_needs_others_before_it(client: Client, dataset: Dataset) -> None:
    response = client.post(url_of("class-add", dataset), {"name": "Streak"}, follow=True)
    assert "Name the first classes" in response.content.decode()


def test_labels_come_from_a_file_and_a_wrong_one_says_which_line(client: Client, dataset: Dataset) -> None:
    wrong = SimpleUploadedFile("l.csv", b"index,classes\n1,Ring\n30,Ring\n")
    response = client.post(url_of("label-import", dataset), {"file": wrong})
    assert response.status_code == 400
    assert "l.csv, line 3: there is no frame 30" in response.content.decode()
    right = SimpleUploadedFile("l.csv", b"index,classes\n1,Ring\n29,Ring;Streak\n")
    response = client.post(url_of("label-import", dataset), {"file": right}, follow=True)
    assert "Labels of 2 frames are taken in." in response.content.decode()
    assert n_labelled(dataset) == 2


def test_a_page_without_condensed_frames_says_what_to_do(client: Client, dataset: Dataset) -> None:
    bare = make_dataset(dataset.group, 5, name="bare")
    create_scheme(dataset=bare)
    text = client.get(url_of("dataset-label", bare)).content.decode()
    assert "not condensed yet" in text
    assert reverse("portal:dataset-detail", args=[bare.pk]) in text


def test_viewers_see_the_page_but_no_buttons_to_press(dataset: Dataset) -> None:
    create_scheme(dataset=dataset)
    viewer = Client()
    viewer.force_login(make_user("vera", dataset.group, role="viewer"))
    text = viewer.get(url_of("dataset-label", dataset)).content.decode()
    assert "<fieldset" in text
    assert "disabled>" in text
    assert url_of("class-add", dataset) not in text
    assert "apply-labels" not in viewer.get(url_of("label-bar", dataset)).content.decode()


def test_the_bar_leads_to_the_classes_where_there_are_none(client: Client, dataset: Dataset) -> None:
    assert url_of("dataset-label", dataset) in client.get(url_of("label-bar", dataset)).content.decode()
    create_scheme(dataset=dataset, names=["Ring"])
    text = client.get(url_of("label-bar", dataset)).content.decode()
    assert url_of("label-apply", dataset) in text
    assert 'data-class="Ring"' in text


def test_the_history_of_a_frame_tells_who_said_what_and_what_was_undone(
    client: Client, dataset: Dataset
) -> None:
    create_scheme(dataset=dataset, names=["Ring", "Streak"])
    ben = make_user("ben", dataset.group)
    label_frames(
        dataset=dataset, frames=np.arange(9), operation="set", classes=["Ring"], user=ben, scope="all"
    )
    event = label_frames(dataset=dataset, frames=np.array([4]), operation="add", classes=["Streak"])
    undo_event(event=event, user=ben)
    history = client.get(url_of("frame-labels", dataset, 4)).context["history"]
    assert [(entry["classes"], entry["is_undone"]) for entry in history] == [
        (["Streak"], True),
        (["Ring"], False),
    ]
    assert [str(entry["event"].created_by) for entry in history] == ["None", "ben"]
    assert client.get(url_of("frame-labels", dataset, 12)).context["history"] == []
    assert client.get(url_of("frame-labels", dataset, 30)).status_code == 404


def test_an_act_on_many_frames_says_so_only_where_it_knows_which(client: Client, dataset: Dataset) -> None:
    create_scheme(dataset=dataset, names=["Round"])
    label_frames(dataset=dataset, frames=np.arange(5), operation="set", classes=["Round"])
    assert "()" not in client.get(url_of("frame-labels", dataset, 4)).content.decode()
    scope = "cluster 2 as a whole, 5 frames"
    label_frames(dataset=dataset, frames=np.arange(5), operation="set", classes=["Round"], scope=scope)
    assert f"({scope})" in client.get(url_of("frame-labels", dataset, 4)).content.decode()


def test_a_name_with_markup_stays_text(client: Client, dataset: Dataset) -> None:
    create_scheme(dataset=dataset, names=["<script>x</script>"])
    sent = {"scope": {"frames": [1]}, "operation": "set", "classes": ["<script>x</script>"]}
    sent["client_id"] = str(uuid.uuid4())
    client.post(url_of("label-apply", dataset), json.dumps(sent), content_type="application/json")
    for name, arguments in [("dataset-label", []), ("label-bar", []), ("frame-labels", [1])]:
        text = client.get(url_of(name, dataset, *arguments)).content.decode()
        assert "<script>x" not in text
        assert "&lt;script&gt;x" in text
