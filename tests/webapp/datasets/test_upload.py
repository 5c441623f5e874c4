import shutil
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import make_group, make_user
from webapp.datasets.models import Dataset
from webapp.datasets.uploads import FORM_BYTES, HDF5_SIGNATURE, UploadRefused, check_upload, store_upload
from webapp.jobs.models import Job

pytestmark = pytest.mark.django_db
WHOLE = HDF5_SIGNATURE + b"0" * 5000


@pytest.fixture
def group():
    return make_group()


@pytest.fixture
def signed_in(client, group):
    client.force_login(make_user("ada", group))
    return client


@pytest.fixture
def uploads(settings):
    folder = settings.DATA_DIR / "uploads"
    shutil.rmtree(folder, ignore_errors=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def upload(client, group, content=WHOLE, name="run 3.h5", **headers):
    fields = {"upload-file": SimpleUploadedFile(name, content), "upload-group": group.pk, "upload-name": ""}
    return client.post(reverse("datasets:dataset-upload"), fields, **headers)


def test_a_file_is_kept_whole_and_looked_into(signed_in, group, uploads):
    answer = upload(signed_in, group)
    dataset = Dataset.objects.get()
    assert answer.url == reverse("datasets:dataset-draft", args=[dataset.pk])
    file = dataset.source_files.get()
    assert Path(file.path).read_bytes() == WHOLE
    assert Path(file.path).parent == uploads / str(group.pk)
    assert (file.is_upload, dataset.name, dataset.roots) == (True, "run 3", [str(uploads / str(group.pk))])
    assert Job.objects.get().kind == "inspect"


def test_the_module_gets_json(signed_in, group, uploads):
    answer = upload(signed_in, group, HTTP_ACCEPT="application/json")
    assert answer.json()["url"] == reverse("datasets:dataset-draft", args=[Dataset.objects.get().pk])
    answer = upload(signed_in, group, b"no such thing", HTTP_ACCEPT="application/json")
    assert answer.status_code == 422
    assert "signature is missing" in answer.json()["error"]


@pytest.mark.parametrize(
    ("content", "name"), [(b"GIF89a", "a.h5"), (WHOLE, "a.gif"), (b"", "a.h5"), (b"0" + WHOLE, "a.h5")]
)
def test_what_is_no_hdf5_leaves_nothing_behind(signed_in, group, uploads, content, name):
    assert upload(signed_in, group, content, name).status_code == 422
    assert not files_in(uploads)
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("offset", [0, 512, 1024, 2048])
def test_a_user_block_before_the_signature_is_allowed(offset):
    check_upload(SimpleUploadedFile("a.nxs", b"\1" * offset + HDF5_SIGNATURE + b"0" * 100))
    with pytest.raises(UploadRefused):
        check_upload(SimpleUploadedFile("a.nxs", b"\1" * (offset + 1) + HDF5_SIGNATURE + b"0" * 100))


def test_a_file_over_the_limit_is_refused(signed_in, group, uploads, settings):
    settings.UPLOAD_LIMIT_BYTES = 1000
    answer = upload(signed_in, group, WHOLE + b"0" * FORM_BYTES)
    assert answer.status_code == 413
    assert "allowed folders" in answer.content.decode()
    assert not files_in(uploads)


def test_nothing_is_stored_of_a_body_that_is_too_large_or_comes_from_a_stranger(
    signed_in, client, group, settings, monkeypatch
):
    stored = []
    monkeypatch.setattr(
        TemporaryFileUploadHandler, "new_file", lambda self, *args, **kwargs: stored.append(args)
    )
    settings.UPLOAD_LIMIT_BYTES = 1000
    assert upload(signed_in, group, WHOLE + b"0" * FORM_BYTES).status_code == 413
    client.logout()
    assert upload(client, group, b"0" * 100).status_code == 302
    assert stored == []


def test_an_upload_without_a_token_is_refused(group, uploads):
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("ada", group))
    assert upload(client, group).status_code == 403
    assert not files_in(uploads)


def test_a_full_disk_is_told_before_the_file_is_moved(signed_in, group, uploads, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    answer = upload(signed_in, group)
    assert answer.status_code == 413
    assert "too little" in answer.content.decode()
    assert not files_in(uploads)


def test_a_move_that_fails_leaves_nothing_behind(group, uploads, monkeypatch):
    def break_off(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", break_off)
    with pytest.raises(UploadRefused, match="No space left"):
        store_upload(group=group, file=SimpleUploadedFile("a.h5", WHOLE))
    assert not files_in(uploads)


def test_a_file_on_disk_is_given_a_name_not_copied(group, uploads):
    file = TemporaryUploadedFile("a.h5", "application/x-hdf5", len(WHOLE), None)
    file.write(WHOLE)
    file.flush()
    inode = Path(file.temporary_file_path()).stat().st_ino
    stored = store_upload(group=group, file=file)
    file.close()
    assert stored.stat().st_ino == inode
    assert stored.read_bytes() == WHOLE


def test_the_name_of_the_file_never_becomes_a_path(signed_in, group, uploads):
    upload(signed_in, group, name="../../etc/evil.h5")
    (stored,) = files_in(uploads)
    assert stored.parent == uploads / str(group.pk)
    assert "evil" not in stored.name


def test_nobody_uploads_into_a_group_of_others(signed_in, uploads):
    assert upload(signed_in, make_group("other")).status_code == 422
    assert not files_in(uploads)


def test_an_uploaded_draft_takes_its_file_along_when_discarded(signed_in, group, uploads):
    upload(signed_in, group)
    assert files_in(uploads)
    signed_in.post(reverse("datasets:dataset-discard", args=[Dataset.objects.get().pk]))
    assert not files_in(uploads)
