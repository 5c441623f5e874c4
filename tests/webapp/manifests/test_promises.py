"""A purity is promised where there are grounds for it, refused in words where not, and proved by audits."""

import re
import uuid

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import make_classified, make_group, make_sorted_dataset, make_user
from tests.webapp.manifests.products import CLASSES, label_some
from tests.webapp.manifests.promised import classify_promised, make_promise, read
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job
from webapp.labels.audits import frames_of
from webapp.labels.models import LabelEvent, SelectionAudit
from webapp.labels.readings import record_reading
from webapp.labels.services import label_frames
from webapp.manifests.audit_bound import frames_needed
from webapp.manifests.promise_audits import audit_views
from webapp.manifests.promises import PromiseError, promise_from

N = 2400


@pytest.fixture
def dataset(db) -> Dataset:
    dataset = make_sorted_dataset(make_group(), N)
    label_some(dataset)
    return dataset


@pytest.fixture
def person(dataset):
    return make_user("ada", dataset.group)


@pytest.fixture
def member(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def rows_page(client: Client, dataset: Dataset, **fields: object) -> str:
    response = client.get(reverse("manifests:promise-rows", args=[dataset.pk]), fields)
    assert response.status_code == 200
    return response.content.decode()


def begin(client: Client, dataset: Dataset, name: str = "Disc", **fields: object) -> SelectionAudit:
    data = {"purity": "95", "audit_class": name} | fields
    response = client.post(reverse("manifests:audit-start", args=[dataset.pk]), data)
    audit = SelectionAudit.objects.filter(dataset=dataset).first()
    assert response["Location"].endswith(f"?mode=picked&audit={audit.pk}")
    return audit


def test_a_manifest_without_a_purity_promises_nothing(dataset):
    classify_promised(dataset, CLASSES, 600)
    assert promise_from(dataset, {"purity": ""}) is None
    assert promise_from(dataset, {}) is None


def test_enough_labels_make_a_promise_and_its_threshold_selects_as_many_frames_as_it_says(dataset):
    classification = classify_promised(dataset, CLASSES, 900)
    promise = promise_from(dataset, {"purity": "90"})
    told = promise["classes"]["Disc"]
    assert told["kept"]
    assert told["by"] == "labels"
    assert told["purity"][1] >= 0.9
    labelled = np.load(classification.input("network").folder / "judged.npz")["indices"]
    said = np.delete(np.load(classification.folder / "probabilities.npy"), labelled, axis=0)
    is_alone = (
        said.argmax(axis=1) == 2
    )  # “Empty/none” stands alone, and keeps others out where it is likeliest
    chosen = (said[:, 0] >= told["threshold"]) & ~(is_alone & ("Empty/none" in promise["exclusive"]))
    assert told["expected"] == int(chosen.sum())


def test_few_labels_are_refused_in_words_that_say_how_many_more_it_takes(dataset, member):
    classify_promised(dataset, CLASSES, 20)
    page = rows_page(member, dataset, purity="95")
    assert "Too few labels to promise anything: about" in page
    assert "nothing is promised" in page
    with pytest.raises(PromiseError, match="No class can be promised at 95 %"):
        promise_from(dataset, {"purity": "95"})


def test_a_percentage_that_is_none_gets_one_clear_line(dataset, member):
    classify_promised(dataset, CLASSES, 900)
    for text in ("100", "12", "ninety", "95.5", "-1", "nan", "1e400"):
        assert "whole number of per cent from 50 to 99" in rows_page(member, dataset, purity=text)


def test_each_class_can_be_asked_for_another_purity(dataset):
    classify_promised(dataset, CLASSES, 900)
    promise = promise_from(dataset, {"purity": "90", "purity_1": "60"})
    assert promise["classes"]["Disc"]["asked"] == 0.9
    assert promise["classes"]["Streak"]["asked"] == 0.6


def test_before_anything_is_sorted_the_form_says_what_to_do(dataset, member):
    page = rows_page(member, dataset, purity="95")
    assert "train and sort first" in page


def test_a_sorting_without_a_promise_can_ask_for_one(dataset, member):
    classification = make_classified(dataset, CLASSES)
    assert "Work out what can be promised" in rows_page(member, dataset, purity="95")
    member.post(reverse("manifests:promise-ask", args=[dataset.pk]))
    job = Job.objects.get(kind="promise")
    assert job.inputs["classification"] == str(classification.pk)
    assert "A worker is working out" in rows_page(member, dataset, purity="95")


def test_a_viewer_sees_what_is_promised_but_begins_no_audit(dataset):
    classify_promised(dataset, CLASSES, 20)
    viewer = Client()
    viewer.force_login(make_user("eve", dataset.group, role="viewer"))
    assert "blind</button>" not in rows_page(viewer, dataset, purity="95")
    response = viewer.post(
        reverse("manifests:audit-start", args=[dataset.pk]), {"purity": "95", "audit_class": "Disc"}
    )
    assert response.status_code == 403
    assert not SelectionAudit.objects.exists()


def test_an_audit_draws_from_the_selection_what_nobody_has_labelled(dataset, member):
    classification = classify_promised(dataset, CLASSES, 20)
    audit = begin(member, dataset)
    drawn = frames_of(audit)
    said = np.load(classification.folder / "probabilities.npy")[drawn, 0]
    assert (said >= audit.threshold).all()
    assert not np.isin(drawn, np.arange(24)).any()  # those are labelled
    assert len(np.unique(drawn)) == len(drawn)
    assert begin(member, dataset).pk == audit.pk  # a second click goes on


def test_the_blind_queue_shows_the_frames_of_the_audit_in_its_order_and_nothing_else_of_them(dataset, member):
    classify_promised(dataset, CLASSES, 20)
    audit = begin(member, dataset)
    query = {"mode": "picked", "audit": audit.pk, "count": 12}
    answer = member.get(reverse("labels:label-queue", args=[dataset.pk]), query).json()
    assert [entry["index"] for entry in answer["frames"]] == frames_of(audit)[:12].tolist()
    assert {entry["suggestion"] for entry in answer["frames"]} == {None}
    assert {entry["purpose"] for entry in answer["frames"]} == {"picked"}


def test_an_audit_without_an_error_makes_the_promise_that_labels_could_not(dataset, member, person):
    classify_promised(dataset, CLASSES, 20)
    audit = begin(member, dataset)
    needed = frames_needed(0.95, audit.n_selected, 0.04)
    read(audit, person, needed - 1)
    assert f"{needed - 1} of {needed} audited, 0 wrong" in rows_page(member, dataset, purity="95")
    with pytest.raises(PromiseError):
        promise_from(dataset, {"purity": "95"})
    read(audit, person, 1, start=needed - 1)
    told = promise_from(dataset, {"purity": "95"})["classes"]["Disc"]
    assert told["by"] == "audit"
    assert told["threshold"] == audit.threshold
    assert told["purity"][1] >= 0.95
    assert (told["audit"]["n"], told["audit"]["wrong"], told["audit"]["people"]) == (needed, 0, 1)
    assert told["audit"]["seed"] == str(audit.seed)


def test_an_audit_changes_no_label_and_is_not_taken_for_one_of_all_frames(dataset, member, person):
    classify_promised(dataset, CLASSES, 20)
    before = LabelEvent.objects.filter(purpose="label").count()
    read(begin(member, dataset), person, 5)
    assert LabelEvent.objects.filter(purpose="label").count() == before
    page = member.get(reverse("labels:label-agreement", args=[dataset.pk])).content.decode()
    assert "5 read, none wrong" in page
    assert "No labelled frame was audited yet" in page


def test_a_frame_that_was_passed_over_stops_the_count(dataset, member, person):
    classification = classify_promised(dataset, CLASSES, 20)
    audit = begin(member, dataset)
    read(audit, person, 3)
    read(audit, person, 4, start=4)
    view = audit_views(dataset, classification)["Disc"]
    assert view.n == 3
    assert view.passed_over == frames_of(audit)[3]
    read(audit, person, 1, start=3)
    assert audit_views(dataset, classification)["Disc"].n == 8


def test_of_several_people_the_majority_counts_and_a_tie_is_wrong(dataset, member, person):
    classification = classify_promised(dataset, CLASSES, 20)
    audit, other = begin(member, dataset), make_user("bob", dataset.group)
    read(audit, person, 4)
    read(audit, other, 4, wrong=2)
    view = audit_views(dataset, classification)["Disc"]
    assert (view.n, view.wrong, view.people) == (4, 2, 2)
    read(audit, make_user("cy", dataset.group), 4)
    assert audit_views(dataset, classification)["Disc"].wrong == 0


def test_errors_take_back_what_labels_promised_of_the_same_selection(dataset, member, person):
    classify_promised(dataset, CLASSES, 900)
    assert promise_from(dataset, {"purity": "90"})["classes"]["Disc"]["by"] == "labels"
    audit = begin(member, dataset, purity="90")
    read(audit, person, 60, wrong=20)
    told = promise_from(dataset, {"purity": "90"})["classes"]["Disc"]
    assert not told["kept"]
    assert told["threshold"] is None
    assert "20 of 60 random frames wrong" in told["why"]


def test_after_errors_a_stricter_selection_can_be_audited_and_spends_what_is_left_of_the_chance(
    dataset, member, person
):
    classify_promised(dataset, CLASSES, 20)
    first = begin(member, dataset)
    read(first, person, 80, wrong=10)
    page = member.get(reverse("manifests:dataset-download", args=[dataset.pk])).content.decode()
    assert "Raise the threshold" in page
    second = begin(member, dataset, stricter="1")
    assert second.threshold > first.threshold
    assert second.turn == 2
    assert not np.isin(frames_of(second), frames_of(first)[:80]).any()
    assert frames_needed(0.95, 10**6, 0.008) > frames_needed(0.95, 10**6, 0.04)


def test_an_audit_of_an_earlier_sorting_proves_nothing_of_the_next(dataset, member, person):
    classify_promised(dataset, CLASSES, 20)
    audit = begin(member, dataset)
    read(audit, person, 90)
    promise_from(dataset, {"purity": "95"})
    make_promise(dataset, make_classified(dataset, CLASSES), 20)
    with pytest.raises(PromiseError):
        promise_from(dataset, {"purity": "95"})
    page = member.get(reverse("manifests:dataset-download", args=[dataset.pk])).content.decode()
    assert "this audit belongs to the sorting before" in page


def test_labels_given_since_are_told_beside_the_audit(dataset, member, person):
    classify_promised(dataset, CLASSES, 20)
    audit = begin(member, dataset)
    read(audit, person, 90)
    frame = np.sort(frames_of(audit)[:2].astype(np.int64))
    label_frames(dataset=dataset, frames=frame, operation="set", classes=["Streak"], user=person)
    page = member.get(reverse("manifests:dataset-download", args=[dataset.pk])).content.decode()
    assert "2 of the frames drawn have been labelled since" in page


def test_one_click_writes_a_manifest_with_the_audit_in_it(dataset, member, person):
    classify_promised(dataset, CLASSES, 20)
    read(begin(member, dataset), person, 90)
    page = member.get(reverse("manifests:dataset-download", args=[dataset.pk])).content.decode()
    form = re.search(
        r"<form[^>]*>((?!</form>).)*Write a manifest with these audits in it", page, re.S
    ).group()
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form):
        fields.setdefault(name, []).append(value)
    member.post(reverse("manifests:dataset-write", args=[dataset.pk]), fields)
    job = Job.objects.get(kind="manifest")
    assert job.params["promise"]["classes"]["Disc"]["audit"]["n"] > 40


