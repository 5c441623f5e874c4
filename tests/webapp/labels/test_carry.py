"""Labels that come from another data set, or from the source files."""

import numpy as np
import pytest

from tests.webapp.factories import make_dataset, make_group, make_product, make_user
from webapp.datasets.services import match_frames
from webapp.jobs.lifecycle import NotPublishable
from webapp.jobs.models import Product
from webapp.jobs.services import Handle
from webapp.labels.carry import ask_for_file_labels, carry_over, import_file_labels
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.selectors import export_labels, last_event_id
from webapp.labels.services import create_scheme, label_frames

pytestmark = pytest.mark.django_db
NAMES = ["Empty", "Round", "Streak"]


@pytest.fixture
def before():
    dataset = make_dataset(make_group(), n_frames=30)
    create_scheme(dataset=dataset, names=NAMES)
    label_frames(dataset=dataset, frames=np.array([2, 3]), operation="set", classes=["Round", "Streak"])
    label_frames(dataset=dataset, frames=np.array([9]), operation="set", classes=["Empty"])
    label_frames(dataset=dataset, frames=np.array([10]), operation="set", classes=[])
    return dataset


def matched(before, old, new):
    target = make_dataset(before.group, n_frames=30, name="calibrated anew")
    return target, make_product(
        target,
        "match",
        lambda out: np.savez(out / "matches.npz", old=np.array(old), new=np.array(new)),
        {"by": "place in the file"},
        params={"labels_from": str(before.pk)},
    )


def said(dataset):
    labels = export_labels(dataset, last_event_id(dataset))
    return {
        int(index): {name for name, applies in zip(labels.classes, row, strict=True) if applies}
        for index, row in zip(labels.indices, labels.matrix, strict=True)
    }


def test_labels_follow_their_frames_to_other_numbers(before):
    target, product = matched(before, old=[2, 9, 10, 11], new=[20, 0, 5, 6])
    carry_over(product=product)
    assert said(target) == {20: {"Round", "Streak"}, 0: {"Empty"}, 5: set()}
    event = LabelEvent.objects.filter(dataset=target).first()
    assert event.scope == f"carried over by place in the file, from {before.name}"
    assert target.scheme.exclusive == ClassScheme.objects.get(dataset=before).exclusive


def test_carrying_over_twice_appends_nothing(before):
    target, product = matched(before, old=[2, 9], new=[20, 0])
    carry_over(product=product)
    n_events = LabelEvent.objects.filter(dataset=target).count()
    carry_over(product=product)
    assert LabelEvent.objects.filter(dataset=target).count() == n_events == 2


def from_files(dataset, matrix):
    matrix = np.array(matrix, bool)
    return make_product(
        dataset,
        "file-labels",
        lambda out: np.savez(out / "labels.npz", indices=np.arange(len(matrix)) + 4, matrix=matrix),
        {"classes": NAMES, "n_labelled": len(matrix)},
    )


def test_labels_of_the_files_become_labels_and_empty_stands_alone():
    dataset = make_dataset(make_group(), n_frames=30)
    import_file_labels(product=from_files(dataset, [[0, 1, 1], [1, 0, 0], [0, 1, 1]]))
    assert said(dataset) == {4: {"Round", "Streak"}, 5: {"Empty"}, 6: {"Round", "Streak"}}
    assert dataset.scheme.exclusive == ["Empty"]
    assert LabelEvent.objects.filter(dataset=dataset).count() == 2


def test_labels_of_the_files_that_the_classes_exclude_are_refused_in_words(before):
    with pytest.raises(NotPublishable, match=r"Empty, Round.*exclude"):
        import_file_labels(product=from_files(before, [[1, 1, 0]]))


def test_the_label_page_offers_the_labels_of_the_files(before, client):
    client.force_login(make_user("ada", before.group))
    assert "Labels in the source files" not in client.get(f"/datasets/{before.pk}/label/").content.decode()
    source = before.products.get(kind="inspect")
    source.facts["label_names"], source.params = NAMES, {"dataset_path": before.dataset_path}
    source.save()
    assert "Labels in the source files" in client.get(f"/datasets/{before.pk}/label/").content.decode()
    answer = client.post(f"/datasets/{before.pk}/label/files/", follow=True)
    assert "A worker reads the labels." in answer.content.decode()


def test_labels_without_names_get_them_when_they_are_taken_in(before, client):
    client.force_login(make_user("ada", before.group))
    source = before.products.get(kind="inspect")
    source.facts["label_names"], source.params = ["label 1", "label 2"], {"dataset_path": before.dataset_path}
    source.save()
    url = f"/datasets/{before.pk}/label/files/"
    assert "1 names were given" in client.post(url, {"names": "Round"}, follow=True).content.decode()
    assert "same name" in client.post(url, {"names": "Round\nRound"}, follow=True).content.decode()
    client.post(url, {"names": "Round\nStreak"})
    params = {"dataset": str(before.pk), "names": ["Round", "Streak"]}
    assert before.jobs.get(kind="file-labels").params == params


def test_a_data_set_of_the_same_files_takes_their_labels_in_for_itself(before):
    source = before.products.get(kind="inspect")
    source.facts["label_names"] = NAMES
    source.save()
    taken_in = from_files(before, [[0, 1, 1]])
    Product.objects.filter(pk=taken_in.pk).update(key=ask_for_file_labels(dataset=before, source=source).key)
    twin = make_dataset(before.group, n_frames=30, name="registered twice")
    looked_into = twin.products.get(kind="inspect")
    Product.objects.filter(pk=looked_into.pk).update(key=source.key, facts=source.facts)
    looked_into.refresh_from_db()
    assert ask_for_file_labels(dataset=twin, source=looked_into).job is not None


def test_labels_are_carried_into_each_of_two_successors_with_the_same_files(before):
    index = make_product(before, "index", lambda out: None)
    handles = []
    for name in ("once", "once more"):
        successor = make_dataset(before.group, n_frames=30, name=name)
        successor.relinked_from = before
        successor.save()
        handles.append(match_frames(dataset=successor, index=Handle.of(index)))
    assert handles[0].key != handles[1].key
