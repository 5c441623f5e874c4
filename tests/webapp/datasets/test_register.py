from pathlib import Path

import pytest
from django.urls import reverse

from tests.webapp.factories import make_group, make_product, make_user
from webapp.accounts.models import Membership
from webapp.datasets.models import Dataset, SourceFile
from webapp.datasets.services import inspect_source
from webapp.jobs.models import Job, Product, State
from webapp.jobs.services import end_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def group():
    return make_group()


@pytest.fixture
def signed_in(client, group):
    client.force_login(make_user("ada", group))
    return client


@pytest.fixture
def source(tmp_path, settings):
    settings.ALLOWED_ROOTS = [tmp_path]
    path = tmp_path / "run_0007.h5"
    path.write_bytes(b"content")
    return path


def register(client, group, paths, **fields):
    url = reverse("datasets:dataset-register")
    return client.post(url, {"paths": str(paths), "group": group.pk, "name": "", **fields})


def found(dataset, path="/a", others=("/b",)):
    """Let the dry run have found frames at `path`."""
    candidates = [
        {"path": name, "shape": [9, 4, 4], "dtype": "uint16", "n_frames": 9} for name in (path, *others)
    ]
    facts = {"candidates": candidates, "dataset_path": path, "n_frames": 9, "height": 4, "width": 4}
    facts |= {"warnings": ["No mask was found."], "dtype": "uint16", "format": "hdf5", "mask_path": None}
    job = Job.objects.get(kind="inspect", dataset=dataset, params__dataset_path=dataset.dataset_path)
    product = make_product(
        dataset, "inspect", lambda out: (out / "preview.png").write_bytes(b"x"), facts, {}, job.params
    )
    Product.objects.filter(pk=product.pk).update(key=job.key, job=job)
    end_job(job, State.SUCCEEDED)
    return product


def draft_of(client, group, source):
    register(client, group, source)
    return Dataset.objects.get()


def test_registering_makes_a_draft_and_looks_into_the_file(signed_in, group, source):
    answer = register(signed_in, group, source)
    dataset = Dataset.objects.get()
    assert answer.url == reverse("datasets:dataset-draft", args=[dataset.pk])
    assert (dataset.name, dataset.is_draft) == ("run_0007", True)
    assert [file.path for file in dataset.source_files.all()] == [str(source)]
    assert Job.objects.get().kind == "inspect"


def test_the_draft_names_the_format_in_words(signed_in, group, source):
    dataset = draft_of(signed_in, group, source)
    look = found(dataset)
    page = signed_in.get(reverse("datasets:dataset-draft", args=[dataset.pk])).content.decode()
    assert "<dt>Format</dt><dd>hdf5</dd>" in page
    Product.objects.filter(pk=look.pk).update(facts={**look.facts, "format_words": "CXI stack"})
    page = signed_in.get(reverse("datasets:dataset-draft", args=[dataset.pk])).content.decode()
    assert "<dt>Format</dt><dd>CXI stack</dd>" in page


def test_a_path_outside_is_refused_where_it_was_typed(signed_in, group, source):
    answer = register(signed_in, group, "/etc/passwd")
    assert answer.status_code == 422
    assert "inside of an allowed folder" in answer.content.decode()
    assert not Dataset.objects.exists()


def test_only_groups_in_which_one_may_write_are_offered(client, group, source):
    bob = make_user("bob", group, role="viewer")
    client.force_login(bob)
    assert register(client, group, source).status_code == 403
    Membership.objects.create(user=bob, group=make_group("mine"))
    assert register(client, group, source).status_code == 422
    assert register(client, make_group("other"), source).status_code == 422
    assert not Dataset.objects.exists()


def test_a_viewer_is_told_whom_to_ask(client, group):
    client.force_login(make_user("bob", group, role="viewer"))
    assert (
        "You may look but not register" in client.get(reverse("datasets:dataset-register")).content.decode()
    )


def test_the_draft_page_polls_until_the_dry_run_has_ended(signed_in, group, source):
    dataset = draft_of(signed_in, group, source)
    url = reverse("datasets:dataset-draft", args=[dataset.pk])
    assert "hx-get" in signed_in.get(url, HTTP_HX_REQUEST="true").content.decode()
    found(dataset)
    text = signed_in.get(url, HTTP_HX_REQUEST="true").content.decode()
    assert "hx-get" not in text
    assert "9 frames of 4 × 4 px" in text
    assert "No mask was found." in text
    assert 'value="/b"' in text
    assert 'value="/a"' not in text


def test_a_refusal_is_shown_with_what_to_do(signed_in, group, source):
    dataset = draft_of(signed_in, group, source)
    end_job(Job.objects.get(), State.FAILED, "run_0007.h5: it is not an HDF5 file. Choose another file.")
    text = signed_in.get(reverse("datasets:dataset-draft", args=[dataset.pk])).content.decode()
    assert "it is not an HDF5 file. Choose another file." in text
    assert reverse("datasets:dataset-confirm", args=[dataset.pk]) not in text


def test_other_frames_of_the_file_can_be_chosen(signed_in, group, source):
    dataset = draft_of(signed_in, group, source)
    found(dataset)
    signed_in.post(reverse("datasets:dataset-choose", args=[dataset.pk]), {"dataset_path": "/b"})
    dataset.refresh_from_db()
    assert dataset.dataset_path == "/b"
    assert Job.objects.active().get().params["dataset_path"] == "/b"


def test_frames_that_were_not_found_cannot_be_chosen(signed_in, group, source):
    dataset = draft_of(signed_in, group, source)
    found(dataset)
    signed_in.post(reverse("datasets:dataset-choose", args=[dataset.pk]), {"dataset_path": "/secret"})
    dataset.refresh_from_db()
    assert dataset.dataset_path == ""
    assert not Job.objects.active().exists()


