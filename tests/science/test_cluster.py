import json

import numpy as np
import pytest

from workers.science.cluster import ClusterRecipe, cluster_points
from workers.science.errors import RecipeError
from workers.science.recipe import read_recipe


def blobs(sizes=(120, 80, 50), spread=0.1, seed=0):
    rng = np.random.default_rng(seed)
    middles = 3 * rng.normal(size=(len(sizes), 4))
    parts = [m + spread * rng.normal(size=(n, 4)) for m, n in zip(middles, sizes, strict=True)]
    truth = np.repeat(np.arange(len(sizes)), sizes)
    order = rng.permutation(len(truth))
    return np.concatenate(parts)[order].astype(np.float32), truth[order]


def check_contract(found, n):
    assert found.labels.dtype == np.int32
    assert found.labels.shape == found.probabilities.shape == found.outlier_scores.shape == (n,)
    assert found.probabilities.dtype == found.outlier_scores.dtype == np.float32
    for numbers in (found.probabilities, found.outlier_scores, found.tree["lambda_val"]):
        assert np.isfinite(numbers).all()
    assert set(found.tree) == {"parent", "child", "lambda_val", "child_size"}
    assert [c["id"] for c in found.clusters] == list(range(len(found.clusters)))
    assert set(found.labels.tolist()) - {-1} == {c["id"] for c in found.clusters}
    json.dumps(found.clusters, allow_nan=False)


def test_blobs_are_found_and_numbered_by_size():
    points, truth = blobs()
    found = cluster_points(points, ClusterRecipe())
    check_contract(found, 250)
    for cluster in range(3):
        members = truth[found.labels == cluster]
        assert (members == cluster).all()
        assert len(members) > 0.8 * (120, 80, 50)[cluster]
    assert [c["size"] for c in found.clusters] == sorted((c["size"] for c in found.clusters), reverse=True)


def test_exemplars_belong_to_their_cluster_and_lie_in_its_middle():
    points, _ = blobs()
    found = cluster_points(points, ClusterRecipe())
    for cluster in found.clusters:
        exemplars = cluster["exemplars"]
        assert 1 <= len(exemplars) <= 16
        assert len(set(exemplars)) == len(exemplars)
        assert (found.labels[exemplars] == cluster["id"]).all()
        members = points[found.labels == cluster["id"]]
        distance = np.linalg.norm(members - members.mean(axis=0), axis=1)
        best = np.linalg.norm(points[exemplars[0]] - members.mean(axis=0))
        assert best < np.quantile(distance, 0.9)


def test_a_point_far_from_all_others_is_noise_with_a_high_outlier_score():
    points, _ = blobs()
    found = cluster_points(np.concatenate([points, [[60, 60, 60, 60]]]).astype(np.float32), ClusterRecipe())
    assert found.labels[-1] == -1
    assert found.probabilities[-1] == 0
    assert found.outlier_scores[-1] > 0.9


def test_the_choice_is_recorded():
    points, _ = blobs()
    choice = cluster_points(points, ClusterRecipe()).choice
    assert choice["method"] in ("eom", "leaf")
    assert choice["min_cluster_size"] in (5, 8, 12, 16)
    assert choice["min_samples"] in (5, 15)
    assert choice["n_tried"] == len(choice["table"]) == 16
    best = max(round(row["score"], 2) for row in choice["table"])
    equals = [row["n_clusters"] for row in choice["table"] if round(row["score"], 2) == best]
    assert round(choice["score"], 2) == best
    assert choice["n_clusters"] == min(equals)
    assert "16" in choice["reason"]


def test_what_the_recipe_says_is_not_overruled():
    points, _ = blobs()
    settings = ClusterRecipe(min_cluster_size=30, min_samples=3, method="leaf")
    choice = cluster_points(points, settings).choice
    assert (choice["min_cluster_size"], choice["min_samples"], choice["method"]) == (30, 3, "leaf")
    assert choice["n_tried"] == 1


def test_more_than_a_trivial_split_is_preferred():
    """One blob far away and four close together: five clusters say more than two."""
    points, truth = blobs((60, 60, 60, 60), spread=0.05)
    far = np.concatenate([points, np.float32(40) + 0.05 * np.random.default_rng(1).normal(size=(60, 4))])
    assert len(cluster_points(far.astype(np.float32), ClusterRecipe()).clusters) == 5
    assert len(truth) == 240


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 10, 40])
def test_few_points_do_not_break_it(n):
    points = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    check_contract(cluster_points(points, ClusterRecipe()), n)


@pytest.mark.parametrize("n", [1, 2, 10, 300])
def test_identical_points_are_one_cluster_or_noise(n):
    found = cluster_points(np.ones((n, 3), np.float32), ClusterRecipe())
    check_contract(found, n)
    assert len(set(found.labels.tolist())) == 1
    assert found.labels[0] == (0 if n >= 5 else -1)


def test_many_identical_points_among_others_do_not_break_it():
    points, _ = blobs()
    points = np.concatenate([points, np.zeros((80, 4), np.float32)])
    found = cluster_points(points, ClusterRecipe())
    check_contract(found, 330)
    assert len(set(found.labels[250:].tolist())) == 1


@pytest.mark.parametrize(
    "values",
    [{"method": "best"}, {"reduce": "tsne"}, {"min_cluster_size": 1}, {"min_samples": 0}, {"size": 3}],
)
def test_a_recipe_that_makes_no_sense_is_refused(values):
    with pytest.raises(RecipeError):
        read_recipe(ClusterRecipe, values)


def test_settings_are_judged_by_the_points_before_they_were_reduced():
    random = np.random.default_rng(1)
    seen = random.standard_normal((600, 8)).astype(np.float32)
    seen[400:, 0] += 30
    reduced = random.standard_normal((600, 2)).astype(np.float32)
    reduced[:200, 0] += 5  # a reduction that tears what belongs together
    reduced[400:, 1] += 60

    def of_greatest_modularity(seen):
        table = cluster_points(reduced, ClusterRecipe(), seen=seen).choice["table"]
        return max(table, key=lambda row: row["modularity"])["n_clusters"]

    assert of_greatest_modularity(None) == 3
    assert of_greatest_modularity(seen) == 2
