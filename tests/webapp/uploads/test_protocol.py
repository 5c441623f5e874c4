"""tus 1.0 word by word: core protocol, creation, checksum, termination, expiration, and every refusal."""

import hashlib
import shutil
from datetime import timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID, uuid4

import pytest
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from tests.webapp.factories import make_group, make_user
from tests.webapp.uploads.conftest import CREATE, Tus, checksum, encode
from webapp.uploads.models import Upload, UploadSet
from webapp.uploads.storage import incoming_folder

pytestmark = pytest.mark.django_db


def test_options_say_what_is_spoken(tus, settings):
    answer = tus.client.options(CREATE)
    assert answer.status_code == 204
    assert answer["Tus-Version"] == answer["Tus-Resumable"] == "1.0.0"
    assert set(answer["Tus-Extension"].split(",")) == {"creation", "expiration", "checksum", "termination"}
    assert set(answer["Tus-Checksum-Algorithm"].split(",")) == {"sha1", "sha256"}
    assert answer["Tus-Max-Size"] == str(settings.UPLOAD_LIMIT_BYTES)


def test_a_creation_answers_with_an_address_that_nobody_can_guess(tus):
    first, second = tus.create(), tus.create(filename="other.h5")
    assert first.status_code == 201
    assert UUID(first["Location"].split("/")[-2]).version == 4
    assert first["Location"] != second["Location"]


def test_on_its_way_in_the_name_of_the_file_is_nowhere_on_the_disk(tus, folders):
    url = tus.begin(filename="../../etc/evil.h5")
    assert {path.stem for path in incoming_folder().iterdir()} == {url.split("/")[-2]}
    assert not [path for path in folders.rglob("*") if "evil" in path.name]


def test_head_tells_offset_length_and_metadata(tus):
    url = tus.begin(10, filename="größe.h5")
    tus.patch(url, 0, b"0123")
    answer = tus.head(url)
    assert answer.status_code == 200
    assert (answer["Upload-Offset"], answer["Upload-Length"]) == ("4", "10")
    assert answer["Upload-Metadata"] == encode(filename="größe.h5", group=tus.group.pk)
    assert "no-store" in answer["Cache-Control"]


def test_bytes_are_appended_and_the_new_offset_is_told(tus):
    url = tus.begin(10)
    for offset, body in ((0, b"0123"), (4, b"45"), (6, b"")):
        answer = tus.patch(url, offset, body)
        assert answer.status_code == 204
        assert answer["Upload-Offset"] == str(offset + len(body))
    assert tus.received(url) == b"012345"


def test_the_body_is_read_in_pieces_and_never_at_once(tus, monkeypatch):
    monkeypatch.setattr(HttpRequest, "body", property(lambda self: pytest.fail("the whole body was read")))
    url = tus.begin(10**6)
    assert tus.patch(url, 0, b"x" * 10**6).status_code == 204


def test_every_answer_bears_the_version(tus):
    url = tus.begin(10)
    stranger, foreign = Client(), make_group("other")
    answers = [
        tus.client.options(CREATE),
        tus.create(),
        tus.create(group=foreign.pk),
        tus.create(-1),
        tus.head(url),
        tus.head(url, "0.2.2"),
        tus.patch(url, 0, b"1"),
        tus.patch(url, 7, b"1"),
        tus.client.get(url, headers={"Tus-Resumable": "1.0.0"}),
        stranger.head(url, headers={"Tus-Resumable": "1.0.0"}),
        tus.head(url.replace(url.split("/")[-2], str(uuid4()))),
        tus.delete(url),
    ]
    assert [answer["Tus-Resumable"] for answer in answers] == ["1.0.0"] * len(answers)


def test_another_version_is_refused_with_the_one_that_is_spoken(tus):
    url = tus.begin()
    for answer in (tus.create(headers={"Tus-Resumable": "0.2.2"}), tus.head(url, "2.0.0")):
        assert answer.status_code == 412
        assert answer["Tus-Version"] == "1.0.0"
    assert tus.patch(url, 0, b"1", {"Tus-Resumable": "2.0.0"}).status_code == 412
    assert tus.received(url) == b""


@pytest.mark.parametrize("offset", [1, 3, 9, 11])
def test_a_wrong_offset_is_a_conflict(tus, offset):
    url = tus.begin(10)
    tus.patch(url, 0, b"01")
    assert tus.patch(url, offset, b"xx").status_code == 409
    assert tus.received(url) == b"01"


