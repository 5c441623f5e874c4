"""Clusters cut from the kept tree by a page are those that the step reads anew."""

import numpy as np
import pytest

from webapp.explore.cluster_tree import cut_tree, read_tree
from workers.science.cluster import ClusterRecipe, cluster_points, read_clusters
from workers.science.clustering_files import save_clustering
from workers.science.fine_tree import save_fine_tree


def points(n: int = 900, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    middles = random.normal(0, 3, (9, 3))
    spread = random.uniform(0.15, 0.7, 9)
    kinds = random.choice(9, n, p=np.arange(1, 10) / 45)
    return (middles[kinds] + random.normal(0, 1, (n, 3)) * spread[kinds, None]).astype(np.float32)


@pytest.fixture(scope="module")
def clustering():
    recipe = ClusterRecipe(min_cluster_size=40, min_samples=5, method="eom")
    return cluster_points(points(), recipe)


@pytest.fixture(scope="module")
def folder(clustering, tmp_path_factory):
    out = tmp_path_factory.mktemp("clustering")
    save_clustering(clustering, out)
    save_fine_tree(clustering, out)
    return out


@pytest.mark.parametrize("method", ["eom", "leaf"])
@pytest.mark.parametrize("least", [5, 7, 12, 40, 41, 90, 200, 449])
def test_every_least_size_gives_the_clusters_that_the_step_gives(clustering, folder, least, method):
    tree = read_tree(folder)
    cut = cut_tree(tree, least, method)
    recipe = ClusterRecipe(min_cluster_size=least, min_samples=5, method=method)
    again = read_clusters(clustering.density, recipe)
    assert np.array_equal(cut.label_of[tree.part], again.labels)
    assert cut.sizes.tolist() == [entry["size"] for entry in again.clusters]


@pytest.mark.parametrize("seed", range(1, 7))
def test_many_sets_are_cut_at_many_sizes_as_the_step_cuts_them(tmp_path, seed):
    found = cluster_points(points(700, seed), ClusterRecipe(min_cluster_size=30, min_samples=4, method="eom"))
    save_clustering(found, tmp_path)
    save_fine_tree(found, tmp_path)
    tree = read_tree(tmp_path)
    for least in range(6, 80, 4):
        recipe = ClusterRecipe(min_cluster_size=least, min_samples=4, method="eom")
        labels = read_clusters(found.density, recipe).labels
        assert np.array_equal(cut_tree(tree, least, "eom").label_of[tree.part], labels), least


def test_a_clustering_from_before_fine_trees_can_be_cut_from_its_own_least_size_on(clustering, tmp_path):
    save_clustering(clustering, tmp_path)
    tree = read_tree(tmp_path)
    assert tree.least >= 40
    for least in (40, 90):
        recipe = ClusterRecipe(min_cluster_size=least, min_samples=5, method="eom")
        labels = read_clusters(clustering.density, recipe).labels
        assert np.array_equal(cut_tree(tree, least, "eom").label_of[tree.part], labels)


def test_the_points_of_a_part_are_those_of_all_that_it_splits_into(folder):
    tree = read_tree(folder)
    assert len(tree.frames_of(0)) == tree.n_points
    for part in range(1, len(tree.parent)):
        assert len(tree.frames_of(part)) == tree.size[part]


def test_what_is_no_tree_is_none(tmp_path):
    assert read_tree(tmp_path) is None
    np.savez(
        tmp_path / "tree.npz", parent=np.full(3, 3), child=np.arange(3), lambda_val=np.ones(3), child_size=1
    )
    assert read_tree(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04 and so on"])
def test_a_damaged_file_is_no_tree(tmp_path, content):
    (tmp_path / "fine.npz").write_bytes(content)
    assert read_tree(tmp_path) is None
