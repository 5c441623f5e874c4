"""When all is there: the whole is hashed, moved into place, registered and looked into, once."""

import hashlib
import os
import threading
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from tests.webapp.factories import make_group, make_user
from webapp.datasets.drafts import discard_draft
from webapp.datasets.models import Dataset
from webapp.datasets.relink import look_again
from webapp.jobs.models import Job
from webapp.uploads.admission import used_by
from webapp.uploads.finish import finish_set
from webapp.uploads.models import Upload, UploadSet, upload_folder
from webapp.uploads.storage import incoming_folder

pytestmark = pytest.mark.django_db


def send(tus, body, **told):
    url = tus.begin(len(body), **told)
    assert tus.patch(url, 0, body).status_code == 204
    return url


def state(tus, url):
    return tus.finish(url).json()


def test_a_whole_file_becomes_a_draft_that_is_looked_into(tus, group):
    url = send(tus, b"0123456789")
    upload = tus.upload(url)
    finish_set(upload.upload_set_id)
    dataset = Dataset.objects.get()
    file = dataset.source_files.get()
    assert (dataset.name, dataset.group, dataset.created_by.username) == ("run 3", group, "ada")
    assert (file.is_upload, dataset.is_draft) == (True, True)
    assert file.sent_name == upload.filename
    folder = upload_folder(group.pk) / str(upload.upload_set_id)
    assert dataset.roots == [str(folder)]
    assert Path(file.path) == folder / "run 3.h5"
    assert Path(file.path).read_bytes() == b"0123456789"
    assert Job.objects.get().kind == "inspect"
    assert not list(incoming_folder().iterdir())
    assert state(tus, url) == {
        "state": "registered",
        "url": reverse("datasets:dataset-draft", args=[dataset.pk]),
    }


def test_the_checksum_of_the_whole_is_kept_and_compared(tus):
    body = b"0123456789"
    url = send(tus, body, sha256=hashlib.sha256(body).hexdigest())
    finish_set(tus.upload(url).upload_set_id)
    assert tus.upload(url).sha256 == hashlib.sha256(body).hexdigest()
    assert Dataset.objects.exists()


def test_a_file_that_is_not_what_was_sent_is_refused_and_not_kept(tus):
    url = send(tus, b"0123456789", sha256=hashlib.sha256(b"something else").hexdigest())
    finish_set(tus.upload(url).upload_set_id)
    assert not Dataset.objects.exists()
    assert not list(incoming_folder().iterdir())
    answer = state(tus, url)
    assert (answer["state"], "run 3.h5" in answer["words"]) == ("refused", True)
    assert tus.head(url).status_code == 410


def test_several_files_become_one_data_set_when_the_last_is_there(tus):
    told = {"set": uuid4(), "n_files": 3, "name": "night shift"}
    for number in (10, 2):
        url = send(tus, str(number).encode() * 4, filename=f"run/part_{number}.cxi", **told)
        finish_set(told["set"])
        assert state(tus, url) == {"state": "receiving"}
    send(tus, b"1" * 4, filename="run/part_1.CXI", **told)
    finish_set(told["set"])
    dataset = Dataset.objects.get()
    stored = [Path(file.path).read_bytes() for file in dataset.source_files.all()]
    assert (dataset.name, stored) == ("night shift", [b"1111", b"2222", b"10101010"])


def test_files_of_a_set_lie_side_by_side_under_their_own_names_without_leaving_its_folder(tus, group):
    sent = {
        "run/a_master.h5": "a_master.h5",
        "run/a_data_000001.h5": "a_data_000001.h5",
        "other/A_master.h5": "A_master-2.h5",
        "../../../b.h5": "b.h5",
        "c\\d.h5": "d.h5",
        "/etc/.e.H5": "e.H5",
        "größe *?[x].h5": "große _x_.h5".replace("ß", "_"),
        ".h5": "file.h5",
        f"{'long' * 60}.h5": f"{'long' * 60}"[:117] + ".h5",
    }
    told = {"set": uuid4(), "n_files": len(sent)}
    urls = {filename: send(tus, filename.encode(), filename=filename, **told) for filename in sent}
    finish_set(told["set"])
    folder = upload_folder(group.pk) / str(told["set"])
    assert {filename: tus.upload(url).stored_name for filename, url in urls.items()} == sent
    assert {path.name: path.read_bytes().decode() for path in folder.iterdir()} == {
        name: filename for filename, name in sent.items()
    }
    assert used_by(group) == sum(len(filename.encode()) for filename in sent)


