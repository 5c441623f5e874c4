"""Files of labels: sent, read by a worker, looked at, taken in, and taken back."""

import os
from types import SimpleNamespace

import numpy as np
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import make_dataset, make_group, make_product, make_sorted_dataset, make_user
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job, Product
from webapp.jobs.signals import tidying
from webapp.labels import label_files
from webapp.labels.models import ClassScheme, LabelEvent
from webapp.labels.selectors import label_entries
from webapp.labels.services import create_scheme, label_frames
from webapp.labels.state_cache import current_labels
from workers.science.steps.label_file import read_label_file
from workers.tasks.calls import arguments_of

pytestmark = pytest.mark.django_db
TABLE = "source_index,source,path,classes\n3,{0},/entry/data/data,Round\n5,{0},/entry/data/data,Round;Halo\n"


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_sorted_dataset(make_group(), n_frames=40)
    create_scheme(dataset=dataset, names=["Round", "Streak"])
    return dataset


@pytest.fixture
def member(dataset) -> Client:
    client = Client()
    client.force_login(make_user("ada", dataset.group))
    return client


def send(member: Client, dataset: Dataset, name: str, content: str | bytes, **more):
    content = content if isinstance(content, bytes) else content.encode()
    data = {"file": SimpleUploadedFile(name, content), **more}
    return member.post(reverse("labels:label-import", args=[dataset.pk]), data)


def read_by_worker(job: Job) -> Product:
    """Do what the worker does with a job."""
    found = {}

    def write(out):
        found.update(read_label_file(**arguments_of(SimpleNamespace(job=job)), out=str(out)))

    product = make_product(job.dataset, "label-file", write, found, params=job.params, pk=job.result_id)
    Product.objects.filter(pk=product.pk).update(facts=found)
    Job.objects.filter(pk=job.pk).update(state="succeeded")
    return Product.objects.get(pk=product.pk)


def send_table(member: Client, dataset: Dataset) -> Product:
    send(member, dataset, "old.csv", TABLE.format(dataset.source_files.get().path))
    return read_by_worker(Job.objects.get(kind="label-file"))


def classes_of(dataset: Dataset, frame: int) -> list[str] | None:
    scheme = ClassScheme.objects.get(dataset=dataset)
    return label_entries(scheme, current_labels(dataset), np.array([frame]))[0]["classes"]


def test_a_file_is_read_by_a_worker_and_nothing_is_written_before_a_person_says_so(dataset, member):
    answer = send(member, dataset, "old.csv", TABLE.format("run_1.h5"))
    job = Job.objects.get(kind="label-file")
    page = reverse("labels:label-file", args=[job.result_id])
    assert answer["Location"] == page
    waiting = member.get(page).content.decode()
    assert "A worker reads the file" in waiting
    assert f'hx-get="{page}"' in waiting
    assert not LabelEvent.objects.exists()


def test_the_page_says_what_was_found_and_which_classes_are_new(dataset, member):
    product = send_table(member, dataset)
    page = member.get(reverse("labels:label-file", args=[product.pk])).content.decode()
    assert "<strong>2 of 2</strong>" in page
    assert "source file, path and number in it" in page
    assert 'value="Halo" checked' in page
    assert 'value="Round"' not in page
    assert not LabelEvent.objects.exists()


def test_taking_in_adds_the_ticked_classes_and_taking_back_undoes_all_at_once(dataset, member):
    label_frames(dataset=dataset, frames=np.array([3]), operation="set", classes=["Streak"])
    product = send_table(member, dataset)
    take, back = (reverse(f"labels:label-file-{name}", args=[product.pk]) for name in ("take", "back"))
    member.post(take, {"classes": ["Halo"]})
    assert classes_of(dataset, 3) == ["Round"]
    assert classes_of(dataset, 5) == ["Round", "Halo"]
    member.post(take, {"classes": ["Halo"]})
    assert LabelEvent.objects.count() == 3
    assert "Take back" in member.get(reverse("labels:label-file", args=[product.pk])).content.decode()
    member.post(back)
    assert classes_of(dataset, 3) == ["Streak"]
    assert classes_of(dataset, 5) is None
    member.post(back)
    member.post(take)
    assert classes_of(dataset, 3) == ["Round"]


