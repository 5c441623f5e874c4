"""The Sort page, the frames of a class, and the Download page."""

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.factories import (
    make_classified,
    make_dataset,
    make_group,
    make_product,
    make_sorted_dataset,
    make_user,
)
from tests.webapp.manifests.products import CLASSES, add_manifest, classify, label_some
from webapp.datasets.cluster_operations import rename_cluster
from webapp.datasets.hits import save_threshold
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job
from webapp.labels.selectors import last_event_id
from webapp.manifests import selectors
from webapp.manifests.card import manifest_arguments
from webapp.manifests.selectors import decide
from webapp.portal.line import line_of

pytestmark = pytest.mark.django_db
PAGES = ("dataset-classify", "dataset-download")


def page(client: Client, dataset: Dataset, name: str = "dataset-classify", query: str = "", **headers: str):
    return client.get(reverse(f"manifests:{name}", args=[dataset.pk]) + query, headers=headers)


def post(client: Client, dataset: Dataset, name: str):
    return client.post(reverse(f"manifests:{name}", args=[dataset.pk]))


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def dataset() -> Dataset:
    return make_sorted_dataset(make_group(), n_frames=300)


@pytest.fixture
def member(dataset) -> Client:
    return signed_in(make_user("ada", dataset.group))


@pytest.fixture
def viewer(dataset) -> Client:
    return signed_in(make_user("vera", dataset.group, role="viewer"))


@pytest.fixture
def stranger() -> Client:
    return signed_in(make_user("eve", make_group("another beam time")))


def test_strangers_find_nothing_and_the_unknown_sign_in(dataset, stranger):
    label_some(dataset)
    classify(dataset)
    manifest = add_manifest(dataset)
    file = reverse("manifests:manifest-file", args=[manifest.pk, "manifest.csv"])
    for name in (*PAGES, "dataset-class"):
        assert page(stranger, dataset, name, "?class=Disc").status_code == 404
        assert page(Client(), dataset, name).status_code == 302
    for name in ("dataset-train", "dataset-write"):
        assert post(stranger, dataset, name).status_code == 404
        assert post(Client(), dataset, name).status_code == 302
    assert stranger.get(file).status_code == 404
    assert Client().get(file).status_code == 302
    assert not Job.objects.exists()


def test_a_viewer_may_look_but_not_start(dataset, viewer):
    label_some(dataset)
    classify(dataset)
    for name in PAGES:
        response = page(viewer, dataset, name)
        assert response.status_code == 200
        assert b">Train and sort</button>" not in response.content
        assert b">Write a" not in response.content
    for name in ("dataset-train", "dataset-write"):
        assert post(viewer, dataset, name).status_code == 403
    assert not Job.objects.exists()


def test_the_page_says_what_is_missing_and_refuses_to_train(dataset, member):
    assert b"There are no classes yet" in page(member, dataset).content
    assert post(member, dataset, "dataset-train").status_code == 302
    assert not Job.objects.exists()


def test_one_class_alone_is_not_enough_to_train(dataset, member):
    from webapp.labels.services import create_scheme, label_frames

    create_scheme(dataset=dataset, names=CLASSES)
    assert b"Fewer than two frames are labelled" in page(member, dataset).content
    label_frames(dataset=dataset, frames=np.arange(20), operation="set", classes=["Disc"])
    assert b"All labelled frames say the same" in page(member, dataset).content
    label_frames(dataset=dataset, frames=np.arange(20, 25), operation="set", classes=["Streak"])
    response = page(member, dataset)
    assert b"All labelled frames" not in response.content
    assert "5 more would make" in response.content.decode()


def test_frames_that_are_not_condensed_cannot_be_sorted(member, dataset):
    bare = make_dataset(dataset.group, n_frames=40, name="bare")
    assert b"not condensed yet" in page(member, bare).content
    assert post(member, bare, "dataset-train").status_code == 302
    assert post(member, bare, "dataset-write").status_code == 302
    assert not Job.objects.exists()


def test_train_and_sort_submits_four_jobs_in_order(dataset, member):
    label_some(dataset)
    assert post(member, dataset, "dataset-train").status_code == 302
    train, classification, promise, manifest = Job.objects.order_by("created_at")
    assert [job.kind for job in (train, classification)] == ["train", "classify"]
    assert [job.kind for job in (promise, manifest)] == ["promise", "manifest"]
    assert list(promise.after.all()) == [classification]
    assert train.params["labels_as_of"] == manifest.params["labels_as_of"] == last_event_id(dataset)
    assert list(classification.after.all()) == [train]
    assert set(manifest.after.all()) == {train, classification}
    assert manifest.inputs["classification"] == str(classification.result_id)
    assert manifest.inputs["clustering"] == str(dataset.products.get(kind="cluster").pk)
    assert manifest.inputs["network_1"] == str(train.result_id)


