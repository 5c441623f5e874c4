"""The tree of clusters and the slider through it, as scripts ask for them."""

import json
import shutil

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.clusterings import add_clustering
from tests.webapp.factories import make_group, make_product, make_sorted_dataset, make_user
from webapp.datasets.cluster_operations import rename_cluster
from webapp.datasets.columns import columns_of
from webapp.datasets.models import Dataset
from webapp.datasets.scopes import ScopeError, frames_of_scope
from webapp.jobs.models import Product

pytestmark = pytest.mark.django_db
N = 150


@pytest.fixture
def dataset() -> Dataset:
    return make_sorted_dataset(make_group(), N)


@pytest.fixture
def first(dataset: Dataset) -> Product:
    return dataset.products.get(kind="cluster")


@pytest.fixture
def client(dataset: Dataset) -> Client:
    client = Client()
    client.force_login(make_user("ada", dataset.group, role="viewer"))
    return client


def get(client: Client, name: str, dataset: Dataset, **query):
    return client.get(reverse(f"explore:{name}", args=[dataset.pk]), query)


def labels_of(clustering: Product) -> np.ndarray:
    return np.load(clustering.folder / "labels.npy")


def test_the_tree_has_the_clusters_in_their_places_and_parts_lie_within_what_they_came_of(
    client, dataset, first
):
    picture = get(client, "cluster-tree", dataset).json()
    nodes = {node["id"]: node for node in picture["nodes"]}
    sizes = np.bincount(labels_of(first)[labels_of(first) >= 0])
    assert {node["cluster"]: node["size"] for node in nodes.values() if node["cluster"] >= 0} == {
        number: int(size) for number, size in enumerate(sizes)
    }
    for node in nodes.values():
        assert node["birth"] > 0, "it is drawn by its logarithm"
        assert node["birth"] <= node["half"] <= node["end"]
        assert node["endWidth"] <= node["width"] + 1e-9
        if node["parent"] >= 0:
            above = nodes[node["parent"]]
            assert above["left"] - 1e-6 <= node["left"]
            assert node["left"] + node["width"] <= above["left"] + above["width"] + 1e-6
    beside = sorted((node["left"], node["width"]) for node in nodes.values() if node["parent"] == 0)
    assert beside[0][0] + beside[0][1] <= beside[1][0] + 1e-6


def test_each_drawn_point_has_its_part_of_the_tree(client, dataset, first):
    parts = np.frombuffer(get(client, "tree-points", dataset).content, "<i4")
    assert parts.tolist() == np.array([1, 3, 4, 0])[labels_of(first)].tolist()


def test_a_cut_says_what_reading_anew_would_give_with_the_names_there_are(client, dataset, first):
    rename_cluster(clustering=first, cluster=1, name="Ellipses")
    labels = labels_of(first)
    parts = np.frombuffer(get(client, "tree-points", dataset).content, "<i4")
    cut = get(
        client, "cluster-cut", dataset, least=int(np.bincount(labels[labels >= 0])[2]), method="leaf"
    ).json()
    assert [cluster["name"] for cluster in cut["clusters"]] == ["Cluster 0", "Ellipses", "Cluster 2"]
    assert np.array_equal(np.array(cut["labelOf"])[parts], labels)
    assert cut["noisePercent"] == pytest.approx(100 * (labels < 0).mean(), abs=0.01)
    coarse = get(client, "cluster-cut", dataset, least=int((labels == 2).sum()) + 1, method="leaf").json()
    assert coarse["nClusters"] == 2
    assert [cluster["size"] for cluster in coarse["clusters"]] == sorted(
        [int((labels == 0).sum()), int((labels > 0).sum())], reverse=True
    )


@pytest.mark.parametrize(
    "query",
    [{}, {"least": "x"}, {"least": 1}, {"least": -5}, {"least": 10**30}, {"least": 9, "method": "ward"}],
)
def test_a_cut_that_cannot_be_is_refused_with_a_line(client, dataset, query):
    answer = get(client, "cluster-cut", dataset, **query)
    assert answer.status_code == 400
    assert len(answer.json()["error"]) > 20


def test_a_part_of_the_tree_is_a_scope(client, dataset, first):
    columns = columns_of(dataset)
    assert np.array_equal(frames_of_scope(columns, {"node": 2}), np.flatnonzero(labels_of(first) > 0))
    for node in (5, -1, True, "2", None, 1.0):
        with pytest.raises(ScopeError):
            frames_of_scope(columns, {"node": node})
    body = json.dumps({"scope": {"node": 1, "clustering": str(first.pk)}, "sort": "order"})
    answer = client.post(
        reverse("explore:frame-list", args=[dataset.pk]), body, content_type="application/json"
    ).json()
    assert answer["n"] == (labels_of(first) == 0).sum()


def test_a_clustering_without_a_tree_says_so(client, dataset):
    plain = add_clustering(dataset, np.zeros(N, np.int32))
    assert (
        get(client, "cluster-tree", dataset)
        .json()["words"]
        .startswith("The tree of these clusters was not kept")
    )
    assert get(client, "tree-points", dataset).status_code == 404
    assert get(client, "cluster-cut", dataset, least=9).status_code == 400
    with pytest.raises(ScopeError, match="not kept"):
        frames_of_scope(columns_of(dataset, clustering=plain.pk), {"node": 0})


def test_a_merged_clustering_has_the_tree_of_its_origin_in_its_own_colours(client, dataset, first):
    merged = labels_of(first).copy()
    merged[merged == 2] = 1
    again = add_clustering(
        dataset, merged, first, {"recipe": {}, "within": None, "merge": [[1, 2]]}, {1: [1, 2]}
    )
    nodes = {node["id"]: node for node in get(client, "cluster-tree", dataset).json()["nodes"]}
    joint = labels_of(again)[np.flatnonzero(labels_of(first) == 1)[0]]
    assert [nodes[part]["cluster"] for part in (2, 3, 4)] == [joint] * 3


def test_of_a_sample_the_other_frames_have_no_part_in_the_tree(client, dataset, first):
    rows = np.sort(np.random.default_rng(0).permutation(N)[:60])
    labels = labels_of(first)
    n = len(rows)

    def write(out):
        shutil.copytree(first.folder, out, dirs_exist_ok=True)
        np.save(out / "sample.npy", rows)
        part = np.array([1, 3, 4, 0])[labels[rows]]
        size = [n, (part == 1).sum(), (part > 1).sum(), (part == 3).sum(), (part == 4).sum()]
        np.savez(
            out / "fine.npz", parent=np.array([-1, 0, 0, 2, 2]), birth=np.array([0, 0.5, 0.5, 0.7, 0.7]),
            size=np.array(size), cluster=part.astype(np.int32),
            leaves_at=np.full(n, 1.5, np.float32), least=3,
        )  # fmt: skip

    inputs = {name: first.input(name) for name in ("embedding", "network")}
    make_product(dataset, "cluster", write, {**first.facts, "n_fitted": n}, inputs)
    parts = np.frombuffer(get(client, "tree-points", dataset).content, "<i4")
    assert np.flatnonzero(parts >= 0).tolist() == rows.tolist()
    assert frames_of_scope(columns_of(dataset), {"node": 1}).tolist() == rows[labels[rows] == 0].tolist()
    cut = get(client, "cluster-cut", dataset, least=10, method="eom").json()
    assert cut["clusters"][0]["size"] == pytest.approx((labels == 0).sum(), rel=0.4), "told in frames"
