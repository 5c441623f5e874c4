"""Purity of clusters against labels, and making a class of a cluster."""

import json

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import make_group, make_sorted_dataset, make_user
from webapp.datasets.cluster_names import names_of_clustering
from webapp.datasets.models import Dataset
from webapp.labels.models import ClassScheme
from webapp.labels.services import create_scheme, label_frames, undo_event
from webapp.labels.state_cache import current_labels

pytestmark = pytest.mark.django_db
N = 120


@pytest.fixture
def dataset() -> Dataset:
    return make_sorted_dataset(make_group(), N)


def sign_in(dataset: Dataset, role: str = "member") -> Client:
    client = Client()
    client.force_login(make_user(role, dataset.group, role=role))
    return client


def members(dataset: Dataset, cluster: int) -> np.ndarray:
    clustering = dataset.products.get(kind="cluster")
    return np.flatnonzero(np.load(clustering.folder / "labels.npy") == cluster)


def purity(client: Client, dataset: Dataset) -> dict:
    return client.get(reverse("labels:cluster-purity", args=[dataset.pk])).json()["clusters"]


def promote(client: Client, dataset: Dataset, **act):
    act = {"clustering": str(dataset.products.get(kind="cluster").pk), **act}
    url = reverse("labels:cluster-promote", args=[dataset.pk])
    return client.post(url, json.dumps(act), content_type="application/json")


def undo(client: Client, dataset: Dataset, operation: object):
    url = reverse("labels:promotion-undo", args=[dataset.pk])
    return client.post(url, json.dumps({"operation": operation}), content_type="application/json")


def test_purity_counts_the_commonest_class_among_labelled_members(dataset):
    member = sign_in(dataset)
    assert purity(member, dataset) == {}
    create_scheme(dataset=dataset, names=["Round", "Streak"])
    one, two = members(dataset, 1), members(dataset, 2)
    label_frames(dataset=dataset, frames=one[:6], operation="set", classes=["Streak"])
    label_frames(dataset=dataset, frames=one[5:8], operation="set", classes=["Round"])
    label_frames(dataset=dataset, frames=one[:2], operation="add", classes=["Round"])
    label_frames(dataset=dataset, frames=two[:3], operation="set", classes=[])
    assert purity(member, dataset) == {
        "1": {"class": "Round", "nAgree": 5, "nLabelled": 8},
        "2": {"class": None, "nAgree": 0, "nLabelled": 3},
    }


def test_a_cluster_becomes_a_class_and_all_its_frames_carry_it_until_that_is_undone(dataset):
    member = sign_in(dataset)
    answer = promote(member, dataset, cluster=1, name="Ring; no")
    assert "without comma and semicolon" in answer.json()["error"]
    assert not ClassScheme.objects.exists()
    told = promote(member, dataset, cluster=1, name="Rings").json()
    assert (told["class"], told["n"]) == ("Rings", len(members(dataset, 1)))
    labels = current_labels(dataset)
    assert np.array_equal(labels.state.indices(), members(dataset, 1))
    clustering = dataset.products.get(kind="cluster")
    assert names_of_clustering(clustering)[1].class_name == "Rings"
    history = member.get(reverse("explore:operation-list", args=[dataset.pk])).content.decode()
    assert f'data-url="{reverse("labels:promotion-undo", args=[dataset.pk])}"' in history
    assert undo(member, dataset, told["operation"]).status_code == 200
    assert current_labels(dataset).n_labelled == 0
    assert names_of_clustering(clustering)[1].class_name is None
    assert ClassScheme.objects.get().names == ["Rings"], "the class stays"
    assert "undone already" in undo(member, dataset, told["operation"]).json()["error"]


def test_labels_that_are_there_stay_where_a_frame_may_have_several(dataset):
    create_scheme(dataset=dataset, names=["Round"])
    some = members(dataset, 1)[:4]
    label_frames(dataset=dataset, frames=some, operation="set", classes=["Round"])
    promote(sign_in(dataset), dataset, cluster=1, name="Bright")
    masks = current_labels(dataset).state.masks
    assert set(masks[some].tolist()) == {0b11}
    assert set(masks[members(dataset, 1)[4:]].tolist()) == {0b10}


def test_where_a_frame_has_one_class_only_the_new_one_takes_its_place(dataset):
    create_scheme(dataset=dataset, names=["Round"], single_label=True)
    label_frames(dataset=dataset, frames=members(dataset, 1)[:4], operation="set", classes=["Round"])
    promote(sign_in(dataset), dataset, cluster=1, name="Bright")
    assert set(current_labels(dataset).state.masks[members(dataset, 1)].tolist()) == {0b10}


def test_a_promotion_whose_labels_were_taken_back_elsewhere_can_still_be_undone(dataset):
    member = sign_in(dataset)
    told = promote(member, dataset, cluster=1, name="Rings").json()
    undo_event(event=dataset.label_events.get(), user=None)
    assert undo(member, dataset, told["operation"]).status_code == 200


@pytest.mark.parametrize(
    ("act", "line"),
    [
        ({"cluster": 99, "name": "Rings"}, "no such cluster"),
        ({"cluster": -1, "name": "Rings"}, "no such cluster"),
        ({"cluster": True, "name": "Rings"}, "by its number"),
        ({"cluster": 1, "name": None}, "by its number"),
        ({"cluster": 1, "name": ""}, "needs a name"),
        ({"cluster": 1, "name": "x" * 61}, "at most 60"),
        ({"cluster": 1, "name": "Rings", "clustering": "x"}, "is no id"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_labelled(dataset, act, line):
    answer = promote(sign_in(dataset), dataset, **act)
    assert answer.status_code == 400
    assert line in answer.json()["error"]
    assert not dataset.label_events.exists()
    assert not dataset.cluster_operations.exists()


def test_viewers_make_no_classes_and_undo_none(dataset):
    told = promote(sign_in(dataset), dataset, cluster=1, name="Rings").json()
    viewer = sign_in(dataset, "viewer")
    assert promote(viewer, dataset, cluster=0, name="Discs").status_code == 403
    assert undo(viewer, dataset, told["operation"]).status_code == 403
    assert undo(sign_in(dataset, "owner"), dataset, "1").status_code == 400
