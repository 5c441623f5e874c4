"""What the labelling page suggests."""

import numpy as np
import pytest

from tests.webapp.factories import (
    KIND_NAMES,
    draw_frames,
    make_classified,
    make_group,
    make_product,
    make_sorted_dataset,
)
from webapp.datasets.columns import columns_of
from webapp.datasets.models import Dataset
from webapp.labels.services import create_scheme, label_frames
from webapp.labels.state_cache import current_labels
from webapp.labels.suggestions import cluster_majorities, suggest

pytestmark = pytest.mark.django_db
N = 60


@pytest.fixture
def dataset() -> Dataset:
    return make_sorted_dataset(make_group(), N)


def suggested(dataset: Dataset, *frames: int) -> list:
    found = suggest(columns_of(dataset), dataset.scheme, current_labels(dataset), np.array(frames))
    return [each and each["classes"] for each in found]


def members(cluster: int) -> np.ndarray:
    return np.flatnonzero(draw_frames(N).labels == cluster)


def test_without_labels_nothing_is_suggested(dataset: Dataset) -> None:
    create_scheme(dataset=dataset)
    assert suggested(dataset, 0, 1) == [None, None]


def test_most_of_a_cluster_speak_for_its_other_frames(dataset: Dataset) -> None:
    create_scheme(dataset=dataset)
    own = members(0)
    label_frames(dataset=dataset, frames=own[:3], operation="set", classes=["Round", "Bent"])
    label_frames(dataset=dataset, frames=own[3:4], operation="set", classes=["Streak"])
    assert suggested(dataset, own[9]) == [["Round", "Bent"]]
    majority = cluster_majorities(columns_of(dataset), current_labels(dataset))[0]
    assert (majority.n_agree, majority.n_labelled) == (3, 4)
    assert suggested(dataset, members(1)[0], members(-1)[0]) == [None, None]


def test_one_frame_or_a_tie_or_noise_is_no_majority(dataset: Dataset) -> None:
    create_scheme(dataset=dataset)
    label_frames(dataset=dataset, frames=members(0)[:1], operation="set", classes=["Round"])
    label_frames(dataset=dataset, frames=members(1)[:1], operation="set", classes=["Round"])
    label_frames(dataset=dataset, frames=members(1)[1:2], operation="set", classes=["Bent"])
    label_frames(dataset=dataset, frames=members(-1)[:3], operation="set", classes=["Empty"])
    assert cluster_majorities(columns_of(dataset), current_labels(dataset)) == {}


def test_the_classifier_speaks_first(dataset: Dataset) -> None:
    create_scheme(dataset=dataset, names=KIND_NAMES)
    make_classified(dataset)
    kinds = draw_frames(N).kinds
    assert suggested(dataset, *range(12)) == [[KIND_NAMES[kind]] for kind in kinds[:12]]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([0.6, 0.7, 0.1], ["A", "B"]),
        ([0.6, 0.7, 0.8], ["Empty"]),
        ([0.9, 0.1, 0.8], ["A"]),
        ([0.1, 0.2, 0.3], None),
        ([np.nan, 0.9, 0.1], None),
    ],
)
def test_thresholds_and_classes_that_stand_alone_hold_for_suggestions(
    dataset: Dataset, row: list[float], expected: list[str] | None
) -> None:
    create_scheme(dataset=dataset, names=["A", "B", "Empty"])
    network = make_classified(dataset, ("A", "B", "Empty")).input("network")
    probabilities = np.tile(np.array(row, np.float32), (N, 1))
    make_product(
        dataset,
        "classify",
        lambda out: np.save(out / "probabilities.npy", probabilities),
        {},
        {"network": network},
    )
    assert suggested(dataset, 5) == [expected]


def test_a_class_that_the_scheme_does_not_have_is_not_suggested(dataset: Dataset) -> None:
    create_scheme(dataset=dataset, names=["Other"])
    make_classified(dataset)
    assert suggested(dataset, 0) == [None]