def test_two_clicks_make_one_training(dataset, member):
    label_some(dataset)
    post(member, dataset, "dataset-train")
    post(member, dataset, "dataset-train")
    assert Job.objects.count() == 4  # training, sorting, promise, manifest


def test_the_page_asks_for_news_only_while_something_runs(dataset, member):
    label_some(dataset)
    address = reverse("manifests:dataset-classify", args=[dataset.pk])
    poll = f'hx-get="{address}"'
    assert poll not in page(member, dataset).content.decode()
    post(member, dataset, "dataset-train")
    fragment = page(member, dataset, HX_Request="true").content.decode()
    assert poll in fragment
    assert "<html" not in fragment
    assert reverse("jobs:job-detail", args=[Job.objects.get(kind="train").pk]) in fragment
    Job.objects.update(state="succeeded")
    assert poll not in page(member, dataset, HX_Request="true").content.decode()


def test_figures_warnings_and_counts_of_the_newest_classifier_are_shown(dataset, member):
    label_some(dataset)
    classify(dataset, labels_as_of=last_event_id(dataset))
    text = page(member, dataset).content.decode()
    for shown in ("0.851", "0.773", "From 40 held-back frames", "will not find it", "Macro-F1"):
        assert shown in text
    assert "shade-9" in text
    assert "Labels have changed" not in text
    assert "?class=Empty%2Fnone" in text


def test_labels_that_changed_since_make_the_classifier_stale(dataset, member):
    label_some(dataset)
    classify(dataset, labels_as_of=last_event_id(dataset) - 1)
    assert "Labels have changed" in page(member, dataset).content.decode()


