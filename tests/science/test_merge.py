"""Merging clusters that a person says are one: numbers, exemplars, what stays, what is refused."""

import json

import numpy as np
import pytest

from tests.science.test_cluster import blobs, check_contract
from workers.science.cluster import ClusterRecipe, cluster_points
from workers.science.clustering_files import load_clustering, save_clustering
from workers.science.errors import ScienceError
from workers.science.merge import merge_clusters
from workers.science.steps.cluster import recluster

RECIPE = ClusterRecipe(min_cluster_size=15, min_samples=5, method="eom")


@pytest.fixture(scope="module")
def found():
    clustering = cluster_points(blobs((120, 80, 50, 30))[0], RECIPE)
    assert len(clustering.clusters) == 4
    return clustering


def test_merged_clusters_are_one_and_all_are_numbered_by_size_again(found):
    merged = merge_clusters(found, [[3, 1, 2]])
    check_contract(merged, 280)
    sizes = [entry["size"] for entry in merged.clusters]
    assert sizes == np.bincount(merged.labels[merged.labels >= 0]).tolist()
    assert sizes == sorted(sizes, reverse=True)
    [joint] = [entry for entry in merged.clusters if "merged_from" in entry]
    assert joint["merged_from"] == [1, 2, 3]
    assert np.array_equal(merged.labels == joint["id"], found.labels > 0)
    assert np.array_equal(merged.labels == -1, found.labels == -1)
    assert merged.choice == {"merged": [[1, 2, 3]]}


def test_exemplars_of_the_joint_cluster_are_the_densest_of_its_parts_and_means_are_weighted(found):
    merged = merge_clusters(found, [[1, 2]])
    [joint] = [entry for entry in merged.clusters if "merged_from" in entry]
    parts = [found.clusters[1], found.clusters[2]]
    known = [frame for part in parts for frame in part["exemplars"]]
    assert set(joint["exemplars"]) <= set(known)
    assert len(joint["exemplars"]) == min(16, len(known))
    scores = found.outlier_scores
    left_out = set(known) - set(joint["exemplars"])
    worst = scores[joint["exemplars"]].max()
    assert all(scores[frame] >= worst for frame in left_out)
    weights = [part["size"] for part in parts]
    for name in ("persistence", "mean_probability"):
        assert joint[name] == pytest.approx(
            np.average([part[name] for part in parts], weights=weights), abs=1e-6
        )
    members = merged.labels == joint["id"]
    assert joint["mean_probability"] == pytest.approx(merged.probabilities[members].mean(), abs=1e-4)


def test_two_groups_at_once_and_a_merge_of_what_was_merged(found):
    twice = merge_clusters(merge_clusters(found, [[0, 1], [2, 3]]), [[0, 1]])
    assert [entry["size"] for entry in twice.clusters] == [int((found.labels >= 0).sum())]
    assert twice.clusters[0]["merged_from"] == [0, 1], "in the numbers of the clustering just before"
    once = merge_clusters(merge_clusters(found, [[0, 1]]), [[1, 2]])
    [joint] = [entry for entry in once.clusters if "merged_from" in entry]
    assert joint["merged_from"] == [1, 2], "what an earlier merge made is a cluster like the others"


@pytest.mark.parametrize("groups", [[], [[1]], [[0, 4]], [[-1, 0]], [[0, 0]], [[0, 1], [1, 2]]], ids=str)
def test_what_is_no_merge_is_refused(found, groups):
    with pytest.raises(ScienceError, match=r"Cluster -?\d|at least two"):
        merge_clusters(found, groups)


@pytest.mark.parametrize("has_tree", [True, False])
def test_the_step_keeps_the_tree_where_there_is_one_so_that_clusters_can_be_read_anew(
    found, tmp_path, has_tree
):
    earlier, out, again = (tmp_path / name for name in ("earlier", "out", "again"))
    for folder in (earlier, out, again):
        folder.mkdir()
    save_clustering(found, earlier)
    if not has_tree:
        for file in (earlier / "density").iterdir():
            file.unlink()
        (earlier / "density").rmdir()
    places = {"latents_dir": "", "network_dir": "", "threads": 1, "within": None}
    told = recluster(cluster_dir=str(earlier), recipe={}, merge=[[0, 3]], out=str(out), **places)
    assert (told["n_clusters"], told["n_fitted"]) == (3, 280)
    assert json.loads((out / "choice.json").read_text()) == {"merged": [[0, 3]]}
    assert (out / "density").exists() == has_tree
    if has_tree:
        recipe = {"min_cluster_size": 15, "min_samples": 5, "method": "eom"}
        recluster(cluster_dir=str(out), recipe=recipe, out=str(again), **places)
        assert np.array_equal(load_clustering(again).labels, found.labels)


def test_a_merge_of_a_sampled_clustering_keeps_its_sample(found, tmp_path):
    earlier, out = tmp_path / "earlier", tmp_path / "out"
    earlier.mkdir(), out.mkdir()
    save_clustering(found, earlier)
    np.save(earlier / "sample.npy", np.arange(0, 280, 2))
    told = recluster(
        cluster_dir=str(earlier), latents_dir="", network_dir="", recipe={}, within=None, threads=1,
        merge=[[0, 1]], out=str(out),
    )  # fmt: skip
    assert told["n_fitted"] == 140
    assert np.array_equal(np.load(out / "sample.npy"), np.arange(0, 280, 2))
