"""Which frames and files a manifest has: the form, the count, and what the job is asked for."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import make_dataset, make_user
from tests.webapp.manifests.products import CLASSES, add_manifest
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job
from webapp.labels.selectors import last_event_id
from webapp.labels.services import label_frames
from webapp.manifests.card import manifest_arguments
from webapp.manifests.selectors import INPUTS
from webapp.manifests.services import newest_columns, write_newest_manifest
from workers.science.steps.manifest import write_manifest

pytestmark = pytest.mark.django_db
FORM = {"chosen": "1", "files": ["csv", "parquet"]}


def ask(member: Client, dataset: Dataset, **fields):
    return member.post(reverse("manifests:dataset-write", args=[dataset.pk]), FORM | fields)


def count(member: Client, dataset: Dataset, **fields) -> str:
    answer = member.get(reverse("manifests:frames-meant", args=[dataset.pk]), fields)
    return " ".join(answer.content.decode().replace("<strong>", "").replace("</strong>", "").split())


def written(job: Job, out) -> tuple[list[dict], dict]:
    (job.folder / "scratch").mkdir(parents=True)
    write_manifest(**manifest_arguments(Job.objects.get(pk=job.pk)), out=str(out))
    rows = pq.read_table(out / "manifest.parquet").to_pylist()
    return rows, json.loads((out / "manifest.json").read_text())


def test_the_number_of_frames_follows_the_filters(dataset, member):
    clusters = newest_columns(dataset).clusters
    assert count(member, dataset) == "300 of 300 frames"
    n = int(np.isin(clusters, [0, 1]).sum())
    assert count(member, dataset, clusters=["0", "1"]) == f"{n} of 300 frames"
    assert count(member, dataset, column="total", low="1e30").startswith("0 of 300 frames")
    assert "low end lies above" in count(member, dataset, column="total", low="2", high="1")
    assert "has a class and a number" in count(member, dataset, surely="class:Disc")


def test_each_filter_that_is_set_has_to_be_passed(dataset, member, tmp_path):
    fields = {"classes": ["=Disc"], "clusters": ["0"], "surely": "class:Disc", "at_least": "0.8"}
    n = int(count(member, dataset, **fields).split()[0])
    assert ask(member, dataset, **fields).status_code == 302
    rows, card = written(Job.objects.get(kind="manifest"), tmp_path)
    assert len(rows) == n > 0
    assert {row["classes"] for row in rows} == {"Disc"}
    assert {row["cluster"] for row in rows} == {0}
    assert min(row["p_Disc"] for row in rows) >= 0.8
    assert card["n_frames"] == card["selection"]["n_frames"] == n
    assert card["selection"]["of"] == 300
    assert card["selection"]["words"].startswith("Frames sorted as Disc in cluster 0")
    assert card["selection"]["rule"] == Job.objects.get(kind="manifest").params["scope"]


def test_a_class_is_what_a_person_said_and_else_what_the_network_says(dataset, member, tmp_path):
    label_frames(dataset=dataset, frames=np.arange(12), operation="set", classes=["Streak"])
    ask(member, dataset, classes=["=Streak"])
    rows, _ = written(Job.objects.get(kind="manifest"), tmp_path)
    assert set(range(24)) <= {row["index"] for row in rows}
    assert all("Streak" in row["classes"].split(";") for row in rows)
    everything = write_newest_manifest(dataset=dataset).job
    (tmp_path / "all").mkdir()
    others, _ = written(everything, tmp_path / "all")
    assert len(rows) == sum("Streak" in row["classes"].split(";") for row in others)


def test_labels_given_after_it_was_asked_for_change_nothing(dataset, member, tmp_path):
    n = int(count(member, dataset, classes=["none"]).split()[0])
    ask(member, dataset, classes=["none"])
    label_frames(dataset=dataset, frames=np.arange(300), operation="set", classes=["Disc"])
    assert count(member, dataset, classes=["none"]).startswith("0 of")
    rows, _ = written(Job.objects.get(kind="manifest"), tmp_path)
    assert len(rows) == n


def test_the_same_choice_is_found_and_not_written_twice(dataset, member):
    ask(member, dataset, clusters=["0"])
    ask(member, dataset, clusters=["0"], files=["parquet", "csv"])
    assert Job.objects.filter(kind="manifest").count() == 1
    ask(member, dataset, clusters=["1"])
    assert Job.objects.filter(kind="manifest").count() == 2


def test_everything_as_the_usual_files_is_what_the_simple_button_writes(dataset, member):
    ask(member, dataset, frames="all")
    member.post(reverse("manifests:dataset-write", args=[dataset.pk]))
    assert not {"scope", "formats", "promise"} & set(Job.objects.get(kind="manifest").params)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"files": []}, "Choose at least one file"),
        ({"files": ["exe"]}, "exe is not one of the available choices"),
        ({"classes": ["=Nothing"]}, "=Nothing is not one of the available choices"),
        ({"low": "3"}, "Choose the column"),
        ({"column": "total", "low": "1e30"}, "No frame fits"),
    ],
)
def test_a_form_that_cannot_be_meant_says_why_and_writes_nothing(dataset, member, fields, words):
    answer = ask(member, dataset, **fields)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Job.objects.exists()


def test_before_there_is_an_index_the_form_says_so(dataset, member):
    bare = make_dataset(dataset.group, n_frames=40, name="bare")
    page = member.get(reverse("manifests:dataset-write", args=[bare.pk]))
    assert b"not indexed yet" in page.content
    assert count(member, bare).startswith("<span class")


def test_a_viewer_sees_the_form_but_cannot_send_it(dataset):
    viewer = Client()
    viewer.force_login(make_user("vera", dataset.group, role="viewer"))
    page = viewer.get(reverse("manifests:dataset-write", args=[dataset.pk])).content.decode()
    assert "disabled" in page
    assert ">Write this manifest</button>" not in page
    assert ask(viewer, dataset).status_code == 403


def test_a_promise_decides_of_classes_and_stands_in_the_card(dataset, tmp_path):
    promise = {"level": 0.95, "classes": {"Disc": {"threshold": 0.9}, "Streak": {"threshold": None}}}
    job = write_newest_manifest(dataset=dataset, promise=promise, scope={"sorted": ["Disc"]}).job
    rows, card = written(job, tmp_path)
    labelled = [row for row in rows if row["label"]]
    assert len(labelled) == 12
    assert min(row["p_Disc"] for row in rows if not row["label"]) >= 0.9
    assert {row["classes"] for row in rows} == {"Disc"}
    assert card["promise"] == promise
    columns = newest_columns(dataset, promise)
    sure = np.flatnonzero(columns.class_probabilities[:, CLASSES.index("Disc")] >= 0.9)
    assert {row["index"] for row in rows} == (set(sure.tolist()) - set(range(12, 24))) | set(range(12))


def test_beside_a_manifest_of_some_frames_one_of_all_is_offered(dataset, member):
    inputs = {name: dataset.products.filter(kind=kind).first() for name, kind in INPUTS.items()}
    inputs = {name: product for name, product in inputs.items() if product}
    some = add_manifest(dataset, last_event_id(dataset), **inputs)
    page = reverse("manifests:dataset-download", args=[dataset.pk])
    assert "Write a manifest of all frames" not in member.get(page).content.decode()
    some.params |= {"scope": {"sorted": ["Disc"]}}
    some.save()
    assert "Write a manifest of all frames" in member.get(page).content.decode()


def test_a_promise_that_cannot_be_given_is_told_on_the_form(dataset, member):
    answer = ask(member, dataset, purity="95")
    assert answer.status_code == 422
    assert not Job.objects.filter(kind="manifest").exists()
