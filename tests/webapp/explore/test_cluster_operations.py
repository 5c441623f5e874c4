"""What people do to clusters on their page: names, colours, merging, undo, and the list of it."""

import io
import json
import uuid

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from tests.webapp.clusterings import add_clustering
from tests.webapp.factories import make_group, make_sorted_dataset, make_user
from webapp.datasets.cluster_names import names_of_clustering
from webapp.datasets.cluster_operations import rename_cluster
from webapp.datasets.lineage import newest
from webapp.datasets.models import ClusterOperation, Dataset
from webapp.explore.fates import fates_of
from webapp.explore.thumbs import TABLE
from webapp.jobs.models import Job, Product, State
from webapp.jobs.services import end_job

pytestmark = pytest.mark.django_db
N = 120


@pytest.fixture
def dataset() -> Dataset:
    return make_sorted_dataset(make_group(), N)


@pytest.fixture
def first(dataset: Dataset) -> Product:
    return dataset.products.get(kind="cluster")


def sign_in(dataset: Dataset, role: str = "member") -> Client:
    client = Client()
    client.force_login(make_user(role, dataset.group, role=role))
    return client


def post(client: Client, route: str, dataset: Dataset, **act):
    url = reverse(f"explore:{route}", args=[dataset.pk])
    return client.post(url, json.dumps(act), content_type="application/json")


def act_on(client: Client, clustering: Product, **act):
    return post(client, "operation-add", clustering.dataset, clustering=str(clustering.pk), **act)


def labels_of(clustering: Product) -> np.ndarray:
    return np.load(clustering.folder / "labels.npy")


def merged_by_worker(first: Product) -> Product:
    """Add what a worker makes of the merge of clusters 1 and 2 that was asked for."""
    job = Job.objects.get(kind="recluster")
    labels = labels_of(first).copy()
    labels[labels == 2] = 1
    end_job(job, State.SUCCEEDED)
    return add_clustering(first.dataset, labels, first, job.params, {1: [1, 2]}, job.result_id)


def test_a_new_name_is_answered_and_shown_on_all_pages_as_text(dataset, first):
    member = sign_in(dataset)
    answer = act_on(member, first, kind="rename", cluster=1, name="<i>Rings</i> & more")
    told = {cluster["id"]: cluster["name"] for cluster in answer.json()["clusters"]}
    assert told[1] == "<i>Rings</i> & more"
    page = member.get(reverse("explore:dataset-clusters", args=[dataset.pk]))
    text = page.content.decode()
    assert "<i>Rings" not in text
    assert text.count("&lt;i&gt;Rings&lt;/i&gt; &amp; more") > 3
    facts = {cluster["id"]: cluster["name"] for cluster in page.context["page"]["clusters"]}
    assert facts[1] == "<i>Rings</i> & more"
    [frame] = np.flatnonzero(labels_of(first) == 1)[:1]
    side = member.get(reverse("explore:frame-detail", args=[dataset.pk, frame])).content.decode()
    assert "&lt;i&gt;Rings&lt;/i&gt; &amp; more</a>" in side
    assert '<option value="cluster:1" selected>&lt;i&gt;Rings' in side