def test_labels_with_a_class_that_is_not_ticked_lose_it(dataset, member):
    product = send_table(member, dataset)
    member.post(reverse("labels:label-file-take", args=[product.pk]))
    assert classes_of(dataset, 5) == ["Round"]
    assert ClassScheme.objects.get(dataset=dataset).names == ["Round", "Streak"]


def test_where_there_are_no_classes_those_of_the_file_are_created(member, dataset):
    ClassScheme.objects.filter(dataset=dataset).delete()
    product = send_table(member, dataset)
    take = reverse("labels:label-file-take", args=[product.pk])
    answer = member.post(take, follow=True)
    assert "Choose at least one class of the file" in answer.content.decode()
    member.post(take, {"classes": ["Round", "Halo"]})
    assert ClassScheme.objects.get(dataset=dataset).names == ["Round", "Halo"]
    assert classes_of(dataset, 5) == ["Round", "Halo"]


def test_a_list_of_one_class_leaves_the_other_classes_of_its_frames(dataset, member):
    label_frames(dataset=dataset, frames=np.array([7]), operation="set", classes=["Streak"])
    path = dataset.source_files.get().path
    send(member, dataset, "class-Round.lst", f"{path} //7\n")
    product = read_by_worker(Job.objects.get(kind="label-file"))
    member.post(reverse("labels:label-file-take", args=[product.pk]))
    assert classes_of(dataset, 7) == ["Round", "Streak"]


def test_a_failed_reading_is_told_in_one_line(dataset, member):
    send(member, dataset, "a.lst", "other //3\n")
    job = Job.objects.get(kind="label-file")
    Job.objects.update(state="failed", error="a.lst: speaks of 1 frames, none of which is in this data set.")
    page = member.get(reverse("labels:label-file", args=[job.result_id])).content.decode()
    assert "none of which is in this data set" in page
    assert "hx-trigger" not in page.partition('id="label-file"')[2]


def test_a_file_that_is_too_large_or_comes_too_early_is_refused_on_the_page(dataset, member, monkeypatch):
    monkeypatch.setattr(label_files, "LARGEST_BYTES", 10)
    answer = send(member, dataset, "m.parquet", b"x" * 11)
    assert answer.status_code == 400
    assert "is larger than 500 MB" in answer.content.decode()
    bare = make_dataset(dataset.group, n_frames=10, name="bare")
    answer = send(member, bare, "m.parquet", b"x")
    assert "not indexed yet" in answer.content.decode()
    assert not Job.objects.filter(kind="label-file").exists()


def test_the_same_file_is_read_once_for_the_same_classes(dataset, member):
    table = TABLE.format("run_1.h5")
    for _ in range(2):
        send(member, dataset, "old.csv", table)
    assert Job.objects.filter(kind="label-file").count() == 1


def test_a_viewer_sees_the_file_but_cannot_take_it_in(dataset, member):
    product = send_table(member, dataset)
    viewer = Client()
    viewer.force_login(make_user("vera", dataset.group, role="viewer"))
    page = viewer.get(reverse("labels:label-file", args=[product.pk])).content.decode()
    assert "cannot take it in" in page
    for name in ("take", "back"):
        assert viewer.post(reverse(f"labels:label-file-{name}", args=[product.pk])).status_code == 403
    stranger = Client()
    stranger.force_login(make_user("eve", make_group("another")))
    assert stranger.get(reverse("labels:label-file", args=[product.pk])).status_code == 404


def test_files_that_were_read_a_week_ago_are_deleted_and_those_that_wait_are_not(dataset, member):
    send(member, dataset, "read.csv", TABLE.format("run_1.h5"))
    Job.objects.filter(kind="label-file").update(state="succeeded")
    send(member, dataset, "waits.csv", TABLE.format("run_2.h5"))
    send(member, dataset, "new.csv", TABLE.format("run_3.h5"))
    Job.objects.filter(params__name="new.csv").update(state="succeeded")
    folder = settings.DATA_DIR / label_files.FOLDER
    kept = {job.params["name"]: folder / job.params["file"] for job in Job.objects.filter(kind="label-file")}
    for name in ("read.csv", "waits.csv"):
        os.utime(kept[name], (0, 0))
    tidying.send(sender=None)
    assert {name for name, path in kept.items() if path.exists()} == {"waits.csv", "new.csv"}