@pytest.mark.parametrize("offset", ["-1", "x", "", "1e3", "٣", "9" * 30])
def test_an_offset_that_is_no_number_is_refused(tus, offset):
    assert tus.patch(tus.begin(10), offset, b"1").status_code == 400


def test_another_type_of_content_is_refused(tus):
    url = tus.begin(10)
    assert tus.patch(url, 0, b"1", content_type="application/octet-stream").status_code == 415
    assert tus.received(url) == b""


def test_more_than_was_announced_is_refused_whole(tus):
    url = tus.begin(4)
    assert tus.patch(url, 0, b"01234").status_code == 413
    assert tus.received(url) == b""


def test_a_method_that_a_proxy_does_not_let_through_can_be_named_in_a_header(tus):
    url = tus.begin(10)
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    kind = "application/offset+octet-stream"
    assert tus.client.post(url, b"0123", headers=headers, content_type=kind).status_code == 204
    assert tus.received(url) == b"0123"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_right_checksum_is_accepted(tus, algorithm):
    url = tus.begin(10)
    assert tus.patch(url, 0, b"0123", {"Upload-Checksum": checksum(b"0123", algorithm)}).status_code == 204
    assert tus.received(url) == b"0123"


def test_a_wrong_checksum_appends_nothing_and_a_right_one_goes_on(tus):
    url = tus.begin(10)
    tus.patch(url, 0, b"01")
    assert tus.patch(url, 2, b"23", {"Upload-Checksum": checksum(b"xx")}).status_code == 460
    assert tus.received(url) == b"01"
    assert tus.head(url)["Upload-Offset"] == "2"
    assert tus.patch(url, 2, b"23", {"Upload-Checksum": checksum(b"23")}).status_code == 204
    assert tus.received(url) == b"0123"


@pytest.mark.parametrize("header", ["md5 abcd", "sha256", "sha256 !", "", "sha256:abcd"])
def test_a_checksum_that_is_not_understood_is_refused(tus, header):
    url = tus.begin(10)
    answer = tus.patch(url, 0, b"01", {"Upload-Checksum": header})
    assert answer.status_code in (400, 460)
    assert tus.received(url) == b""


def test_an_upload_that_is_taken_back_is_gone(tus):
    url = tus.begin(10)
    assert tus.delete(url).status_code == 204
    assert tus.head(url).status_code == 404
    assert tus.patch(url, 0, b"1").status_code == 404
    assert not list(incoming_folder().iterdir())
    assert not UploadSet.objects.exists()


def test_an_upload_is_kept_for_seven_days_from_its_last_bytes(tus):
    url = tus.begin(10)
    UploadSet.objects.update(expires_at=timezone.now() + timedelta(days=1))
    told = parsedate_to_datetime(tus.patch(url, 0, b"1")["Upload-Expires"])
    assert timedelta(days=6.9) < told - timezone.now() < timedelta(days=7.1)
    assert parsedate_to_datetime(tus.head(url)["Upload-Expires"]) == told


def test_an_expired_upload_is_gone_and_the_next_creation_cleans_it_up(tus):
    url = tus.begin(10)
    UploadSet.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert tus.head(url).status_code == 410
    assert tus.patch(url, 0, b"1").status_code == 410
    other = tus.begin(10, filename="other.h5")
    assert tus.head(url).status_code == 404
    assert {path.stem for path in incoming_folder().iterdir()} == {other.split("/")[-2]}


@pytest.mark.parametrize("size", ["-1", "x", "", "1e3", "9" * 30])
def test_a_length_that_is_no_number_is_refused(tus, size):
    assert tus.create(size).status_code == 400


@pytest.mark.parametrize(
    "header",
    ["filename !", "filename aGk=,filename aGk=", "filename /w==", "filename AA==", "x" * 5000, " aGk="],
)
def test_metadata_that_are_not_understood_are_refused(tus, header):
    assert tus.create(headers={"Upload-Metadata": header}).status_code == 400


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"filename": "a.gif"}, 422),
        ({"filename": ""}, 422),
        ({"filename": "a" * 300 + ".h5"}, 422),
        ({"group": "x"}, 400),
        ({"sha256": "abc"}, 400),
        ({"set": "x"}, 400),
        ({"n_files": "-1"}, 400),
        ({"n_files": "0"}, 422),
        ({"n_files": "999999"}, 422),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_in_words(tus, told, status):
    answer = tus.create(**told)
    assert answer.status_code == status
    assert len(answer.content.decode()) > 20
    assert not Upload.objects.exists()
    assert not list(incoming_folder().iterdir())