@pytest.mark.parametrize(
    ("act", "line"),
    [
        ({"kind": "rename", "cluster": 1, "name": ""}, "empty"),
        ({"kind": "rename", "cluster": 1, "name": "x" * 61}, "61 signs"),
        ({"kind": "rename", "cluster": 1, "name": 7}, "is a text"),
        ({"kind": "rename", "cluster": 9, "name": "Rings"}, "no cluster 9"),
        ({"kind": "rename", "cluster": -1, "name": "Rings"}, "belongs to no cluster"),
        ({"kind": "rename", "cluster": True, "name": "Rings"}, "by their numbers"),
        ({"kind": "rename", "cluster": "1", "name": "Rings"}, "by their numbers"),
        ({"kind": "colour", "cluster": 1, "colour": "blue"}, "six digits"),
        ({"kind": "merge", "clusters": [1]}, "at least two"),
        ({"kind": "merge", "clusters": [1, 1]}, "at least two"),
        ({"kind": "merge", "clusters": [1, 5]}, "no cluster 5"),
        ({"kind": "merge", "clusters": [-1, 0]}, "no cluster -1"),
        ({"kind": "merge", "clusters": "0, 1"}, "which clusters"),
        ({"kind": "merge", "clusters": [0, 1], "name": "a;b"}, "semicolon"),
        ({"kind": "destroy", "cluster": 1}, "rename, colour or merge"),
        ({"kind": "rename", "cluster": 1, "name": "Rings", "client_id": "x"}, "is no id"),
        ({"kind": "rename", "cluster": 1, "name": "Rings", "clustering": str(uuid.uuid4())}, "not there"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(dataset, first, act, line):
    answer = post(sign_in(dataset), "operation-add", dataset, **{"clustering": str(first.pk), **act})
    assert answer.status_code == 400
    assert line in answer.json()["error"]
    assert not ClusterOperation.objects.exists()
    assert not Job.objects.exists()


def test_merging_asks_for_a_clustering_and_the_report_waits_for_it(dataset, first):
    answer = act_on(sign_in(dataset), first, kind="merge", clusters=[2, 1], name="Rings")
    assert answer.json() == {"isThere": False}
    job = Job.objects.get(kind="recluster")
    assert job.params == {"recipe": {}, "within": None, "merge": [[1, 2]]}
    assert job.inputs["clustering"] == str(first.pk)
    assert Job.objects.get(kind="nuisance").inputs["clustering"] == str(job.result_id)
    told = dataset.cluster_operations.get()
    assert (told.kind, told.params["before"]) == ("merge", str(first.pk))
    assert told.params["words"] == "Merged “Cluster 1” and “Cluster 2” into “Rings”"


def test_merged_clusters_have_the_name_that_was_asked_for_and_the_others_keep_theirs(dataset, first):
    member = sign_in(dataset)
    rename_cluster(clustering=first, cluster=0, name="Discs")
    rename_cluster(clustering=first, cluster=1, name="Ellipses")
    act_on(member, first, kind="merge", clusters=[1, 2], name="Ellipses")
    made = merged_by_worker(first)
    names = names_of_clustering(made)
    assert {name.name for number, name in names.items() if number >= 0} == {"Discs", "Ellipses"}
    old = names_of_clustering(first)
    assert {name.colour for number, name in names.items() if number >= 0} == {old[0].colour, old[1].colour}
    text = member.get(reverse("explore:dataset-clusters", args=[dataset.pk])).content.decode()
    assert "Merged “Ellipses” and “Cluster 2” into “Ellipses”" in text, "in the list of all clusterings"
    kinds = {row.name: row.kind for row in fates_of(made).rows}
    assert kinds == {"Discs": "kept", "Ellipses": "merged", "Cluster 2": "merged"}


def test_undoing_a_merge_returns_to_the_clusters_before_and_only_while_it_is_current(dataset, first):
    member = sign_in(dataset)
    act_on(member, first, kind="merge", clusters=[1, 2], name="Rings")
    asked = dataset.cluster_operations.get()
    early = post(member, "operation-undo", dataset, operation=asked.pk)
    assert "still being made" in early.json()["error"]
    made = merged_by_worker(first)
    assert newest(dataset, "cluster") == made
    later = add_clustering(dataset, labels_of(first))
    refused = post(member, "operation-undo", dataset, operation=asked.pk)
    assert "Other clusters are current" in refused.json()["error"]
    later.delete()
    assert post(member, "operation-undo", dataset, operation=asked.pk).json()["isOther"] is True
    dataset.refresh_from_db()
    assert newest(dataset, "cluster") == first
    assert asked.undone_by.count() == 1
    again = post(member, "operation-undo", dataset, operation=asked.pk)
    assert "undone already" in again.json()["error"]


def test_the_same_merge_asked_for_again_is_shown_at_once(dataset, first):
    member = sign_in(dataset)
    act_on(member, first, kind="merge", clusters=[1, 2], name="Rings")
    made = merged_by_worker(first)
    Product.objects.filter(pk=made.pk).update(key=Job.objects.get(kind="recluster").key)
    post(member, "operation-undo", dataset, operation=dataset.cluster_operations.get().pk)
    assert act_on(member, first, kind="merge", clusters=[1, 2], name="Hoops").json() == {"isThere": True}
    dataset.refresh_from_db()
    assert newest(dataset, "cluster") == made
    assert "Hoops" in {name.name for name in names_of_clustering(made).values()}


def test_a_merge_that_is_current_already_only_gets_the_new_name(dataset, first):
    member = sign_in(dataset)
    act_on(member, first, kind="merge", clusters=[1, 2], name="Rings")
    made = merged_by_worker(first)
    Product.objects.filter(pk=made.pk).update(key=Job.objects.get(kind="recluster").key)
    assert act_on(member, first, kind="merge", clusters=[1, 2], name="Hoops").json() == {"isThere": True}
    assert "Hoops" in {name.name for name in names_of_clustering(made).values()}
    last = dataset.cluster_operations.last()
    assert "made before" in post(member, "operation-undo", dataset, operation=last.pk).json()["error"]
    text = member.get(reverse("explore:operation-list", args=[dataset.pk])).content.decode()
    assert f'data-undo-operation="{last.pk}"' not in text


def test_a_merge_on_the_page_of_earlier_clusters_takes_over_their_names_and_undo_leads_to_the_current(
    dataset, first
):
    member = sign_in(dataset)
    rename_cluster(clustering=first, cluster=0, name="Discs")
    current = add_clustering(dataset, np.where(labels_of(first) == 0, 1, 0))
    rename_cluster(clustering=current, cluster=0, name="Others")
    act_on(member, first, kind="merge", clusters=[1, 2])
    made = merged_by_worker(first)
    assert "Discs" in {name.name for name in names_of_clustering(made).values()}
    merge = dataset.cluster_operations.get(kind="merge")
    assert post(member, "operation-undo", dataset, operation=merge.pk).status_code == 200
    dataset.refresh_from_db()
    assert newest(dataset, "cluster") == current


def test_the_list_says_who_did_what_and_offers_to_undo_what_can_be_undone(dataset, first):
    member = sign_in(dataset)
    act_on(member, first, kind="rename", cluster=0, name="<b>Discs</b>")
    act_on(member, first, kind="colour", cluster=0, colour="#44aa99")
    act_on(member, first, kind="merge", clusters=[1, 2])
    name = ClusterOperation.objects.get(kind="rename")
    assert post(member, "operation-undo", dataset, operation=name.pk).status_code == 200
    text = member.get(reverse("explore:operation-list", args=[dataset.pk])).content.decode()
    assert "<b>Discs" not in text
    assert "Called “Cluster 0” “&lt;b&gt;Discs&lt;/b&gt;”" in text
    assert "undone by member" in text
    assert "being made" in text
    assert text.count("data-undo-operation") == 1, "the colour alone"
    later = add_clustering(dataset, labels_of(first))
    text = member.get(reverse("explore:operation-list", args=[dataset.pk])).content.decode()
    assert "data-undo-operation" not in text, "it would change clusters that are not seen here"
    text = member.get(reverse("explore:operation-list", args=[dataset.pk]), {"clustering": first.pk}).content
    assert b"data-undo-operation" in text
    assert later != first


def test_reading_anew_looking_into_and_choosing_are_in_the_list_too(dataset, first):
    member = sign_in(dataset)
    other = add_clustering(dataset, labels_of(first))
    for name, data in (
        ("cluster-again", {"clustering": other.pk, "min_samples": 7}),
        ("clustering-choose", {"clustering": first.pk}),
    ):
        member.post(reverse(f"explore:{name}", args=[dataset.pk]), data)
    entries = [(item.kind, item.params["before"]) for item in dataset.cluster_operations.all()]
    assert ("choose", str(other.pk)) in entries
    choice = dataset.cluster_operations.get(kind="choose")
    assert post(member, "operation-undo", dataset, operation=choice.pk).json()["isOther"] is True
    dataset.refresh_from_db()
    assert newest(dataset, "cluster") == other


def test_viewers_see_names_and_history_but_no_way_to_change_them(dataset, first):
    rename_cluster(clustering=first, cluster=0, name="Discs")
    viewer = sign_in(dataset, "viewer")
    text = viewer.get(reverse("explore:dataset-clusters", args=[dataset.pk])).content.decode()
    assert "Discs" in text
    for control in (
        "data-rename",
        "data-choose",
        "data-paint",
        "data-promote",
        "merge-open",
        '<dialog id="cluster-',
    ):
        assert control not in text
    history = viewer.get(reverse("explore:operation-list", args=[dataset.pk])).content.decode()
    assert "“Discs”" in history
    assert "data-undo-operation" not in history
    assert act_on(viewer, first, kind="rename", cluster=0, name="Mine").status_code == 403
    undo = post(viewer, "operation-undo", dataset, operation=dataset.cluster_operations.get().pk)
    assert undo.status_code == 403
    assert dataset.cluster_operations.count() == 1


def test_clusters_of_another_group_cannot_be_named_by_way_of_my_own(dataset, first):
    other = make_sorted_dataset(make_group("another"), N)
    stranger = sign_in(other)
    assert act_on(stranger, first, kind="rename", cluster=0, name="Mine").status_code == 404
    answer = post(
        stranger, "operation-add", other, clustering=str(first.pk), kind="rename", cluster=0, name="x"
    )
    assert answer.status_code == 400
    operation = rename_cluster(clustering=first, cluster=0, name="Discs")
    assert post(stranger, "operation-undo", other, operation=operation.pk).status_code == 400
    assert names_of_clustering(first)[0].name == "Discs"


def test_what_became_of_the_clusters_before_tells_splits_and_what_is_new(dataset, first):
    rename_cluster(clustering=first, cluster=0, name="Discs")
    labels = labels_of(first).copy()
    members, noise = np.flatnonzero(labels == 0), np.flatnonzero(labels == -1)
    labels[members[: len(members) // 3]] = 5
    labels[noise] = 6
    labels[labels == 2] = -1
    again = add_clustering(dataset, labels)
    fates = fates_of(again)
    split, new = (next(row for row in fates.rows if row.kind == kind) for kind in ("split", "new"))
    assert split.name == "Discs"
    assert len(split.parts) == 2
    assert sum(part.n for part in split.parts) == len(members)
    assert split.words.startswith("split into “Discs” and “Cluster ")
    assert new.size == len(noise)
    assert {row.kind for row in fates.rows} == {"split", "new", "kept", "noise"}
    member = sign_in(dataset)
    text = member.get(reverse("explore:cluster-fates", args=[dataset.pk])).content.decode()
    assert f'data-open-cluster="{split.parts[1].id}"' in text
    assert "split into “Discs”" in text
    before = member.get(reverse("explore:cluster-fates", args=[dataset.pk]), {"clustering": first.pk})
    assert "no clusters from before" in before.content.decode()


def test_mean_and_maximum_of_clusters_are_one_picture_with_a_row_each(dataset, first):
    member, url = sign_in(dataset), reverse("explore:cluster-patterns", args=[dataset.pk])
    condensation = newest(dataset, "condense")
    asked = {"clustering": first.pk, "of": condensation.pk, "clusters": "2,0,-1"}
    answer = member.get(url, asked)
    assert answer["Content-Type"] == "image/png"
    assert "immutable" in answer["Cache-Control"]
    picture = np.asarray(Image.open(io.BytesIO(answer.content)), dtype=int)
    assert picture.shape == (3 * 64, 2 * 64, 3)
    mean, highest = picture[:64, :64], picture[:64, 64:]
    assert (highest.sum(axis=2) >= mean.sum(axis=2)).mean() > 0.99
    alone = np.asarray(Image.open(io.BytesIO(member.get(url, asked | {"clusters": "0"}).content)))
    assert np.array_equal(picture[64:128], alone)
    assert not np.array_equal(picture[:64], alone)
    assert "no-cache" in member.get(url, {"clusters": "0"})["Cache-Control"]


def test_the_mean_is_of_counts_and_not_of_levels(dataset, first):
    frames = np.load(newest(dataset, "condense").folder / "condensed.npy")[labels_of(first) == 1]
    answer = sign_in(dataset).get(reverse("explore:cluster-patterns", args=[dataset.pk]), {"clusters": "1"})
    counts = np.expm1(frames / 255 * np.log1p(400.0)).mean(axis=0)
    levels = np.minimum(255 * np.log1p(counts) / np.log1p(400.0) + 0.5, 255).astype(np.uint8)
    shown = np.asarray(Image.open(io.BytesIO(answer.content)), dtype=int)[:64, :64]
    assert np.abs(shown - TABLE[levels].astype(int))[levels > 0].max() <= 6


@pytest.mark.parametrize("clusters", ["", "x", "99", "0,99", "0,,1", ",".join("0" * 9)])
def test_a_picture_of_no_cluster_is_not_found(dataset, first, clusters):
    answer = sign_in(dataset).get(
        reverse("explore:cluster-patterns", args=[dataset.pk]), {"clusters": clusters}
    )
    assert answer.status_code == 404
