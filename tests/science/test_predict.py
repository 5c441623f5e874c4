"""New points are told the cluster and the strength that hdbscan tells them."""

import hdbscan
import numpy as np
import pytest

from workers.science.cluster import ClusterRecipe, cluster_points, read_clusters
from workers.science.errors import ScienceError
from workers.science.predict import Predictor
from workers.science.subcluster import split_cluster

RECIPE = ClusterRecipe(reduce="none", min_cluster_size=25, min_samples=5, method="eom")


def blobs(n, seed=0):
    rng = np.random.default_rng(seed)
    kinds = rng.choice(4, n, p=(0.4, 0.3, 0.2, 0.1))
    return (5 * np.eye(4)[kinds] + rng.normal(size=(n, 4))).astype(np.float32), kinds


def test_labels_and_strengths_are_nearly_those_of_hdbscan():
    points, new = blobs(1200)[0], blobs(400, seed=1)[0]
    found = cluster_points(points, RECIPE)
    model = hdbscan.HDBSCAN(
        min_cluster_size=25, min_samples=5, prediction_data=True, approx_min_span_tree=False
    ).fit(points.astype(float))
    labels, strengths = hdbscan.approximate_predict(model, new.astype(float))
    number = {old: found.labels[model.labels_ == old][0] for old in set(model.labels_.tolist())} | {-1: -1}
    ours = Predictor(found).predict(new)
    same = ours.labels == [number[label] for label in labels.tolist()]
    assert same.mean() > 0.95
    # hdbscan counts the point itself among its neighbours here and not there, so strengths differ a little.
    assert np.abs(ours.probabilities - strengths)[same].mean() < 0.06


def test_points_that_were_clustered_are_told_nearly_what_was_found_of_them():
    points, _ = blobs(1200)
    found = cluster_points(points, RECIPE)
    told = Predictor(found).predict(points)
    assert (told.labels == found.labels).mean() > 0.95
    assert np.abs(told.probabilities - found.probabilities).mean() < 0.06


def test_a_point_far_from_all_others_is_noise():
    told = Predictor(cluster_points(blobs(1200)[0], RECIPE)).predict(
        np.float32([[5, 0, 0, 0], [900, 0, 0, 0], [1e30, 0, 0, 0]])
    )
    assert told.labels.tolist() == [0, -1, -1]
    assert told.probabilities[0] > 0.5
    assert told.probabilities[1:].tolist() == [0, 0]
    assert told.outlier_scores[1] > 0.9


def test_a_clustering_that_was_changed_or_has_no_tree_is_refused():
    found = cluster_points(blobs(1200)[0], RECIPE)
    with pytest.raises(ScienceError, match="tree"):
        Predictor(cluster_points(np.ones((9, 2), np.float32), RECIPE))
    found.labels[:] = 0
    with pytest.raises(ScienceError, match="changed"):
        Predictor(found)


def test_reading_again_with_other_settings_is_the_same_as_clustering_anew():
    points, _ = blobs(1200)
    found = cluster_points(points, RECIPE)
    for values in ({"min_cluster_size": 60}, {"method": "leaf"}, {"min_samples": 3}):
        recipe = ClusterRecipe(**{**vars(RECIPE), **values})
        again, anew = read_clusters(found.density, recipe), cluster_points(points, recipe)
        assert np.array_equal(again.labels, anew.labels)
        assert np.array_equal(again.probabilities, anew.probabilities)
        assert again.clusters == anew.clusters


def test_a_cluster_of_two_kinds_is_split_and_the_others_stay():
    points, kinds = blobs(1500)
    points[kinds == 3] = points[kinds == 3] * np.float32(0.3) + np.float32([0, 0, 0, 60])
    points[kinds == 2] = points[kinds == 2] * np.float32(0.3) + np.float32([0, 0, 3, 60])
    found = cluster_points(
        points, ClusterRecipe(reduce="none", min_cluster_size=400, min_samples=5, method="eom")
    )
    mixed = int(found.labels[kinds == 3].max())
    assert set(found.labels[kinds == 2]) >= {mixed}
    parts = split_cluster(found, mixed, ClusterRecipe(min_cluster_size=40, min_samples=5, method="eom"))
    assert len(parts.clusters) == len(found.clusters) + 1
    assert parts.choice["within"] == mixed
    outside = found.labels != mixed
    pairs = set(zip(found.labels[outside].tolist(), parts.labels[outside].tolist(), strict=True))
    assert len(pairs) == len({old for old, _ in pairs})
    for entry in parts.clusters:
        assert entry["size"] == np.count_nonzero(parts.labels == entry["id"])
        assert (parts.labels[entry["exemplars"]] == entry["id"]).all()
    halves = [np.bincount(parts.labels[kinds == kind] + 1).argmax() - 1 for kind in (2, 3)]
    assert halves[0] != halves[1]
    assert min(halves) >= 0


def test_a_cluster_that_is_not_there_cannot_be_split():
    with pytest.raises(ScienceError, match="Choose one from 0 to"):
        split_cluster(cluster_points(blobs(1200)[0], RECIPE), 40, RECIPE)
