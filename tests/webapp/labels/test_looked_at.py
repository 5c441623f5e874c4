"""Which labels say something of purity: those of frames that somebody has looked at."""

import io

import numpy as np
import pytest

from tests.webapp.factories import make_classified, make_dataset, make_group, make_sorted_dataset
from webapp.jobs.models import Job
from webapp.jobs.services import Handle
from webapp.labels.looked_at import MOST_LOOKED_AT, looked_at_frames
from webapp.labels.selectors import last_event_id
from webapp.labels.services import create_scheme, import_labels_csv, label_frames, undo_event
from webapp.manifests.promise_jobs import ask_for_promise, promise_arguments

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset():
    dataset = make_dataset(make_group(), 600)
    create_scheme(dataset=dataset, names=["Round", "Streak"])
    return dataset


def label(dataset, first: int, last: int, name: str = "Round"):
    return label_frames(dataset=dataset, frames=np.arange(first, last), operation="set", classes=[name])


def looked_at(dataset) -> list[int]:
    frames, is_seen = looked_at_frames(dataset, last_event_id(dataset))
    return frames[is_seen].tolist()


def test_a_page_of_frames_was_looked_at_and_a_whole_cluster_was_not(dataset):
    label(dataset, 0, MOST_LOOKED_AT)
    label(dataset, 100, 101 + MOST_LOOKED_AT)
    frames, is_seen = looked_at_frames(dataset, last_event_id(dataset))
    assert len(frames) == 2 * MOST_LOOKED_AT + 1
    assert frames[is_seen].tolist() == list(range(MOST_LOOKED_AT))


def test_who_corrects_a_frame_of_a_cluster_has_looked_at_it(dataset):
    label(dataset, 0, 200)
    label(dataset, 7, 8, "Streak")
    assert looked_at(dataset) == [7]


def test_an_act_that_was_taken_back_says_nothing(dataset):
    label(dataset, 3, 6)
    undo_event(event=label(dataset, 0, 200), user=None)
    assert looked_at(dataset) == [3, 4, 5]


def test_labels_from_a_file_count_one_by_one(dataset):
    rows = "".join(f"{frame},Round\n" for frame in range(120))
    import_labels_csv(dataset=dataset, file=io.BytesIO(f"index,classes\n{rows}".encode()))
    assert len(looked_at(dataset)) == 120


def test_labels_after_the_event_are_left_out(dataset):
    event = label(dataset, 0, 2)
    label(dataset, 5, 9)
    assert looked_at_frames(dataset, event.pk)[0].tolist() == [0, 1]


def test_the_job_of_a_promise_is_told_who_was_looked_at_and_that_a_network_is_from_elsewhere():
    group = make_group()
    dataset, other = make_sorted_dataset(group, 600), make_sorted_dataset(group, 600, "run 8")
    create_scheme(dataset=dataset, names=["Round", "Streak"])
    event = label(dataset, 0, 30)
    classification = make_classified(dataset)
    network = classification.input("network")
    network.params = {"labels_as_of": event.pk}
    network.save()
    ask_for_promise(dataset=dataset, classification=Handle.of(classification))
    job = Job.objects.get(kind="promise")
    (job.folder / "scratch").mkdir(parents=True)
    given = promise_arguments(job)
    with np.load(given["labelled"]) as told:
        assert told["indices"].tolist() == list(range(30))
        assert told["looked_at"].all()
    assert given["network_dir"] == str(network.folder)
    network.dataset = other
    network.save()
    assert promise_arguments(job)["network_dir"] is None


def test_a_network_from_elsewhere_is_judged_by_the_labels_here_none_of_which_it_has_seen():
    group = make_group()
    dataset, other = make_sorted_dataset(group, 600), make_sorted_dataset(group, 600, "run 8")
    create_scheme(dataset=dataset, names=["Streak", "Round"])
    label(dataset, 0, 30)
    label(dataset, 30, 40, "Streak")
    classification = make_classified(dataset, ("Round", "Bent", "Streak"))
    network = classification.input("network")
    network.dataset = other
    network.save()
    ask_for_promise(dataset=dataset, classification=Handle.of(classification))
    job = Job.objects.get(kind="promise")
    assert job.params == {"labels_as_of": last_event_id(dataset)}
    (job.folder / "scratch").mkdir(parents=True)
    given = promise_arguments(job)
    said = np.load(classification.folder / "probabilities.npy")[:40]
    with np.load(f"{given['network_dir']}/judged.npz") as judged:
        assert judged["indices"].tolist() == list(range(40))
        assert judged["truth"].sum(axis=0).tolist() == [30, 0, 10]
        assert (judged["probabilities"] == said).all()