def test_after_a_refusal_one_can_go_back_to_the_first_choice(signed_in, group, source):
    dataset = draft_of(signed_in, group, source)
    found(dataset)
    choose = reverse("datasets:dataset-choose", args=[dataset.pk])
    signed_in.post(choose, {"dataset_path": "/b"})
    end_job(Job.objects.active().get(), State.FAILED, "/b: its frames have no size. Choose others.")
    page = signed_in.get(reverse("datasets:dataset-draft", args=[dataset.pk])).content.decode()
    assert "its frames have no size" in page
    assert 'value="/a"' in page
    signed_in.post(choose, {"dataset_path": "/a"})
    assert Job.objects.active().get().params["dataset_path"] == "/a"


def test_a_look_that_is_found_again_tells_the_size_again(signed_in, group, source):
    dataset = draft_of(signed_in, group, source)
    Dataset.objects.filter(pk=dataset.pk).update(dataset_path="/a")
    dataset.refresh_from_db()
    inspect_source(dataset=dataset)
    found(dataset)
    Dataset.objects.filter(pk=dataset.pk).update(dataset_path="/b", n_frames=1, height=1, width=1)
    signed_in.post(reverse("datasets:dataset-choose", args=[dataset.pk]), {"dataset_path": "/a"})
    dataset.refresh_from_db()
    assert (dataset.n_frames, dataset.height, dataset.width) == (9, 4, 4)


def test_register_only_indexes_and_condenses_without_a_second_look(signed_in, group, source):
    dataset = draft_of(signed_in, group, source)
    found(dataset)
    answer = signed_in.post(reverse("datasets:dataset-confirm", args=[dataset.pk]))
    assert answer.url == reverse("portal:dataset-detail", args=[dataset.pk])
    dataset.refresh_from_db()
    assert not dataset.is_draft
    assert set(Job.objects.active().values_list("kind", flat=True)) == {"index", "condense"}


def test_register_and_sort_hands_on_to_the_whole_line(signed_in, group, source):
    dataset = draft_of(signed_in, group, source)
    found(dataset)
    url = reverse("datasets:dataset-confirm", args=[dataset.pk])
    answer = signed_in.post(url, {"then": "sort"}, follow=True)
    assert answer.redirect_chain[0] == (reverse("portal:dataset-sort", args=[dataset.pk]), 307)
    assert answer.status_code == 200
    kinds = sorted(Job.objects.active().values_list("kind", flat=True))
    line = ["index", "condense", "measure", "learn", "embed", "cluster", "project", "gallery", "nuisance"]
    assert kinds == sorted([*line, "manifest"])


def test_a_draft_of_very_many_files_lists_the_first_and_counts_all(signed_in, group, source):
    dataset = draft_of(signed_in, group, source)
    more = [SourceFile(dataset=dataset, order=order, path=f"/data/{order}.h5") for order in range(1, 1500)]
    SourceFile.objects.bulk_create(more)
    text = signed_in.get(reverse("datasets:dataset-draft", args=[dataset.pk])).content.decode()
    assert "1\u202f500 source files" in text
    assert "/data/199.h5" in text
    assert "/data/200.h5" not in text


def test_a_draft_cannot_be_confirmed_before_it_was_looked_into(signed_in, group, source):
    dataset = draft_of(signed_in, group, source)
    signed_in.post(reverse("datasets:dataset-confirm", args=[dataset.pk]))
    dataset.refresh_from_db()
    assert dataset.is_draft


def test_discarding_deletes_the_draft_but_never_the_source(signed_in, group, source):
    dataset = draft_of(signed_in, group, source)
    folder = found(dataset).folder
    signed_in.post(reverse("datasets:dataset-discard", args=[dataset.pk]))
    assert not Dataset.objects.exists()
    assert not folder.exists()
    assert Path(source).read_bytes() == b"content"


def test_a_confirmed_data_set_cannot_be_discarded(signed_in, group, source):
    dataset = draft_of(signed_in, group, source)
    Dataset.objects.update(is_draft=False)
    assert signed_in.post(reverse("datasets:dataset-discard", args=[dataset.pk])).status_code == 404
    assert Dataset.objects.exists()


def test_drafts_of_others_are_not_found(signed_in, client, group, source):
    dataset = draft_of(signed_in, group, source)
    client.force_login(make_user("eve", make_group("other")))
    assert client.get(reverse("datasets:dataset-draft", args=[dataset.pk])).status_code == 404
    for action in ("choose", "confirm", "discard"):
        assert client.post(reverse(f"datasets:dataset-{action}", args=[dataset.pk])).status_code == 404
    assert Dataset.objects.exists()


def test_discarding_a_draft_leaves_the_twin_of_its_dry_run_whole(signed_in, group, source):
    first = draft_of(signed_in, group, source)
    shared = found(first).folder
    Dataset.objects.filter(pk=first.pk).update(is_draft=False)
    register(signed_in, group, source)
    twin = Dataset.objects.exclude(pk=first.pk).get()
    assert twin.products.get(kind="inspect").folder == shared
    signed_in.post(reverse("datasets:dataset-discard", args=[twin.pk]))
    assert list(Dataset.objects.all()) == [first]
    assert (shared / "preview.png").exists()


def test_uploads_of_others_cannot_be_registered_through_a_root_above_them(signed_in, group, settings, source):
    settings.ALLOWED_ROOTS = [settings.DATA_DIR.parent]
    secret = settings.DATA_DIR / "uploads" / "other" / "frames.h5"
    secret.parent.mkdir(parents=True)
    secret.write_bytes(b"content")
    assert b"not inside of an allowed folder" in register(signed_in, group, secret).content
    assert not Dataset.objects.exists()
