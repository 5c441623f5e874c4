"""Files that were moved, grew or were replaced: the data set follows, grows, or gets a successor."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from django.conf import settings

from tests.webapp.factories import make_dataset, make_group, make_product, make_user
from webapp.datasets.models import Dataset
from webapp.datasets.relink import (
    COMPARING,
    MEASURED,
    Found,
    _follow,
    compare,
    look_again,
    settle,
    settle_frames,
)
from webapp.datasets.services import inspect_source
from webapp.jobs.models import Job, Product, State
from webapp.jobs.services import end_job


def described(*files, n_frames=10, **other):
    """Return a source description of files given as (path, size, hash)."""
    return {
        "files": [
            {"path": path, "size": size, "fingerprint": f"{size}-17-{digest}"} for path, size, digest in files
        ],
        "n_frames": n_frames,
        "height": 8,
        "width": 8,
        "dtype": "uint16",
    } | other


ONE, TWO = ("/a/1.h5", 100, "aa"), ("/a/2.h5", 50, "bb")
OLD = described(ONE, TWO)
LOOKS = {
    "the same": (described(ONE, TWO), Found.SAME),
    "another place": (described(("/b/1.h5", 100, "aa"), ("/b/2.h5", 50, "bb")), Found.MOVED),
    "the last file grew": (described(ONE, ("/a/2.h5", 80, "cc"), n_frames=16), Found.GROWN),
    "a file was added": (described(ONE, TWO, ("/a/3.h5", 9, "dd"), n_frames=12), Found.GROWN),
    "the first file changed": (described(("/a/1.h5", 120, "xx"), TWO, n_frames=16), Found.OTHER),
    "other bytes of the same size": (described(ONE, ("/a/2.h5", 50, "cc")), Found.OTHER),
    "a file is missing": (described(ONE), Found.OTHER),
    "another type": (described(ONE, TWO, dtype="float32"), Found.OTHER),
}


def test_a_file_whose_writer_has_closed_it_is_taken_over_complete():
    growing = described(("/a/1.h5", 100, "aa"))
    growing["files"][0]["fingerprint"] = "growing-8-17-100"
    assert compare(growing, described(("/a/1.h5", 140, "aa"))) is Found.GROWN


def master(*linked, n_frames=10, place="/a"):
    """Return the description of a file whose frames lie in others, given as (name, hash)."""
    found = described((f"{place}/master.h5", 9, "mm"), n_frames=n_frames)
    return found | {
        "files": found["files"]
        + [
            {"path": f"{place}/{name}", "size": 70, "fingerprint": f"70-17-{digest}", "linked": True}
            for name, digest in linked
        ]
    }


@pytest.mark.parametrize(
    ("now", "found"),
    [
        (master(("data_1.h5", "aa"), ("data_2.h5", "bb")), Found.SAME),
        (master(("data_1.h5", "xx"), ("data_2.h5", "bb")), Found.OTHER),
        (master(("data_1.h5", "aa"), ("data_2.h5", "xx")), Found.OTHER),
        (master(("data_1.h5", "aa"), ("data_2.h5", "xx"), n_frames=14), Found.GROWN),
        (master(("a.geom", "gg"), ("data_1.h5", "aa"), ("data_2.h5", "bb"), place="/b"), Found.MOVED),
    ],
)
def test_files_that_are_linked_to_count_as_well(now, found):
    assert compare(master(("data_1.h5", "aa"), ("data_2.h5", "bb")), now) is found


def test_a_linked_file_is_followed_by_its_content_and_not_by_its_place_in_the_list(dataset):
    old = master(("data_1.h5", "aa"))
    _follow(dataset, old, master(("a.geom", "gg"), ("data_1.h5", "aa"), place="/b") | {"roots": ["/b"]})
    assert dataset.moved["files"]["/a/data_1.h5"]["path"] == "/b/data_1.h5"


def test_a_file_that_was_written_to_in_its_place_is_not_taken_for_the_same():
    touched = described(ONE, TWO)
    touched["files"][1]["fingerprint"] = "50-18-bb"  # only its ends are hashed
    assert compare(OLD, touched) is Found.TOUCHED


@pytest.mark.parametrize("look", LOOKS)
def test_a_second_look_is_told_from_the_contents(look):
    new, found = LOOKS[look]
    assert compare(OLD, new) is found


@pytest.fixture
def dataset(db):
    made = make_dataset(make_group(), n_frames=20)
    source = made.products.get(kind="inspect")
    source.params = {"dataset_path": made.dataset_path, "files": [], "roots": made.roots}
    source.facts["files"][0] |= {"size": 100, "fingerprint": "100-17-aa"}
    source.save()
    return made


def looked_at(dataset, path: Path, fingerprint: str, **facts):
    """Open a draft for `path`, and give it the answer that its dry run would have brought."""
    draft = look_again(dataset=dataset, paths=[path])
    found = dict(dataset.products.get(kind="inspect").facts) | facts
    found["files"] = [{"path": str(path), "size": 100, "fingerprint": fingerprint}]
    params = {"dataset_path": draft.dataset_path, "files": [], "roots": draft.roots}
    product = make_product(draft, "inspect", lambda out: None, found, params=params)
    Product.objects.filter(pk=product.pk).update(key=Job.objects.get(dataset=draft).key)
    product.refresh_from_db()
    return draft, product


def test_a_moved_file_is_followed_and_nothing_is_made_again(dataset, django_capture_on_commit_callbacks):
    before = dataset.source_files.get().path
    moved = Path(before).with_name("elsewhere.h5")
    moved.write_bytes(b"x" * 100)
    handle = inspect_source(dataset=dataset)
    draft, product = looked_at(dataset, moved, "100-99-aa")
    with django_capture_on_commit_callbacks(execute=True):
        settle(product=product)
    dataset.refresh_from_db()
    assert dataset.source_files.get().path == str(moved)
    assert dataset.moved["files"] == {before: {"path": str(moved), "fingerprint": "100-99-aa"}}
    assert inspect_source(dataset=dataset).id == handle.id
    assert dataset.last_look["words"] == Found.MOVED.value
    assert not Dataset.objects.filter(pk=draft.pk).exists()
    assert moved.exists()


def indexed(dataset, totals):
    """Give a data set the index that a worker would have made: what was measured of each frame."""
    table = {name: pa.array(np.asarray(totals, float)) for name in MEASURED}
    job = Job.objects.filter(dataset=dataset, kind="index").first()
    product = make_product(
        dataset,
        "index",
        lambda out: pyarrow.parquet.write_table(pa.table(table), out / "frames.parquet"),
        {"n_frames": len(totals)},
    )
    if job:
        Product.objects.filter(pk=product.pk).update(key=job.key)
        product.refresh_from_db()
    return product


def test_a_file_that_grew_keeps_its_data_set_where_its_first_frames_are_the_same(
    dataset, django_capture_on_commit_callbacks
):
    indexed(dataset, range(20))
    path = Path(dataset.source_files.get().path)
    draft, product = looked_at(dataset, path, "200-99-cc", n_frames=30)
    settle(product=product)
    with django_capture_on_commit_callbacks(execute=True):
        settle_frames(product=indexed(draft, range(30)))
    dataset.refresh_from_db()
    assert dataset.n_frames == 30
    assert dataset.last_look["words"] == Found.GROWN.value
    assert set(Job.objects.filter(dataset=dataset).values_list("kind", flat=True)) == {"condense"}
    assert not Dataset.objects.filter(pk=draft.pk).exists()
    for kind in ("inspect", "index"):
        assert Product.objects.filter(dataset=dataset).of_kind(kind).first().folder.is_dir()


def test_a_longer_file_with_other_frames_stays_a_draft(dataset):
    indexed(dataset, range(20))
    path = Path(dataset.source_files.get().path)
    draft, product = looked_at(dataset, path, "200-99-cc", n_frames=30)
    settle(product=product)
    settle_frames(product=indexed(draft, range(5, 35)))
    dataset.refresh_from_db()
    assert dataset.n_frames == 20
    assert dataset.last_look == dataset.last_look | {"words": Found.OTHER.value, "draft": str(draft.pk)}


def test_a_file_that_was_only_written_to_is_taken_over_with_its_frames(
    dataset, django_capture_on_commit_callbacks
):
    indexed(dataset, [1, np.nan, 3])
    path = Path(dataset.source_files.get().path)
    draft, product = looked_at(dataset, path, "100-18-aa")
    settle(product=product)
    assert Dataset.objects.get(pk=dataset.pk).last_look["words"] == COMPARING
    with django_capture_on_commit_callbacks(execute=True):
        settle_frames(product=indexed(draft, [1, np.nan, 3]))
    dataset.refresh_from_db()
    assert dataset.last_look["words"] == Found.TOUCHED.value
    assert not Dataset.objects.filter(pk=draft.pk).exists()


def test_other_content_stays_a_draft_that_says_where_it_comes_from(dataset):
    path = settings.DATA_DIR / "sources" / "recalibrated.h5"
    path.write_bytes(b"y" * 80)
    draft, product = looked_at(dataset, path, "80-99-zz")
    settle(product=product)
    dataset.refresh_from_db()
    assert Dataset.objects.get(pk=draft.pk).relinked_from == dataset
    assert dataset.last_look["draft"] == str(draft.pk)
    assert dataset.moved == {}


def test_the_page_of_such_a_draft_says_what_becomes_of_the_labels(dataset, client_of):
    path = settings.DATA_DIR / "sources" / "recalibrated.h5"
    path.write_bytes(b"y" * 80)
    draft, product = looked_at(dataset, path, "80-99-zz", label_names=["Round", "Bent"])
    settle(product=product)
    page = client_of.get(f"/datasets/{draft.pk}/draft/").content.decode()
    assert "labels are carried over" in page
    assert "Round, Bent" in page
    there = client_of.get(f"/datasets/{dataset.pk}/").content.decode()
    assert f"/datasets/{draft.pk}/draft/" in there


@pytest.fixture
def client_of(dataset, client):
    client.force_login(make_user("ada", dataset.group))
    return client


def test_the_page_says_how_each_file_is(dataset, client_of):
    page = f"/datasets/{dataset.pk}/"
    assert b"as it was looked into" in client_of.get(page).content
    path = Path(dataset.source_files.get().path)
    content = path.read_bytes()
    path.write_bytes(content + b"more")
    assert b"being written" in client_of.get(page).content
    path.unlink()
    assert b"not there" in client_of.get(page).content


def test_a_file_that_was_written_again_in_the_same_size_is_said_to_have_changed(dataset, client_of):
    file = dataset.source_files.get()
    file.modified_ns = Path(file.path).stat().st_mtime_ns
    file.save()
    assert b"as it was looked into" in client_of.get(f"/datasets/{dataset.pk}/").content
    os.utime(file.path, ns=(0, file.modified_ns + 10**9))
    assert b"has changed since" in client_of.get(f"/datasets/{dataset.pk}/").content


def test_states_of_the_dry_run_are_shown_in_words(dataset, client_of):
    source = dataset.products.get(kind="inspect")
    path = dataset.source_files.get().path
    source.facts["states"] = [{"file": path, "state": "incomplete", "words": "Module 7 misses 3 trains."}]
    source.save()
    assert "Module 7 misses 3 trains." in client_of.get(f"/datasets/{dataset.pk}/").content.decode()


def test_looking_again_opens_a_draft_and_says_so(dataset, client_of):
    answer = client_of.post(f"/datasets/{dataset.pk}/look-again/", follow=True)
    assert "A worker looks into the files" in answer.content.decode()
    assert Dataset.objects.get(relinked_from=dataset).is_draft


def test_a_look_that_failed_or_was_discarded_does_not_seem_to_go_on(dataset, client_of):
    page = f"/datasets/{dataset.pk}/"
    draft = look_again(dataset=dataset, paths=[Path(dataset.source_files.get().path)])
    assert "a worker is at it" in client_of.get(page).content.decode()
    end_job(Job.objects.get(dataset=draft), State.FAILED, "The file is damaged.")
    there = client_of.get(page).content.decode()
    assert "could not be looked into" in there
    assert f"/datasets/{draft.pk}/draft/" in there
    client_of.post(f"/datasets/{draft.pk}/discard/")
    assert "it was given up" in client_of.get(page).content.decode()


def test_uploaded_files_can_be_looked_for_in_an_allowed_folder(dataset):
    dataset.source_files.update(is_upload=True)
    Dataset.objects.filter(pk=dataset.pk).update(roots=[str(settings.DATA_DIR / "uploads" / "1")])
    dataset.refresh_from_db()
    copied = settings.DATA_DIR / "sources" / "copied.h5"
    copied.write_bytes(b"x" * 100)
    draft = look_again(dataset=dataset, paths=[copied])
    assert not draft.source_files.get().is_upload
    assert draft.roots == [str(root) for root in settings.ALLOWED_ROOTS]


def test_a_place_that_is_not_allowed_is_refused_in_words(dataset, client_of):
    answer = client_of.post(f"/datasets/{dataset.pk}/relink/", {"paths": "/etc/passwd"}, follow=True)
    assert "not inside of an allowed folder" in answer.content.decode()
    assert not Dataset.objects.filter(relinked_from=dataset).exists()


def test_a_missing_file_is_named_when_it_is_looked_for(dataset, client_of):
    path = Path(dataset.source_files.get().path)
    path.unlink()
    answer = client_of.post(f"/datasets/{dataset.pk}/look-again/", follow=True)
    assert path.name in answer.content.decode()
    assert "was moved, say below" in answer.content.decode()
