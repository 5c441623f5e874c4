"""The labels that a process keeps are the same as those replayed from the first event on."""

import uuid

import numpy as np
import pytest

from tests.webapp.factories import make_group, make_user
from webapp.datasets.models import Dataset
from webapp.labels import state_cache
from webapp.labels.frames import UNSEEN, pack_frames, unpack_frames
from webapp.labels.models import LabelEvent
from webapp.labels.selectors import export_labels, label_state
from webapp.labels.services import LabelError, add_class, create_scheme, label_frames, undo_event
from webapp.labels.state_cache import current_labels, replay

pytestmark = pytest.mark.django_db
N = 90
CLASSES = ("Round", "Streak", "Bent", "Empty")


@pytest.fixture
def dataset() -> Dataset:
    dataset = Dataset.objects.create(group=make_group(), name="run 7", is_draft=False, n_frames=N)
    create_scheme(dataset=dataset, names=CLASSES)
    return dataset


def random_act(dataset: Dataset, random: np.random.Generator, users: list) -> None:
    """Do one thing that people do: label, label again under the same id, take back, take back twice."""
    events = list(LabelEvent.objects.filter(dataset=dataset))
    user, what = users[random.integers(len(users))], random.random()
    if events and what < 0.15:
        event = events[random.integers(len(events))]
        if event.operation != "undo" and not event.undone_by.exists():
            undo_event(event=event, user=user)
        else:
            with pytest.raises(LabelError):
                undo_event(event=event, user=user)
        return
    operation = str(random.choice(["set", "add", "remove", "clear"]))
    classes = random.choice(CLASSES[:3], random.integers(0, 3), replace=False).tolist()
    if random.random() < 0.2:
        classes = ["Empty"]
    frames = np.flatnonzero(random.random(N) < 0.2) if random.random() < 0.8 else np.array([0])
    if not frames.size:
        return
    sent_twice = events and what > 0.85
    client_id = events[random.integers(len(events))].client_id if sent_twice else uuid.uuid4()
    label_frames(
        dataset=dataset, frames=frames, operation=operation, classes=classes, user=user, client_id=client_id
    )


def check_same(dataset: Dataset) -> None:
    kept, fresh = current_labels(dataset), replay(dataset)
    np.testing.assert_array_equal(kept.state.masks, fresh.state.masks)
    np.testing.assert_array_equal(kept.state.authors, fresh.state.authors)
    np.testing.assert_array_equal(kept.counts, fresh.counts)
    assert (kept.n_labelled, kept.n_events) == (fresh.n_labelled, fresh.n_events)
    assert kept.state.last_event == fresh.state.last_event
    for place in range(len(CLASSES)):
        with_class = (fresh.state.masks != UNSEEN) & (fresh.state.masks >> place & 1 == 1)
        assert kept.counts[place] == with_class.sum()


@pytest.mark.parametrize("seed", range(4))
def test_any_chain_of_events_kept_is_the_same_as_replayed(dataset: Dataset, seed: int) -> None:
    random = np.random.default_rng(seed)
    users = [make_user("ada", dataset.group), make_user("ben", dataset.group), None]
    for step in range(40):
        random_act(dataset, random, users)
        if step % 3 == 0:  # so that some refreshes take in several events at once
            check_same(dataset)
    check_same(dataset)


@pytest.mark.parametrize("seed", range(3))
def test_classes_that_stand_alone_never_meet_others(dataset: Dataset, seed: int) -> None:
    random = np.random.default_rng(100 + seed)
    for _ in range(30):
        random_act(dataset, random, [None])
    masks = current_labels(dataset).state.masks
    empty = 1 << CLASSES.index("Empty")
    assert not ((masks != UNSEEN) & (masks & empty > 0) & (masks != empty)).any()


def test_new_events_alone_are_read(dataset: Dataset, django_assert_num_queries) -> None:
    label_frames(dataset=dataset, frames=np.arange(5), operation="set", classes=["Round"])
    first = current_labels(dataset)
    label_frames(dataset=dataset, frames=np.arange(9), operation="add", classes=["Bent"])
    with django_assert_num_queries(2):  # how many events, the new ones
        second = current_labels(dataset)
    with django_assert_num_queries(1):
        assert current_labels(dataset) is second
    assert first.n_labelled == 5, "what was handed out before is not changed under its reader"
    assert second.n_labelled == 9


def test_an_event_that_appears_before_the_last_one_is_not_missed(dataset: Dataset) -> None:
    late = label_frames(dataset=dataset, frames=np.arange(3), operation="set", classes=["Round"])
    number, packed = late.pk, late.frames
    late.delete()
    label_frames(dataset=dataset, frames=np.array([50]), operation="set", classes=["Bent"])
    assert current_labels(dataset).n_labelled == 1
    LabelEvent.objects.create(pk=number, dataset=dataset, operation="set", mask=1, frames=packed, n_frames=3)
    check_same(dataset)
    assert current_labels(dataset).n_labelled == 4