def test_the_data_files_of_a_master_are_left_to_it_and_go_with_it(tus, group):
    told = {"set": uuid4(), "n_files": 3}
    for name in ("a_data_000001.h5", "a_data_000002.h5", "a_master.h5"):
        send(tus, b"0123", filename=name, **told)
    finish_set(told["set"])
    dataset = Dataset.objects.get()
    assert [Path(file.path).name for file in dataset.source_files.all()] == ["a_master.h5"]
    assert used_by(group) == 12
    again = look_again(dataset=dataset, paths=[Path(dataset.source_files.get().path)])
    discard_draft(dataset=again)
    assert len(list((upload_folder(group.pk) / str(told["set"])).iterdir())) == 3
    discard_draft(dataset=dataset)
    assert not list(upload_folder(group.pk).iterdir())
    assert used_by(group) == 0


def test_a_second_look_that_outlives_its_data_set_keeps_the_files_and_their_quota(tus, group):
    url = send(tus, b"0123456789")
    finish_set(tus.upload(url).upload_set_id)
    dataset = Dataset.objects.get()
    again = look_again(dataset=dataset, paths=[Path(dataset.source_files.get().path)])
    discard_draft(dataset=dataset)
    assert Path(again.source_files.get().path).read_bytes() == b"0123456789"
    assert used_by(group) == 10


def test_a_file_of_before_sets_had_folders_is_found_and_removed_where_it_lies(tus, group):
    url = send(tus, b"0123456789")
    Upload.objects.update(stored_name="")
    upload = tus.upload(url)
    finish_set(upload.upload_set_id)
    dataset = Dataset.objects.get()
    assert dataset.roots == [str(upload_folder(group.pk))]
    assert Path(dataset.source_files.get().path) == upload_folder(group.pk) / f"{upload.pk}.h5"
    discard_draft(dataset=dataset)
    assert not list(upload_folder(group.pk).iterdir())


def test_half_a_file_is_not_registered(tus):
    url = tus.begin(10)
    tus.patch(url, 0, b"01234")
    finish_set(tus.upload(url).upload_set_id)
    assert not Dataset.objects.exists()


def test_what_was_cancelled_is_not_waited_for(tus):
    told = {"set": uuid4(), "n_files": 2}
    url = send(tus, b"0123", **told)
    finish = reverse("uploads:set-finish", args=[told["set"]])
    assert tus.client.post(finish).json() == {"state": "receiving"}
    assert tus.client.post(finish, {"files": 1}).json() == {"state": "checking"}
    finish_set(tus.upload(url).upload_set_id)
    assert Dataset.objects.get().source_files.count() == 1


def test_an_attempt_that_broke_off_after_the_move_is_finished_by_the_next(tus):
    url = send(tus, b"0123456789")
    upload = tus.upload(url)
    upload.part.move(upload.place)
    finish_set(upload.upload_set_id)
    assert Path(Dataset.objects.get().source_files.get().path).read_bytes() == b"0123456789"


def test_a_set_is_finished_once_by_however_many(tus):
    url = send(tus, b"0123456789")
    for _ in range(3):
        finish_set(tus.upload(url).upload_set_id)
    assert Dataset.objects.count() == Job.objects.count() == 1


def test_what_is_registered_takes_no_more_bytes_and_is_not_taken_back(tus):
    url = send(tus, b"0123456789")
    finish_set(tus.upload(url).upload_set_id)
    assert tus.head(url)["Upload-Offset"] == "10"
    assert tus.patch(url, 10, b"").status_code == 403
    assert tus.delete(url).status_code == 403
    tus.client.post(reverse("uploads:set-remove", args=[tus.upload(url).upload_set_id]))
    assert Path(Dataset.objects.get().source_files.get().path).exists()


