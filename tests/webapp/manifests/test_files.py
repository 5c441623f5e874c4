"""The formats of a manifest: which apply to a data set, and that the portal's job writes them."""

import hashlib
import json

import h5py
import numpy as np
import pytest
from django.urls import reverse

from tests.science.cxi_rules import faults_of
from tests.webapp.factories import make_dataset, make_product
from tests.webapp.manifests.test_choice import ask, count
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job, Product
from webapp.manifests import files
from webapp.manifests.card import manifest_arguments
from webapp.manifests.files import DEFAULT, files_of
from webapp.manifests.services import newest_columns, write_newest_manifest
from workers.science.export.write import DEFAULT_FORMATS, FORMATS, LISTS
from workers.science.steps.manifest import write_manifest

pytestmark = pytest.mark.django_db


def written(job: Job, out) -> dict:
    (job.folder / "scratch").mkdir(parents=True)
    return write_manifest(**manifest_arguments(Job.objects.get(pk=job.pk)), out=str(out))


def publish(dataset: Dataset, out, result: dict) -> Product:
    def copy(folder):
        for path in out.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())

    inputs = {"source": dataset.products.get(kind="inspect")}
    return make_product(dataset, "manifest", copy, result, inputs, {"labels_as_of": 0})


def test_page_and_step_know_the_same_formats(dataset):
    assert [kind.name for kind in files_of(newest_columns(dataset))] == list(FORMATS)
    assert DEFAULT == DEFAULT_FORMATS
    for name in FORMATS:
        assert files.needs_source([name]) == (name in LISTS)


def test_everything_that_applies_is_written_from_the_portal_s_own_files(dataset, member, tmp_path):
    applying = [kind.name for kind in files_of(newest_columns(dataset)) if not kind.needs]
    assert applying == list(FORMATS)
    ask(member, dataset, files=applying, clusters=["0"])
    result = written(Job.objects.get(kind="manifest"), tmp_path)
    for name in ("frames.cxi", "copy.cxi", "class-Disc.cxi"):
        assert faults_of(tmp_path / name) == []
    with h5py.File(tmp_path / "frames.cxi") as pointing, h5py.File(tmp_path / "copy.cxi") as copied:
        assert np.array_equal(pointing["entry_1/data_1/data"][()], copied["entry_1/data_1/data"][()])
        assert len(pointing["entry_1/data_1/data"]) == result["n_frames"]
    card = json.loads((tmp_path / "manifest.json").read_text())
    assert set(card["files"]) == set(card["sha256"]) - {"methods.txt", "methods.bib"}


def test_formats_that_do_not_apply_are_grey_with_the_reason(dataset, member):
    bare = make_dataset(dataset.group, n_frames=40, name="arrays")
    source = bare.products.get(kind="inspect")
    source.facts |= {"reader": "array", "format_words": "NumPy array"}
    source.save()
    index = dataset.products.get(kind="index")
    make_product(
        bare,
        "index",
        lambda out: (out / "frames.parquet").write_bytes(index.path("frames.parquet").read_bytes()),
        {"n_frames": 300},
        {"source": source},
    )
    page = member.get(reverse("manifests:dataset-write", args=[bare.pk])).content.decode()
    for words in (
        "CXI can point at HDF5 only, and these files are no such (NumPy array); the copy is possible.",
        "CrystFEL does not read such files where they lie (NumPy array).",
        "The frames are not condensed yet",
    ):
        assert words in page
    answer = ask(member, bare, files=["cxi"])
    assert answer.status_code == 422
    assert "cxi is not one of the available choices" in answer.content.decode()


def test_how_large_a_copy_gets_is_said_before_and_too_large_is_refused(dataset, member, monkeypatch):
    told = count(member, dataset, files=["cxi-copy"], clusters=["0"])
    assert "the copy takes up to" in told
    usage = files.shutil.disk_usage("/")._replace(free=10)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda path: usage)
    assert "10 B of the disk are free" in count(member, dataset, files=["cxi-copy"]).replace("\xa0", " ")
    answer = ask(member, dataset, files=["cxi-copy"])
    assert answer.status_code == 422
    assert "no room for the copies" in answer.content.decode()


def test_the_page_says_what_is_in_each_file_and_shows_the_methods(dataset, member, tmp_path):
    result = written(write_newest_manifest(dataset=dataset, formats=["csv", "cxi"]).job, tmp_path)
    publish(dataset, tmp_path, result)
    page = member.get(reverse("manifests:dataset-download", args=[dataset.pk])).content.decode()
    assert "300 frames that point at one raw file. They are read where the raw data lie now" in page
    assert "What sha256sum -c checks the files by." in page
    assert "HDBSCAN (McInnes &amp; Healy, 2017)" in page
    assert 'data-copy="methods-text"' in page


@pytest.mark.parametrize("name", ["copy.cxi", "manifest.jsonl", "SHA256SUMS", "methods.bib"])
def test_a_download_that_broke_off_goes_on_byte_by_byte(dataset, member, tmp_path, name):
    result = written(write_newest_manifest(dataset=dataset, formats=["jsonl", "cxi-copy"]).job, tmp_path)
    manifest = publish(dataset, tmp_path, result)
    address = reverse("manifests:manifest-file", args=[manifest.pk, name])
    whole = (tmp_path / name).read_bytes()
    head = member.head(address)
    assert (int(head["Content-Length"]), head["Accept-Ranges"]) == (len(whole), "bytes")
    half = len(whole) // 2
    parts = []
    for asked in (f"bytes=0-{half - 1}", f"bytes={half}-"):
        answer = member.get(address, headers={"Range": asked, "If-Range": head["ETag"]})
        assert answer.status_code == 206
        parts.append(b"".join(answer.streaming_content))
    assert b"".join(parts) == whole
    assert head["ETag"] == f'"{hashlib.sha256(whole).hexdigest()}"'