def test_a_creation_with_a_body_is_refused(tus):
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "4"}
    assert tus.client.post(CREATE, b"0123", headers=headers, content_type="text/plain").status_code == 400


def test_the_limits_of_size_quota_and_disk_are_told(tus, settings, monkeypatch):
    settings.UPLOAD_LIMIT_BYTES, settings.UPLOAD_QUOTA_BYTES = 1000, 1500
    answer = tus.create(1001)
    assert (answer.status_code, "allowed folders" in answer.content.decode()) == (413, True)
    assert tus.create(0).status_code == 422
    tus.begin(900)
    answer = tus.create(900, filename="second.h5")
    assert answer.status_code == 507
    assert "600 B are left" in answer.content.decode().replace("\u202f", " ")
    settings.UPLOAD_QUOTA_BYTES = 10**6
    usage = shutil.disk_usage("/")._replace(free=2**30 + 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert "disk" in tus.create(101, filename="third.h5").content.decode()  # 900 are promised already
    assert tus.create(100, filename="third.h5").status_code == 201


def test_a_disk_that_fills_up_meanwhile_is_told_and_what_arrived_stays(tus, monkeypatch):
    url = tus.begin(10)
    tus.patch(url, 0, b"01")
    usage = shutil.disk_usage("/")._replace(free=10**6)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage)
        assert tus.patch(url, 2, b"23").status_code == 507
    assert tus.patch(url, 2, b"23").status_code == 204


def test_a_body_that_is_kept_aside_for_its_checksum_has_to_find_room_as_well(tus, monkeypatch):
    url = tus.begin(10)
    usage = shutil.disk_usage("/")._replace(free=2**30 + 1)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage)
        assert tus.patch(url, 0, b"0123", {"Upload-Checksum": checksum(b"0123")}).status_code == 507
        assert tus.patch(url, 0, b"01").status_code == 204


def test_a_refusal_of_the_file_system_is_told_and_what_arrived_stays(tus, monkeypatch):
    url = tus.begin(10)

    def write(handle, block):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("webapp.uploads.storage.os.write", write)
        answer = tus.patch(url, 0, b"01")
    assert (answer.status_code, "disk is full" in answer.content.decode()) == (507, True)
    assert tus.patch(url, 0, b"01").status_code == 204


def test_strangers_find_nothing_and_viewers_may_not(tus, group):
    url = tus.begin(10)
    for name, theirs, role, status in (
        ("eve", make_group("other"), "member", 404),
        ("vi", group, "viewer", 403),
    ):
        client = Client()
        client.force_login(make_user(name, theirs, role))
        other = Tus(client, group)
        answers = (other.head(url), other.patch(url, 0, b"x"), other.delete(url), other.create())
        assert [answer.status_code for answer in answers] == [status] * 4
    assert tus.received(url) == b""


def test_who_is_signed_out_is_told_so_in_the_protocol(tus):
    url = tus.begin(10)
    answer = Tus(Client(), tus.group).patch(url, 0, b"x")
    assert (answer.status_code, "Sign in" in answer.content.decode()) == (401, True)


def test_without_a_token_in_a_header_nothing_is_written(tus):
    url, client = tus.begin(10), Client(enforce_csrf_checks=True)
    client.cookies = tus.client.cookies
    other = Tus(client, tus.group)
    assert [
        answer.status_code for answer in (other.create(), other.patch(url, 0, b"x"), other.delete(url))
    ] == [403] * 3
    token = "x" * 32
    client.cookies["csrftoken"] = token
    assert other.patch(url, 0, b"x", {"X-CSRFToken": token}).status_code == 204


def test_a_set_of_another_group_takes_no_files(tus):
    theirs = UploadSet.objects.create(group=make_group("other"), name="theirs", n_files=2)
    assert tus.create(set=theirs.pk, n_files=2).status_code == 404
    assert not theirs.uploads.exists()


def test_a_creation_whose_answer_was_lost_may_be_sent_again(tus):
    chosen = {"set": uuid4(), "n_files": 1}
    lost = tus.begin(10, **chosen)
    again = tus.begin(10, **chosen)
    assert tus.head(lost).status_code == 404
    assert tus.head(again).status_code == 200
    assert tus.create(10, filename="one too many.h5", **chosen).status_code == 422


def test_the_checksum_of_the_whole_is_the_client_s_to_tell(tus):
    told = hashlib.sha256(b"0123").hexdigest()
    assert tus.upload(tus.begin(4, sha256=told.upper())).sha256_told == told
