"""Queues put first what they promise, say why they are not there, and hold still during a visit."""

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import make_classified, make_dataset, make_group, make_sorted_dataset, make_user
from webapp.accounts.models import User
from webapp.datasets.columns import columns_of
from webapp.datasets.models import Dataset
from webapp.datasets.scopes import ScopeError, frames_of_scope, words_of_scope
from webapp.labels.diverse import MOST_CANDIDATES, diverse_order, farthest_first
from webapp.labels.network import decided_masks
from webapp.labels.queues import MODES, Queue, desk_of, next_frames, offered, queue_order
from webapp.labels.services import create_scheme, label_frames

pytestmark = pytest.mark.django_db
CLASSES = ("Round", "Elliptical", "Streak", "Empty")
N = 120


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_sorted_dataset(make_group(), N)
    create_scheme(dataset=dataset, names=CLASSES)
    return dataset


@pytest.fixture
def ada(dataset: Dataset) -> User:
    return make_user("ada", dataset.group)


def order_of(dataset: Dataset, user: User, mode: str, **more: object) -> list[int]:
    return queue_order(desk_of(dataset, dataset.scheme, user), Queue(mode, **more)).tolist()


def test_a_queue_that_is_not_there_yet_says_why_on_the_page(dataset: Dataset, ada: User) -> None:
    why = {row["mode"]: row["why"] for row in offered(desk_of(dataset, dataset.scheme, ada))}
    assert why.keys() == MODES.keys()
    assert {mode for mode, words in why.items() if not words} == {
        "order",
        "random",
        "cluster",
        "diverse",
        "audit",
    }
    client = Client()
    client.force_login(ada)
    text = client.get(reverse("labels:dataset-label", args=[dataset.pk])).content.decode()
    assert '<option value="uncertain" disabled>' in text
    assert "(no network has sorted the frames yet)" in text
    bare = make_dataset(dataset.group, 5, name="bare")
    create_scheme(dataset=bare)
    reasons = {row["mode"]: row["why"] for row in offered(desk_of(bare, bare.scheme, ada))}
    assert reasons["diverse"] == "the frames have no latents yet"
    assert reasons["cluster"] == "there are no clusters yet"


def test_each_further_frame_is_the_farthest_from_those_before() -> None:
    points = np.array([[0, 0], [0.1, 0], [10, 0], [10.1, 0], [5, 9]], np.float32)
    assert farthest_first(points, np.array([[0, 0]], np.float32), 2).tolist() == [4, 3]
    assert farthest_first(points, np.zeros((0, 2), np.float32), 9).shape == (5,)
    random = np.random.default_rng(0)
    points = random.normal(size=(300, 4)).astype(np.float32)
    seeds = random.normal(size=(5, 4)).astype(np.float32)
    taken = farthest_first(points, seeds, 20)
    covered = seeds
    for place in taken:
        far = np.linalg.norm(points[:, None] - covered[None], axis=2).min(axis=1)
        assert far[place] == pytest.approx(far.max(), abs=1e-3)
        covered = np.vstack([covered, points[place]])


def test_the_most_different_frames_differ_from_what_is_labelled(dataset: Dataset, ada: User) -> None:
    latents = np.asarray(columns_of(dataset).latents)
    near = np.argsort(np.linalg.norm(latents - latents[0], axis=1))[:30]
    label_frames(dataset=dataset, frames=np.sort(near), operation="set", classes=["Round"])
    order = order_of(dataset, ada, "diverse", seed=4)
    far = np.linalg.norm(latents[:, None] - latents[near][None], axis=2).min(axis=1)
    assert far[order[0]] == pytest.approx(far.max(), abs=1e-4)
    assert not set(order) & set(near.tolist())
    label_frames(dataset=dataset, frames=np.array(order[:1]), operation="set", classes=["Round"])
    assert order_of(dataset, ada, "diverse", seed=4) == order, "places hold during a visit"
    frames, _ = next_frames(desk_of(dataset, dataset.scheme, ada), Queue("diverse", seed=4), 0, 3)
    assert frames.tolist() == order[1:4], "and what is labelled by now is passed over"