def test_more_frames_or_classes_renew_what_is_kept(dataset: Dataset) -> None:
    label_frames(dataset=dataset, frames=np.arange(3), operation="set", classes=["Round"])
    current_labels(dataset)
    add_class(scheme=dataset.scheme, name="Layered")
    Dataset.objects.filter(pk=dataset.pk).update(n_frames=2 * N)
    dataset.refresh_from_db()
    label_frames(dataset=dataset, frames=np.array([N + 1]), operation="set", classes=["Layered"])
    assert len(current_labels(dataset).state.masks) == 2 * N
    assert current_labels(dataset).class_counts(dataset.scheme.names)["Layered"] == 1


def test_only_some_data_sets_are_kept(dataset: Dataset) -> None:
    others = [Dataset.objects.create(group=dataset.group, name=f"run {n}", n_frames=1) for n in range(12)]
    for other in others:
        current_labels(other)
    assert len(state_cache._kept.entries) == state_cache.MOST_KEPT


def test_labels_as_of_an_event_stay_what_they_were(dataset: Dataset) -> None:
    label_frames(dataset=dataset, frames=np.array([1, 2]), operation="set", classes=["Round"])
    event = label_frames(dataset=dataset, frames=np.array([2]), operation="add", classes=["Bent"])
    before = export_labels(dataset, event.pk)
    undo_event(event=event, user=None)
    label_frames(dataset=dataset, frames=np.array([3]), operation="set", classes=[])
    again = export_labels(dataset, event.pk)
    np.testing.assert_array_equal(before.matrix, again.matrix)
    np.testing.assert_array_equal(label_state(dataset, event.pk).masks[[1, 2, 3]], [1, 0b101, UNSEEN])
    assert label_state(dataset).masks[[1, 2, 3]].tolist() == [1, 1, 0]


@pytest.mark.parametrize("frames", [[0], [0, 1, 2, 3], [5, 10**9, 10**12]])
def test_frame_numbers_survive_packing(frames: list[int]) -> None:
    assert unpack_frames(pack_frames(np.array(frames))).tolist() == frames


def test_classes_beyond_the_twentieth_are_counted(dataset: Dataset) -> None:
    for number in range(30):
        add_class(scheme=dataset.scheme, name=f"Kind {number}")
    dataset.refresh_from_db()
    for frames, classes in ([0, 1, 2], ["Kind 29", "Round"]), ([2, 3], ["Kind 28"]):
        label_frames(dataset=dataset, frames=np.array(frames), operation="set", classes=classes)
        check_same(dataset)
    counts = current_labels(dataset).class_counts(dataset.scheme.names)
    assert (counts["Kind 29"], counts["Round"], counts["Kind 28"]) == (2, 2, 2)


def test_what_others_said_stays_when_an_act_in_between_is_taken_back(dataset: Dataset) -> None:
    label_frames(dataset=dataset, frames=np.arange(40), operation="set", classes=["Round"])
    event = label_frames(dataset=dataset, frames=np.array([2, 30]), operation="add", classes=["Bent"])
    label_frames(dataset=dataset, frames=np.array([30]), operation="add", classes=["Streak"])
    current_labels(dataset)
    undo_event(event=event, user=None)
    check_same(dataset)
    assert current_labels(dataset).state.masks[[2, 30]].tolist() == [0b1, 0b11]


def test_of_many_events_only_the_last_are_counted_and_none_is_missed(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_cache, "FEWEST_COUNTED", 4)
    monkeypatch.setattr(state_cache, "MOST_COUNTED", 9)
    for frame in range(30):
        event = label_frames(dataset=dataset, frames=np.array([frame]), operation="set", classes=["Round"])
        assert current_labels(dataset).n_labelled == frame + 1
        assert current_labels(dataset).n_events <= 9
    late = LabelEvent.objects.filter(dataset=dataset).order_by("-id")[2]
    number, packed = late.pk, late.frames
    LabelEvent.objects.filter(pk=number).delete()
    assert current_labels(dataset).n_labelled == 29
    LabelEvent.objects.create(pk=number, dataset=dataset, operation="set", mask=1, frames=packed, n_frames=1)
    assert current_labels(dataset).n_labelled == 30
    undo_event(event=event, user=None)
    np.testing.assert_array_equal(current_labels(dataset).state.masks, replay(dataset).state.masks)
    LabelEvent.objects.filter(dataset=dataset, operation="undo").delete()
    LabelEvent.objects.filter(dataset=dataset).delete()
    assert current_labels(dataset).n_labelled == 0
