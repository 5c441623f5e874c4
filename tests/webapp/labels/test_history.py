"""What is said of one frame is found among many acts, whatever was said of others."""

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.webapp.factories import make_group, make_user
from webapp.datasets.models import Dataset
from webapp.labels.frames import unpack_frames
from webapp.labels.history import frame_history
from webapp.labels.models import LabelEvent
from webapp.labels.services import create_scheme, label_frames, undo_event

pytestmark = pytest.mark.django_db
N = 400


def new_dataset(name: str) -> Dataset:
    dataset = Dataset.objects.create(group=make_group(), name=name, is_draft=False, n_frames=N)
    create_scheme(dataset=dataset, names=("Round", "Streak", "Bent"))
    return dataset


@pytest.fixture
def dataset() -> Dataset:
    return new_dataset("run 7")


def acts(dataset: Dataset, seed: int) -> None:
    random = np.random.default_rng(seed)
    for number in range(25):
        frames = np.flatnonzero(random.random(N) < 0.3) if number % 3 else random.integers(0, N, 1)
        label_frames(dataset=dataset, frames=frames, operation="set", classes=["Round"])


def test_a_history_names_just_the_acts_that_speak_of_the_frame(dataset: Dataset) -> None:
    acts(dataset, 1)
    events = {event.pk: set(unpack_frames(event.frames).tolist()) for event in LabelEvent.objects.all()}
    for index in (0, 1, 7, 8, 200, N - 1):
        found = [entry["event"].pk for entry in frame_history(dataset, dataset.scheme, index, most=100)]
        assert found == [pk for pk in sorted(events, reverse=True) if index in events[pk]]


def test_a_history_is_the_newest_first_and_says_who_what_and_what_was_taken_back(dataset: Dataset) -> None:
    ada = make_user("ada", dataset.group)
    first = label_frames(dataset=dataset, frames=np.arange(9), operation="set", classes=["Round"], user=ada)
    label_frames(dataset=dataset, frames=np.array([4]), operation="add", classes=["Bent"])
    undo_event(event=first, user=None)
    newest, oldest = frame_history(dataset, dataset.scheme, 4)
    assert (newest["classes"], newest["is_undone"], newest["event"].created_by) == (["Bent"], False, None)
    assert (oldest["classes"], oldest["is_undone"], oldest["event"].created_by) == (["Round"], True, ada)
    assert len(frame_history(dataset, dataset.scheme, 4, most=1)) == 1


def test_frames_of_acts_are_read_once(dataset: Dataset) -> None:
    acts(dataset, 2)
    frame_history(dataset, dataset.scheme, 50)
    with CaptureQueriesContext(connection) as queries:
        frame_history(dataset, dataset.scheme, 51)
    assert not [query for query in queries.captured_queries if '"frames"' in query["sql"]]


def test_acts_of_two_data_sets_under_one_id_are_kept_apart(dataset: Dataset) -> None:
    other = new_dataset("run 8")
    mine = label_frames(dataset=dataset, frames=np.array([1, 2, 3]), operation="set", classes=["Round"])
    label_frames(
        dataset=other, frames=np.array([7, 8, 9]), operation="set", classes=["Bent"], client_id=mine.client_id
    )
    assert frame_history(dataset, dataset.scheme, 8) == []
    assert [entry["classes"] for entry in frame_history(other, other.scheme, 8)] == [["Bent"]]
    assert [entry["classes"] for entry in frame_history(dataset, dataset.scheme, 2)] == [["Round"]]
