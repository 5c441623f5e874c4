"""Forms with files: a body that no form can have is refused before it is on the disk."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from webapp.uploads import small_forms
from webapp.uploads.storage import incoming_folder

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("checks", [True, False])
def test_a_large_form_is_refused_before_anything_of_it_is_kept(monkeypatch, settings, checks):
    monkeypatch.setattr(small_forms, "MOST_BYTES", 1000)
    settings.FILE_UPLOAD_TEMP_DIR = incoming_folder() / "not-there"  # writing to it would be an error
    client = Client(enforce_csrf_checks=checks, raise_request_exception=True)
    client.get("/login/")  # brings the cookie without which a form is not even looked at
    answer = client.post(
        "/login/", {"file": SimpleUploadedFile("labels.csv", b"0" * 2000), "username": "ada"}
    )
    assert answer.status_code == 400
    assert "larger than a form" in answer.content.decode()
