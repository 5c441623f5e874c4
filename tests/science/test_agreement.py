import numpy as np
import pytest

from workers.science.agreement import NeighbourGraph
from workers.science.nearest import nearest_neighbours
from workers.science.point_tree import plant


def blobs(n_blobs, n_each, seed=0):
    random = np.random.default_rng(seed)
    middles = 50 * random.standard_normal((n_blobs, 4))
    points = np.concatenate([middle + random.standard_normal((n_each, 4)) for middle in middles])
    return points.astype(np.float32), np.repeat(np.arange(n_blobs), n_each).astype(np.int32)


def agreement(points, labels, k=10):
    tree = plant(points)
    return NeighbourGraph(points, nearest_neighbours(tree, k), tree.order).agreement(labels.astype(np.int32))


def test_true_clusters_agree_wholly_and_have_the_modularity_of_equal_parts():
    points, labels = blobs(5, 40)
    found = agreement(points, labels)
    assert found.kappa == pytest.approx(1)
    assert found.modularity == pytest.approx(1 - 1 / 5)


def test_a_cluster_cut_in_two_agrees_less_and_two_merged_ones_have_less_modularity():
    points, labels = blobs(5, 40)
    whole = agreement(points, labels)
    cut = np.where((labels == 0) & (points[:, 0] > np.median(points[labels == 0, 0])), 5, labels)
    torn, merged = (agreement(points, part) for part in (cut, np.minimum(labels, 3)))
    assert torn.kappa < 0.95 < merged.kappa
    assert merged.modularity < whole.modularity


@pytest.mark.parametrize("labels", [np.full(20, -1), np.zeros(20)])
def test_no_cluster_and_one_that_holds_all_say_nothing(labels):
    points, _ = blobs(2, 10)
    found = agreement(points, labels, 5)
    assert (found.modularity, found.kappa) == (0, 0)


def test_noise_agrees_with_nobody():
    points, labels = blobs(2, 30)
    labels[::3] = -1
    assert agreement(points, labels).kappa < 0.7


def test_to_cut_through_identical_points_is_seen_whichever_of_them_are_listed_as_neighbours():
    points = np.concatenate([np.zeros((60, 4)), blobs(1, 60)[0]]).astype(np.float32)
    kept = np.repeat([0, 1], 60)
    cut = np.concatenate([np.repeat([2, 0], 30), np.ones(60)])
    assert agreement(points, kept).kappa == pytest.approx(1)
    assert agreement(points, cut).kappa < 0.7


def test_a_graph_that_finds_the_neighbours_itself_says_the_same():
    points, labels = blobs(3, 40)
    labels[::7] = 0
    found = NeighbourGraph.of_points(points, threads=2).agreement(labels)
    assert found == agreement(points, labels, 15)


def test_few_points_are_all_neighbours():
    points, labels = blobs(2, 3)
    assert NeighbourGraph.of_points(points).agreement(labels).kappa < 0.5
