"""Classes are changed without touching the labels that they have."""

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import make_classified, make_group, make_sorted_dataset, make_user
from webapp.datasets.columns import columns_of
from webapp.datasets.models import Dataset
from webapp.labels.models import ClassScheme
from webapp.labels.services import create_scheme, label_frames
from webapp.labels.state_cache import current_labels
from webapp.labels.suggestions import suggest

pytestmark = pytest.mark.django_db
CLASSES = ("Round", "Elliptical", "Streak", "Empty")


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_sorted_dataset(make_group(), 60)
    create_scheme(dataset=dataset, names=CLASSES, excludes=[["Round", "Elliptical"]])
    return dataset


@pytest.fixture
def client(dataset: Dataset) -> Client:
    client = Client()
    client.force_login(make_user("ada", dataset.group))
    return client


def form(**changed: object) -> dict:
    return {
        "name": list(CLASSES),
        "key": ["1", "2", "3", "4"],
        "colour": ["#e69f00", "#56b4e9", "#009e73", "#f0e442"],
        "alone": ["3"],
        "excludes": "Round, Elliptical",
        "repeat_every": "0",
    } | changed


def post(client: Client, dataset: Dataset, **changed: object):
    return client.post(reverse("labels:scheme-edit", args=[dataset.pk]), form(**changed), follow=True)


def test_a_renamed_class_keeps_labels_and_exclusions_and_is_still_suggested(
    client: Client, dataset: Dataset
) -> None:
    make_classified(dataset)
    label_frames(dataset=dataset, frames=np.arange(5), operation="set", classes=["Round"])
    response = post(
        client, dataset, name=["Ring", "Elliptical", "Streak", "Nothing"], key=["r", "2", "", "4"]
    )
    assert "The classes are changed." in response.content.decode()
    scheme = ClassScheme.objects.get()
    assert [(entry["name"], entry["key"]) for entry in scheme.classes[:2]] == [
        ("Ring", "r"),
        ("Elliptical", "2"),
    ]
    assert (scheme.excludes, scheme.exclusive) == ([["Ring", "Elliptical"]], ["Nothing"])
    assert current_labels(dataset).class_counts(scheme.names)["Ring"] == 5
    dataset.refresh_from_db()
    found = suggest(columns_of(dataset), scheme, current_labels(dataset), np.arange(20))
    assert {name for each in found if each for name in each["classes"]} == {
        "Ring",
        "Elliptical",
        "Streak",
        "Nothing",
    }


def test_a_class_put_away_keeps_its_labels_and_is_not_offered(client: Client, dataset: Dataset) -> None:
    label_frames(dataset=dataset, frames=np.arange(5), operation="set", classes=["Streak"])
    post(client, dataset, hidden=["2"])
    text = client.get(reverse("labels:dataset-label", args=[dataset.pk])).content.decode()
    assert 'data-class="Round"' in text
    assert 'data-class="Streak"' not in text
    bar = client.get(reverse("labels:label-bar", args=[dataset.pk])).content.decode()
    assert bar.count("data-class=") == 4, "the map still paints the frames of the class"
    assert bar.count('<button type="button" class="chip"') == 3
    assert current_labels(dataset).class_counts(CLASSES)["Streak"] == 5
    post(client, dataset)
    assert "hidden" not in ClassScheme.objects.get().classes[2]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": ["Round", "Round", "Streak", "Empty"]}, "named twice"),
        ({"name": ["Round", "A;B", "Streak", "Empty"]}, "without comma and semicolon"),
        ({"key": ["1", "1", "3", "4"]}, "The key 1 is given to two classes"),
        ({"key": ["g", "2", "3", "4"]}, "cannot be the key"),
        ({"colour": ["red", "#56b4e9", "#009e73", "#f0e442"]}, "is no colour"),
        ({"hidden": ["0", "1", "2", "3"]}, "At least one class"),
        ({"excludes": "Round, Ghost"}, "is none of the classes"),
        ({"excludes": "Round"}, "excludes nothing"),
        ({"repeat_every": "1"}, "or never"),
        ({"repeat_every": "-3"}, "or never"),
        ({"name": ["Round", "Elliptical"]}, "added a class meanwhile"),
        ({"single_label": "on"}, "1 frames have several classes"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    client: Client, dataset: Dataset, changed: dict, words: str
) -> None:
    label_frames(dataset=dataset, frames=np.array([1]), operation="set", classes=["Round", "Streak"])
    before = ClassScheme.objects.values().get()
    response = post(client, dataset, **changed)
    assert response.status_code == 400
    assert words in response.content.decode()
    assert ClassScheme.objects.values().get() == before


def test_frames_that_a_new_exclusion_forbids_are_counted_and_stay(client: Client, dataset: Dataset) -> None:
    label_frames(dataset=dataset, frames=np.arange(7), operation="set", classes=["Round", "Streak"])
    response = post(client, dataset, excludes="Round, Streak\nElliptical, Streak")
    assert "7 frames have classes that exclude each other now" in response.content.decode()
    assert ClassScheme.objects.get().excludes == [["Round", "Streak"], ["Elliptical", "Streak"]]
    assert current_labels(dataset).state.masks[3] == 0b101


def test_a_new_class_takes_a_key_that_is_free(client: Client, dataset: Dataset) -> None:
    post(client, dataset, key=["5", "2", "3", "4"])
    client.post(reverse("labels:class-add", args=[dataset.pk]), {"name": "Bent"})
    client.post(reverse("labels:class-add", args=[dataset.pk]), {"name": "Layered"})
    assert [entry["key"] for entry in ClassScheme.objects.get().classes] == ["5", "2", "3", "4", "1", "6"]


def test_a_viewer_sees_the_classes_and_changes_none(client: Client, dataset: Dataset) -> None:
    viewer = Client()
    viewer.force_login(make_user("vera", dataset.group, "viewer"))
    text = viewer.get(reverse("labels:scheme-edit", args=[dataset.pk])).content.decode()
    assert "cannot change them" in text
    assert "Change the classes" not in text
    assert post(viewer, dataset, name=["A", "B", "C", "D"]).status_code == 403


def test_without_classes_the_pages_lead_to_where_they_are_named(client: Client, dataset: Dataset) -> None:
    ClassScheme.objects.all().delete()
    for name in ("scheme-edit", "label-board", "label-agreement"):
        text = client.get(reverse(f"labels:{name}", args=[dataset.pk])).content.decode()
        assert "no classes yet" in text
        assert reverse("labels:dataset-label", args=[dataset.pk]) in text
