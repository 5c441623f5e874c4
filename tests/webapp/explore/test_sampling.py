"""Which points are drawn of a map that has too many."""

import numpy as np
import pytest

from webapp.explore.sampling import drawn_points, stratified_sample


def labels_of_sizes(*sizes: int) -> np.ndarray:
    labels = np.repeat(np.arange(-1, len(sizes) - 1), sizes)
    return np.random.default_rng(3).permutation(labels)


def test_few_points_are_all_drawn() -> None:
    assert drawn_points(None, 1000).tolist() == list(range(1000))


@pytest.mark.parametrize("most", [500, 2000, 9000])
def test_a_sample_keeps_every_cluster_and_its_limit(most: int) -> None:
    labels = labels_of_sizes(4000, 12_000, 3000, 40, 3, 1)
    sample = stratified_sample(labels, most)
    assert len(sample) <= most
    assert len(sample) > 0.95 * most
    assert len(np.unique(sample)) == len(sample)
    assert (np.diff(sample) > 0).all()
    assert set(labels[sample]) == set(labels)


def test_small_clusters_are_drawn_whole_and_large_ones_by_size() -> None:
    labels = labels_of_sizes(10_000, 40_000, 50)
    sample = stratified_sample(labels, 5000)
    noise, large, small = (int((labels[sample] == cluster).sum()) for cluster in (-1, 0, 1))
    assert small == 50
    assert large / noise == pytest.approx(4, rel=0.15)


def test_more_clusters_than_points_do_not_exceed_the_limit() -> None:
    assert len(stratified_sample(np.arange(3000), 1000)) == 1000


def test_the_same_points_are_drawn_each_time() -> None:
    labels = labels_of_sizes(5000, 5000)
    np.testing.assert_array_equal(stratified_sample(labels, 100), stratified_sample(labels, 100))
