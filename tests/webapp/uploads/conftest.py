import base64
import hashlib

import pytest
from django.urls import reverse

from tests.webapp.factories import make_group, make_user
from webapp.uploads.models import Upload
from webapp.uploads.storage import incoming_folder

CREATE = "/uploads/"


def encode(**values):
    """Return a header of metadata."""
    return ",".join(
        f"{name} {base64.b64encode(str(value).encode()).decode()}" for name, value in values.items()
    )


def checksum(body, algorithm="sha256"):
    """Return a header that says what a body is."""
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, body).digest()).decode()}"


class Tus:
    """A client of the protocol that says what a test wants to be said, right or wrong."""

    def __init__(self, client, group):
        self.client, self.group = client, group

    def create(self, size=10, headers=None, **told):
        told = {"filename": "run 3.h5", "group": self.group.pk} | told
        sent = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": encode(**told)}
        return self.client.generic("POST", CREATE, headers=sent | (headers or {}))

    def begin(self, size=10, **told):
        answer = self.create(size, **told)
        assert answer.status_code == 201, answer.content
        return answer["Location"]

    def patch(self, url, offset, body, headers=None, content_type="application/offset+octet-stream"):
        sent = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)} | (headers or {})
        of_body = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
        return self.client.generic("PATCH", url, body, headers=sent, **of_body)

    def head(self, url, version="1.0.0"):
        return self.client.head(url, headers={"Tus-Resumable": version})

    def delete(self, url):
        return self.client.delete(url, headers={"Tus-Resumable": "1.0.0"})

    def finish(self, url):
        return self.client.post(reverse("uploads:set-finish", args=[self.upload(url).upload_set_id]))

    @staticmethod
    def upload(url):
        return Upload.objects.select_related("upload_set__group").get(pk=url.split("/")[-2])

    def received(self, url):
        return self.upload(url).part.path.read_bytes()


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    """Give each test folders of its own."""
    settings.DATA_DIR = tmp_path
    incoming_folder().mkdir()
    return tmp_path


@pytest.fixture
def group(db):
    return make_group()


@pytest.fixture
def tus(client, group):
    client.force_login(make_user("ada", group))
    return Tus(client, group)