def test_the_frames_of_a_class_are_shown_the_surest_first(dataset, member):
    label_some(dataset)
    classification = classify(dataset)
    probabilities = np.load(classification.path("probabilities.npy"))[:, 0]
    tiles = page(member, dataset, "dataset-class", "?class=Disc").context["tiles"]
    best = int(probabilities.argmax())
    assert tiles[0].index == best
    assert (tiles[0].sheet, tiles[0].x, tiles[0].y) == (
        best // 256,
        64 * (best % 16),
        64 * (best % 256 // 16),
    )
    doubtful = page(member, dataset, "dataset-class", "?class=Disc&order=doubtful").context["tiles"]
    assert doubtful[0].probability == min(p for p in probabilities if p >= 0.5)
    assert page(member, dataset, "dataset-class", "?class=Nothing").status_code == 404


def test_pages_decide_exactly_as_the_library_does():
    from workers.science import metrics

    rng = np.random.default_rng(3)
    probabilities = rng.uniform(size=(500, 4)).astype(np.float32)
    classes, thresholds = list("abcd"), [0.3, 0.5, 0.7, 0.6]
    for single_label in (True, False):
        for exclusive in ([], [3], [0, 3]):
            rule = {"classes": classes, "single_label": single_label, "thresholds": thresholds}
            for excludes in ([], [[0, 1]], [[1, 2], [0, 3]]):
                rule["exclusive"] = [classes[column] for column in exclusive]
                rule["excludes"] = [[classes[column] for column in group] for group in excludes]
                expected = metrics.decide(probabilities, single_label, thresholds, exclusive, excludes)
                np.testing.assert_array_equal(decide(probabilities, rule), expected)


def test_manifests_are_listed_with_hash_and_the_event_of_their_labels(dataset, member):
    label_some(dataset)
    cluster = dataset.products.get(kind="cluster")
    manifest = add_manifest(dataset, last_event_id(dataset), clustering=cluster)
    text = page(member, dataset, "dataset-download").content.decode()
    for file in manifest.files.values():
        assert file["sha256"] in text
    assert f"as of label event {last_event_id(dataset)}" in text
    assert "have changed since" not in text
    assert "The whole card as JSON" in text


def test_a_manifest_older_than_the_labels_offers_a_new_one(dataset, member):
    cluster = dataset.products.get(kind="cluster")
    add_manifest(dataset, 0, clustering=cluster)
    label_some(dataset)
    assert "Write a new manifest" in page(member, dataset, "dataset-download").content.decode()
    assert post(member, dataset, "dataset-write").status_code == 302
    job = Job.objects.get()
    assert (job.kind, job.params["labels_as_of"]) == ("manifest", last_event_id(dataset))
    assert job.inputs["clustering"] == str(cluster.pk)
    assert "hx-get" in page(member, dataset, "dataset-download", HX_Request="true").content.decode()


def test_a_manifest_with_another_threshold_of_hits_offers_a_new_one(dataset, member):
    add_manifest(dataset, 0, clustering=dataset.products.get(kind="cluster"))
    assert "changed since" not in page(member, dataset, "dataset-download").content.decode()
    save_threshold(dataset=dataset, threshold=12.0)
    assert "changed since" in page(member, dataset, "dataset-download").content.decode()
    dataset.refresh_from_db()
    assert {step.place.name: step.state for step in line_of(dataset)}["download"] == "stale"


def test_whoever_returns_to_a_threshold_returns_to_its_manifest(dataset, member):
    cluster = dataset.products.get(kind="cluster")
    first = add_manifest(dataset, 0, clustering=cluster)
    save_threshold(dataset=dataset, threshold=12.0)
    second = add_manifest(dataset, 0, clustering=cluster)
    second.params |= {"hit_threshold": 12.0}
    second.save()
    save_threshold(dataset=dataset, threshold=None)
    dataset.refresh_from_db()
    assert [row.product for row in selectors.manifests_of(dataset)] == [first, second]
    assert "changed since" not in page(member, dataset, "dataset-download").content.decode()
    assert {step.place.name: step.state for step in line_of(dataset)}["download"] == "done"


def test_names_of_clusters_are_frozen_in_a_manifest_and_a_new_name_makes_it_old(dataset, member):
    cluster = dataset.products.get(kind="cluster")
    add_manifest(dataset, 0, clustering=cluster)
    assert "changed since" not in page(member, dataset, "dataset-download").content.decode()
    rename_cluster(clustering=cluster, cluster=1, name="Rings")
    assert "changed since" in page(member, dataset, "dataset-download").content.decode()
    member.post(reverse("manifests:dataset-write", args=[dataset.pk]))
    job = Job.objects.get(kind="manifest")
    assert job.params["cluster_names"] == {"1": "Rings"}
    assert manifest_arguments(job)["cluster_names"] == {"1": "Rings"}
    assert manifest_arguments(job)["card"]["cluster_names"] == {"1": "Rings"}


def test_a_file_of_a_manifest_comes_whole_and_in_part(dataset, member):
    manifest = add_manifest(dataset)
    address = reverse("manifests:manifest-file", args=[manifest.pk, "manifest.parquet"])
    whole = member.get(address)
    content = b"".join(whole.streaming_content)
    assert content == manifest.path("manifest.parquet").read_bytes()
    assert whole["ETag"] == f'"{manifest.files["manifest.parquet"]["sha256"]}"'
    part = member.get(address, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert b"".join(part.streaming_content) == content[100:200]
    assert member.head(address)["Content-Length"] == str(len(content))


def test_only_files_of_the_manifest_can_be_asked_for(dataset, member):
    manifest = add_manifest(dataset)
    (manifest.folder / "secret.txt").write_text("not listed")
    for name in ("secret.txt", "..", "%2e%2e%2fmanifest.csv", "manifest.csv%00"):
        address = f"/manifests/{manifest.pk}/{name}"
        assert member.get(address).status_code == 404
    network = dataset.products.get(kind="learn")
    assert member.get(f"/manifests/{network.pk}/card.json").status_code == 404


def test_the_gallery_is_offered_as_a_file_and_never_shown_in_the_page(dataset, member, stranger):
    gallery = make_product(
        dataset,
        "gallery",
        lambda folder: (folder / "gallery.html").write_text("<h1>run</h1>"),
        {"n_clusters": 2},
    )
    address = reverse("manifests:manifest-file", args=[gallery.pk, "gallery.html"])
    assert address in page(member, dataset, "dataset-download").content.decode()
    answer = member.get(address)
    assert answer["Content-Disposition"].startswith("attachment")
    assert b"".join(answer.streaming_content) == b"<h1>run</h1>"
    assert stranger.get(address).status_code == 404


@pytest.mark.parametrize("single_label", [True, False])
def test_what_is_kept_of_a_classification_is_what_a_look_at_all_frames_finds(
    monkeypatch, single_label: bool
) -> None:
    monkeypatch.setattr(selectors, "_BLOCK", 64)
    monkeypatch.setattr(selectors, "N_SHOWN", 10)
    dataset = make_sorted_dataset(make_group("many"), 300)
    classification = make_classified(dataset, single_label=single_label)
    probabilities = np.load(classification.folder / "probabilities.npy")
    decision = decide(probabilities, selectors.decision_rule(classification))
    for column, entry in enumerate(selectors.sorted_classes(dataset)[1]):
        members = np.flatnonzero(decision[:, column])
        assert entry.n == len(members)
        for doubtful, sign in ((False, -1), (True, 1)):
            order = np.argsort(sign * probabilities[members, column], kind="stable")[:10]
            tiles = selectors.frames_of_class(classification, entry.name, doubtful=doubtful)
            assert [tile.index for tile in tiles] == members[order].tolist()