def test_a_discarded_draft_takes_its_files_and_their_quota_along(tus, group, settings):
    settings.UPLOAD_QUOTA_BYTES = 15
    url = send(tus, b"0123456789")
    finish_set(tus.upload(url).upload_set_id)
    assert tus.create(10, filename="second.h5").status_code == 507
    tus.client.post(reverse("datasets:dataset-discard", args=[Dataset.objects.get().pk]))
    assert not list(upload_folder(group.pk).iterdir())
    assert not UploadSet.objects.exists()
    assert tus.create(10, filename="second.h5").status_code == 201


def test_the_page_lists_what_is_unfinished_in_my_groups(tus, group):
    url = tus.begin(2000, filename="half of it.cxi", name="night shift")
    tus.patch(url, 0, b"0" * 500)
    page = tus.client.get(reverse("datasets:dataset-register")).content.decode()
    assert "night shift" in page
    assert "half of it.cxi" in page
    assert 'max="2000" value="500"' in page
    tus.client.force_login(make_user("eve", make_group("other")))
    assert "night shift" not in tus.client.get(reverse("datasets:dataset-register")).content.decode()


def test_what_is_removed_on_the_page_is_gone(tus):
    url = tus.begin(10, name="night shift")
    answer = tus.client.post(reverse("uploads:set-remove", args=[tus.upload(url).upload_set_id]))
    assert (answer.status_code, "night shift" in answer.content.decode()) == (200, False)
    assert not list(incoming_folder().iterdir())


def test_a_second_look_at_uploaded_files_takes_no_more_of_the_quota(tus, group, settings):
    url = send(tus, b"0123456789")
    finish_set(tus.upload(url).upload_set_id)
    dataset = Dataset.objects.get()
    look_again(dataset=dataset, paths=[Path(dataset.source_files.get().path)])
    assert used_by(group) == 10


@pytest.mark.parametrize(
    ("filename", "name"), [(".h5", ".h5"), ("RUN.H5", "RUN"), ("night/run 3.tif", "run 3")]
)
def test_a_data_set_is_named_by_its_file_and_never_nameless(tus, filename, name):
    assert tus.upload(tus.begin(10, filename=filename)).upload_set.name == name


def test_the_reaper_removes_what_expired(tus):
    url = tus.begin(10)
    UploadSet.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    call_command("reap", once=True)
    assert not Upload.objects.filter(pk=url.split("/")[-2]).exists()
    assert not list(incoming_folder().iterdir())


@pytest.mark.parametrize("name", [f"{uuid4()}.finish", f"{uuid4()}.lock", "tmp4x_1.upload"])
def test_what_a_killed_process_left_is_removed_when_it_is_old(tus, name):
    path = incoming_folder() / name
    path.touch()
    os.utime(path, (0, 0))
    call_command("reap", once=True)
    assert not path.exists()


def test_files_that_no_row_speaks_of_are_cleaned_up_when_they_are_old(tus):
    paths = [incoming_folder() / f"{uuid4()}.part" for _ in range(2)]
    for path in paths:
        path.write_bytes(b"x")
    os.utime(paths[0], (0, 0))
    tus.begin(10)
    assert [path.exists() for path in paths] == [False, True]


def join_threads():
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon:
            thread.join(timeout=10)


@pytest.mark.django_db(transaction=True)
def test_a_complete_set_whose_process_died_is_finished_although_nobody_asks(tus):
    upload = tus.upload(tus.begin(10))
    half = tus.upload(tus.begin(10, filename="half.h5"))
    for part, body in ((upload.part, b"0123456789"), (half.part, b"01234")):
        token, _ = part.take_turn()
        part.append(token, 0, body)
    call_command("reap", once=True)
    join_threads()
    assert Dataset.objects.get().upload_sets.get() == upload.upload_set


@pytest.mark.django_db(transaction=True)
def test_the_last_byte_is_enough(tus):
    url = send(tus, b"0123456789")
    join_threads()
    assert state(tus, url)["state"] == "registered"


def test_a_set_that_expired_is_not_listed(tus):
    tus.begin(10, name="night shift")
    UploadSet.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "night shift" not in tus.client.get(reverse("uploads:set-list")).content.decode()