def test_of_many_frames_a_sample_is_looked_at(tmp_path) -> None:
    n = MOST_CANDIDATES + 5000
    latents = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    latents[7] = np.nan
    np.save(tmp_path / "latents.npy", latents)
    order = diverse_order(tmp_path / "latents.npy", 1, np.array([3, 900]))
    assert len(set(order.tolist())) == len(order) == 1000
    assert 7 not in order


def test_contradicted_labels_come_with_the_surest_first(dataset: Dataset, ada: User) -> None:
    make_classified(dataset)
    columns = columns_of(dataset)
    decided = decided_masks(columns, dataset.scheme, np.arange(N))
    right = np.flatnonzero(decided == 1)[:20]
    wrong = np.flatnonzero(decided == 4)[:6]
    label_frames(dataset=dataset, frames=np.sort(np.append(right, wrong)), operation="set", classes=["Round"])
    order = order_of(dataset, ada, "contradicted")
    assert sorted(order) == sorted(wrong.tolist())
    rows = np.asarray(columns.class_probabilities)[order].astype(float)
    sure = np.maximum(rows[:, 2], 1 - rows[:, 0])
    assert (np.diff(sure) <= 1e-9).all()


def test_what_is_labelled_as_a_class_is_put_forward_to_be_checked(dataset: Dataset, ada: User) -> None:
    label_frames(dataset=dataset, frames=np.array([5, 7, 9]), operation="set", classes=["Streak"], user=ada)
    label_frames(dataset=dataset, frames=np.array([7]), operation="add", classes=["Round"], user=ada)
    assert order_of(dataset, ada, "labelled", class_name="Round") == [7]
    client = Client()
    client.force_login(ada)
    url = reverse("labels:label-queue", args=[dataset.pk])
    query = {"mode": "labelled", "class_name": "Streak", "seed": 1}
    frames = client.get(url, query).json()["frames"]
    assert [(frame["index"], frame["classes"], frame["by"]) for frame in frames] == [
        (5, ["Streak"], "ada"),
        (7, ["Round", "Streak"], "ada"),
        (9, ["Streak"], "ada"),
    ]
    label_frames(dataset=dataset, frames=np.array([5]), operation="remove", classes=["Streak"])
    assert [frame["index"] for frame in client.get(url, query).json()["frames"]] == [7, 9]
    assert client.get(url, {"mode": "labelled", "class_name": "Ghost"}).status_code == 400


def test_classes_that_exclude_each_other_are_not_suggested_together(dataset: Dataset) -> None:
    make_classified(dataset)
    columns, scheme = columns_of(dataset), dataset.scheme
    rows = np.asarray(columns.class_probabilities)
    columns.classifier.facts["thresholds"] = [0.0] * 4
    both = decided_masks(columns, scheme, np.arange(N))
    scheme.excludes = [["Round", "Elliptical"]]
    apart = decided_masks(columns, scheme, np.arange(N))
    at_once = (both & 3) == 3
    assert at_once.any()
    assert not ((apart & 3) == 3).any()
    likelier = np.where(rows[:, 0] >= rows[:, 1], 1, 2)
    assert (apart[at_once] & 3 == likelier[at_once]).all()


def test_frames_are_named_by_their_label(dataset: Dataset) -> None:
    label_frames(dataset=dataset, frames=np.array([3, 50]), operation="set", classes=["Streak"])
    label_frames(dataset=dataset, frames=np.array([4]), operation="set", classes=[])
    columns = columns_of(dataset)
    assert frames_of_scope(columns, {"label": "Streak"}).tolist() == [3, 50]
    assert frames_of_scope(columns, {"label": None}).tolist() == sorted(set(range(N)) - {3, 4, 50})
    assert words_of_scope(columns, {"label": "Streak"}) == "labelled Streak"
    for wrong in ("Ghost", 3, ["Streak"]):
        with pytest.raises(ScopeError, match="no class of that name"):
            frames_of_scope(columns, {"label": wrong})
