"""Downloads in parts."""

from pathlib import Path

import pytest
from django.http import Http404, HttpResponse
from django.test import RequestFactory

from webapp.manifests.ranges import Unsatisfiable, parse_range, serve_file

CONTENT = bytes(range(256)) * 10
SHA256 = "ab" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "file.parquet").write_bytes(CONTENT)
    return tmp_path / "file.parquet"


def get(path: Path, sha256: str = SHA256, **headers: str) -> HttpResponse:
    request = RequestFactory().get(
        "/", headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    return serve_file(request, path, name="naïve name.parquet", sha256=sha256)


def body(response: HttpResponse) -> bytes:
    return b"".join(response.streaming_content)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-99", (0, 100)),
        ("bytes=100-", (100, 1000)),
        ("bytes=-1", (999, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("bytes=999-5000", (999, 1000)),
        ("bytes=5-4", None),
        ("bytes=0-1,5-6", None),
        ("frames=0-1", None),
        ("bytes=-", None),
        ("bytes=" + "9" * 5000 + "-", None),
    ],
)
def test_a_range_header_is_read_as_the_standard_says(header, expected):
    assert parse_range(header, 1000) == expected


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_without_a_byte_of_the_file_is_unsatisfiable(header):
    with pytest.raises(Unsatisfiable):
        parse_range(header, 1000)


def test_the_whole_file_comes_as_a_download_with_its_hash(path):
    response = get(path)
    assert response.status_code == 200
    assert body(response) == CONTENT
    assert response["Content-Length"] == str(len(CONTENT))
    assert response["ETag"] == f'"{SHA256}"'
    assert response["Accept-Ranges"] == "bytes"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"].startswith("attachment")


def test_a_part_comes_with_its_place(path):
    response = get(path, Range="bytes=300-1299")
    assert response.status_code == 206
    assert body(response) == CONTENT[300:1300]
    assert response["Content-Range"] == f"bytes 300-1299/{len(CONTENT)}"
    assert response["Content-Length"] == "1000"


def test_parts_joined_are_the_file(path):
    parts = [body(get(path, Range=f"bytes={start}-{start + 999}")) for start in range(0, len(CONTENT), 1000)]
    assert b"".join(parts) == CONTENT


def test_the_last_bytes_can_be_asked_for(path):
    assert body(get(path, Range="bytes=-7")) == CONTENT[-7:]


def test_a_range_behind_the_end_is_416_with_the_size(path):
    response = get(path, Range=f"bytes={len(CONTENT)}-")
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(CONTENT)}"


def test_a_part_is_only_sent_of_the_version_that_was_begun(path):
    assert get(path, Range="bytes=5-9", If_Range=f'"{SHA256}"').status_code == 206
    other = get(path, Range="bytes=5-9", If_Range='"another"')
    assert other.status_code == 200
    assert body(other) == CONTENT


def test_a_file_that_the_browser_has_is_not_sent_again(path):
    assert get(path, If_None_Match=f'"x", "{SHA256}"').status_code == 304


def test_a_file_that_grows_is_sent_as_long_as_it_was(path):
    response = get(path, sha256="")
    with path.open("ab") as file:
        file.write(b"more")
    assert body(response) == CONTENT
    assert "ETag" not in response


def test_a_file_that_is_gone_is_404(path):
    path.unlink()
    with pytest.raises(Http404):
        get(path)
