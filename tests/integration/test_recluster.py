"""Clusters are read anew by a real worker from the tree that the first clustering left."""

import os

import numpy as np
import pytest

from tests.integration.conftest import wait_until
from tests.webapp.factories import make_group, make_sorted_dataset
from webapp.datasets.cluster_names import names_of_clustering
from webapp.datasets.columns import columns_of
from webapp.datasets.lineage import newest
from webapp.explore.cluster_tree import cut_tree, tree_of
from webapp.explore.clusterings import sweeps_of
from webapp.explore.nuisances import report_product
from webapp.explore.recluster import cluster_again, merge_clusters
from webapp.explore.services import find_clusters
from webapp.jobs.models import Job, Product, State
from webapp.jobs.services import Handle

N_FRAMES = 600


@pytest.fixture
def found(group):
    """Find the clusters of a data set whose latents lie about four points."""
    dataset = make_sorted_dataset(make_group(), N_FRAMES)
    embedding = dataset.products.get(kind="embed")
    latents = {"embedding": Handle.of(embedding), "network": Handle.of(embedding.input("network"))}
    handle = find_clusters(dataset=dataset, recipe={"reduce": "none"}, **latents)
    return work(group, handle)


def work(group, handle):
    """Let the workers finish; return the product that was asked for."""
    wait_until(lambda: not Job.objects.active().exists(), tend=group.tend, seconds=180)
    ended = {job.kind: (job.state, job.error) for job in Job.objects.all()}
    assert set(ended.values()) == {(State.SUCCEEDED, "")}, ended
    return Product.objects.select_related("dataset").get(pk=handle.id)


def shown_labels(product):
    product.dataset.refresh_from_db()
    assert newest(product.dataset, "cluster") == product
    return np.array(columns_of(product.dataset).clusters)


@pytest.mark.timeout(400)
def test_other_settings_then_one_cluster_then_back_and_each_has_its_report(group, found):
    first = shown_labels(found)
    assert len(sweeps_of(found)[0].trials) > 1

    settings = {"min_cluster_size": 100, "min_samples": 9, "method": "leaf"}
    coarse = work(group, cluster_again(clustering=found, recipe=settings))
    labels = shown_labels(coarse)
    assert coarse.kind == "cluster"
    assert set(coarse.parents.values_list("kind", flat=True)) == {"cluster", "embed", "learn"}
    assert coarse.facts["choice"].items() >= settings.items()
    assert "table" not in coarse.facts["choice"]
    sizes = np.bincount(labels[labels >= 0])
    assert sizes.min() >= 100
    assert coarse.facts["n_noise"] == np.count_nonzero(labels < 0)
    assert report_product(coarse) is not None

    # The clusters are of one kind of frame each, so what is found in one of them are its lumps.
    parts = work(group, cluster_again(clustering=coarse, recipe={"min_cluster_size": 5}, within=0))
    inside = shown_labels(parts)[labels == 0]
    assert parts.facts["choice"]["within"] == 0
    outside = shown_labels(parts)[labels > 0]
    assert len(np.unique(outside)) == len(sizes) - 1
    assert set(outside.tolist()).isdisjoint(inside.tolist())
    assert report_product(parts) is not None

    merged = work(group, merge_clusters(clustering=coarse, clusters=[0, 1], name="Both"))
    joint = names_of_clustering(merged)
    [number] = [number for number, name in joint.items() if name.name == "Both"]
    np.testing.assert_array_equal(shown_labels(merged) == number, (labels == 0) | (labels == 1))
    assert report_product(merged) is not None
    cut = cut_tree(tree_of(merged), settings["min_cluster_size"], settings["method"])
    np.testing.assert_array_equal(cut.label_of[tree_of(merged).part], labels, "that of all clusters is kept")

    n_jobs = Job.objects.count()
    assert cluster_again(clustering=parts, recipe=settings) == Handle.of(coarse)
    np.testing.assert_array_equal(shown_labels(coarse), labels)
    cluster_again(clustering=coarse, recipe={})
    np.testing.assert_array_equal(shown_labels(found), first)
    assert Job.objects.count() == n_jobs + 1, "only the report of the first clusters, which had none yet"


def test_a_tree_that_is_damaged_is_one_line_for_the_user(group, found):
    os.truncate(found.folder / "density" / "points.npy", 1000)
    handle = cluster_again(clustering=found, recipe={"min_cluster_size": 30})
    wait_until(lambda: not Job.objects.active().exists(), tend=group.tend, seconds=90)
    job = Job.objects.get(pk=handle.job.pk)
    assert job.state == State.FAILED
    assert "was not kept, or is damaged" in job.error
    assert Job.objects.get(kind="nuisance").state == State.CANCELLED
    found.dataset.refresh_from_db()
    assert newest(found.dataset, "cluster") == found