def test_the_recall_comes_from_frames_drawn_from_all_as_soon_as_enough_are_read(dataset, person):
    classification = classify_promised(dataset, CLASSES, 900)
    told = promise_from(dataset, {"purity": "90"})["classes"]["Disc"]
    assert told["recall_from"] == "labels"
    said = np.load(classification.folder / "probabilities.npy")[:, 0]
    inside, outside = np.flatnonzero(said >= told["threshold"])[:9], np.flatnonzero(said < 0.3)[:6]
    for frame in [*inside, *outside]:
        record_reading(
            dataset=dataset,
            frames=np.array([frame]),
            operation="set",
            classes=["Disc"],
            purpose="audit",
            user=person,
            client_id=uuid.uuid4(),
        )
    told = promise_from(dataset, {"purity": "90"})["classes"]["Disc"]
    assert told["recall_from"] == "audit"
    assert told["recall"] == [0.6, 0.3229, 0.8366]


def test_a_network_that_sorts_a_class_nowhere_is_not_audited(dataset, member):
    classify_promised(dataset, CLASSES, 20)
    response = member.post(
        reverse("manifests:audit-start", args=[dataset.pk]), {"purity": "95", "audit_class": "Dodecagon"}
    )
    assert response["Location"] == reverse("manifests:dataset-write", args=[dataset.pk])
    assert not SelectionAudit.objects.exists()
