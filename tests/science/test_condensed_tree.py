"""Our condensed trees are hdbscan's, whichever tree they are made of."""

import hdbscan
import numpy as np
import pytest
from hdbscan._hdbscan_linkage import label
from hdbscan._hdbscan_tree import compute_stability, condense_tree, get_clusters
from hdbscan._hdbscan_tree import outlier_scores as glosh

from workers.science.hierarchy import condense, link
from workers.science.selection import (
    exemplars,
    outlier_scores,
    persistences,
    probabilities,
    relative_validity,
    select,
)
from workers.science.spanning_tree import SpanningTree


def random_tree(n, seed, kind="uniform"):
    """A random tree with random weights that all differ, cheapest edge first."""
    rng = np.random.default_rng(seed)
    newer = np.arange(1, n)
    older = (rng.random(n - 1) * newer).astype(int) if kind == "uniform" else np.maximum(newer - 3, 0)
    names = rng.permutation(n)
    ends = np.stack([names[older], names[newer]], axis=1).astype(np.int32)
    return SpanningTree(ends, np.sort(0.1 + rng.exponential(size=n - 1)))


def theirs(spanning, least, method):
    linkage = label(np.column_stack([spanning.ends, spanning.weights]).astype(np.float64))
    tree = condense_tree(linkage, least)
    return tree, *get_clusters(tree, compute_stability(tree), method)


CASES = [
    (n, seed, kind, least, method)
    for n, seed in [(40, 1), (400, 2), (3000, 3)]
    for kind in ("uniform", "chain")
    for least in (2, 5, 12)
    for method in ("eom", "leaf")
]


@pytest.mark.parametrize(("n", "seed", "kind", "least", "method"), CASES)
def test_the_condensed_tree_and_all_that_is_read_from_it_are_those_of_hdbscan(n, seed, kind, least, method):
    spanning = random_tree(n, seed, kind)
    tree, labels, strengths, scores = theirs(spanning, least, method)
    condensed = condense(link(spanning), least)
    ours = select(condensed, method)
    # Clusters may be numbered in another order: compare who is with whom.
    pairs = set(zip(labels.tolist(), ours.labels.tolist(), strict=True))
    assert len(pairs) == len({old for old, _ in pairs}) == len({new for _, new in pairs})
    assert dict(pairs).get(-1, -1) == -1
    assert np.allclose(probabilities(condensed, ours), strengths)
    assert np.allclose(outlier_scores(condensed), glosh(tree))
    expected = [scores[old] for _, old in sorted((new, old) for old, new in pairs if old >= 0)]
    assert np.allclose(persistences(condensed, ours), expected)


@pytest.mark.parametrize("least", [2, 7, 30])
def test_the_rows_of_the_condensed_tree_are_those_of_hdbscan(least):
    spanning = random_tree(500, 4)
    rows, tree = condense(link(spanning), least).as_rows(), theirs(spanning, least, "eom")[0]
    assert len(rows["child"]) == len(tree)
    for size in (1, 2):
        ours = np.sort(rows["lambda_val"][np.minimum(rows["child_size"], 2) == size])
        assert np.allclose(ours, np.sort(tree["lambda_val"][np.minimum(tree["child_size"], 2) == size]))
    assert sorted(rows["child_size"]) == sorted(tree["child_size"])
    assert sorted(rows["child"]) == sorted(tree["child"])
    points = tree["child"] < 500
    theirs_at = dict(zip(tree["child"][points].tolist(), tree["lambda_val"][points].tolist(), strict=True))
    points = rows["child"] < 500
    ours_at = dict(zip(rows["child"][points].tolist(), rows["lambda_val"][points].tolist(), strict=True))
    assert ours_at == pytest.approx(theirs_at)


def blobs(n=600, seed=0):
    rng = np.random.default_rng(seed)
    kinds = rng.integers(4, size=n)
    return 6 * np.eye(4)[kinds] + rng.normal(size=(n, 4)), kinds


@pytest.mark.parametrize("method", ["eom", "leaf"])
def test_validity_and_exemplars_are_those_of_hdbscan(method):
    points, _ = blobs()
    model = hdbscan.HDBSCAN(
        min_cluster_size=15,
        min_samples=5,
        cluster_selection_method=method,
        gen_min_span_tree=True,
        approx_min_span_tree=False,
        prediction_data=True,
    ).fit(points)
    edges = model.minimum_spanning_tree_.to_numpy()
    edges = edges[np.argsort(edges[:, 2], kind="stable")]
    spanning = SpanningTree(edges[:, :2].astype(np.int32), edges[:, 2])
    condensed = condense(link(spanning), 15)
    selection = select(condensed, method)
    assert relative_validity(spanning, selection.labels) == pytest.approx(model.relative_validity_)
    found = {tuple(point) for point in points[exemplars(condensed, selection)].tolist()}
    assert found == {tuple(point) for part in model.exemplars_ for point in part.tolist()}


def test_a_tree_in_which_nothing_splits_off_is_noise():
    spanning = SpanningTree(np.int32([[0, 1], [1, 2], [2, 3]]), np.float64([1, 1, 1]))
    for method in ("eom", "leaf"):
        assert select(condense(link(spanning), 3), method).labels.tolist() == [-1] * 4


def test_identical_points_have_finite_densities():
    spanning = SpanningTree(np.int32([[0, 1], [1, 2], [3, 4], [4, 5], [2, 3]]), np.float64([0, 0, 0, 0, 2]))
    condensed = condense(link(spanning), 2)
    assert np.isfinite(condensed.leaves_at).all()
    assert select(condensed, "eom").labels.tolist() == [0, 0, 0, 1, 1, 1] or select(
        condensed, "eom"
    ).labels.tolist() == [1, 1, 1, 0, 0, 0]
    assert (probabilities(condensed, select(condensed, "eom")) == 1).all()
