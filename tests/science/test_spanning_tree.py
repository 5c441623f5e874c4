"""Neighbours and spanning trees are exact, for whatever points."""

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from workers.science.density_tree import density_tree, load_density_tree, save_density_tree
from workers.science.errors import Cancelled, ScienceError
from workers.science.nearest import nearest_neighbours
from workers.science.ordering import stable_order
from workers.science.point_tree import plant


def uniform(n, d, rng):
    return rng.random((n, d))


def separated(n, d, rng):
    return 50 * np.eye(d)[rng.integers(d, size=n)] + rng.normal(size=(n, d))


def overlapping(n, d, rng):
    return 2 * np.eye(d)[rng.integers(d, size=n)] + rng.normal(size=(n, d))


def repeated(n, d, rng):
    """Many places that several points share, and one that a third of them do."""
    points = rng.integers(3, size=(n, d)).astype(float)
    points[: n // 3] = 1
    return points


def on_a_line(n, d, rng):
    return np.outer(rng.exponential(size=n), np.arange(1, d + 1))


def tiny_and_far(n, d, rng):
    return 1e6 + 1e-2 * overlapping(n, d, rng)


KINDS = [uniform, separated, overlapping, repeated, on_a_line]


def points_of(kind, n, d, seed=0):
    return kind(n, d, np.random.default_rng(seed)).astype(np.float32)


def exact_weight(points, min_samples):
    """The weight of the tree, from all distances."""
    distances = cdist(points.astype(float), points.astype(float))
    core = np.sort(distances, axis=1)[:, min_samples]
    reach = np.maximum(distances, np.maximum(core[:, None], core[None]))
    # scipy takes 0 for no edge, and one more for each changes nothing about which are the cheapest.
    return minimum_spanning_tree(reach + 1).sum() - (len(points) - 1)


def is_a_tree(spanning, n):
    parents = list(range(n))

    def root(i):
        while parents[i] != i:
            i = parents[i]
        return i

    for one, two in spanning.ends.tolist():
        one, two = root(one), root(two)
        if one == two:
            return False
        parents[one] = two
    return len(spanning.ends) == n - 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [2, 4, 10, 16])
def test_the_nearest_neighbours_are_those_of_a_tree_of_scipy(kind, d):
    points = points_of(kind, 1500, d)
    tree = plant(points)
    found = nearest_neighbours(tree, 12)
    distances = np.empty((1500, 12))
    distances[tree.order] = np.sqrt(found.squares) * tree.scale
    expected = cKDTree(points.astype(float)).query(points, 13)[0][:, 1:]
    assert np.allclose(distances, expected, rtol=1e-4, atol=1e-5)
    assert (found.rows != np.arange(1500)[:, None]).all()
    assert all(len(set(rows)) == 12 for rows in found.rows.tolist())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "d", "min_samples"), [(1500, 2, 5), (1200, 10, 10), (700, 4, 1), (90, 16, 60)])
def test_the_spanning_tree_weighs_what_the_exact_one_weighs(kind, n, d, min_samples):
    points = points_of(kind, n, d)
    spanning = density_tree(points, min_samples).connect(min_samples)
    assert is_a_tree(spanning, n)
    assert spanning.weights.sum() == pytest.approx(exact_weight(points, min_samples), rel=1e-5, abs=1e-5)
    assert (np.diff(spanning.weights) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [2, 5, 10])
def test_the_tree_for_fewer_samples_is_exact_and_needs_no_search(kind, d, tmp_path):
    points = points_of(kind, 400, d)
    density = density_tree(points, 15)
    density.connect(15)
    save_density_tree(density, tmp_path)
    again = load_density_tree(tmp_path)
    for min_samples in (14, 6, 1):
        spanning = again.connect(min_samples)
        assert is_a_tree(spanning, 400)
        expected = exact_weight(points, min_samples)
        assert spanning.weights.sum() == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert "tree" not in vars(again)  # the boxes that a search would ask were not set up


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("d", "most"), [(2, 16), (5, 20), (10, 21)])
def test_the_tree_for_more_samples_than_were_connected_is_exact_too(kind, d, most):
    points = points_of(kind, 400, d)
    density = density_tree(points, 15)
    density.connect(4)
    for min_samples in (9, most):
        spanning = density.connect(min_samples)
        assert is_a_tree(spanning, 400)
        expected = exact_weight(points, min_samples)
        assert spanning.weights.sum() == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("n", [2, 3, 5, 9, 64, 65, 130])
def test_few_points_and_identical_ones_have_a_tree(n):
    for points in (points_of(uniform, n, 4), np.ones((n, 4), np.float32)):
        min_samples = min(5, n - 1)
        spanning = density_tree(points, min_samples).connect(min_samples)
        assert is_a_tree(spanning, n)
        expected = exact_weight(points, min_samples)
        assert spanning.weights.sum() == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_an_edge_weighs_the_mutual_reachability_of_its_ends():
    points = points_of(overlapping, 800, 10)
    density = density_tree(points, 10)
    spanning, core = density.connect(10), density.core_distances(10)
    one, two = spanning.ends.T
    reach = np.maximum(np.linalg.norm(points[one] - points[two], axis=1), np.maximum(core[one], core[two]))
    assert np.allclose(spanning.weights, reach, rtol=1e-4)


def test_distances_are_right_far_from_the_origin_and_for_tiny_or_large_numbers():
    points = points_of(overlapping, 600, 4)
    weight = density_tree(points, 5).connect(5).weights.sum()
    for factor in (1e-30, 1e30):
        scaled = density_tree(points * np.float32(factor), 5).connect(5)
        assert scaled.weights.sum() == pytest.approx(weight * factor, rel=1e-4)
    moved = points_of(tiny_and_far, 600, 4)
    assert density_tree(moved, 5).connect(5).weights.sum() == pytest.approx(exact_weight(moved, 5), rel=1e-4)


@pytest.mark.parametrize("kind", [overlapping, repeated])
def test_the_tree_does_not_depend_on_the_number_of_threads(kind):
    points = points_of(kind, 3000, 4)
    one, four = (density_tree(points, 5, threads=threads).connect(5, threads=threads) for threads in (1, 4))
    assert np.array_equal(one.ends, four.ends)
    assert np.array_equal(one.weights, four.weights)


def test_a_tree_that_was_saved_answers_as_before_and_for_fewer_samples(tmp_path):
    density = density_tree(points_of(overlapping, 1000, 4), 10)
    before = density.connect(10)
    save_density_tree(density, tmp_path)
    after = load_density_tree(tmp_path)
    assert np.array_equal(after.connect(10).ends, before.ends)
    assert np.array_equal(after.connect(4).ends, density.connect(4).ends)
    with pytest.raises(ScienceError, match="neighbours of each point were kept"):
        after.connect(40)


def test_a_folder_without_a_tree_and_one_with_an_empty_file_are_refused(tmp_path):
    with pytest.raises(ScienceError, match="was not kept"):
        load_density_tree(tmp_path)
    save_density_tree(density_tree(points_of(overlapping, 100, 2), 5), tmp_path)
    next(tmp_path.rglob("*.npy")).write_bytes(b"")
    with pytest.raises(ScienceError, match="was not kept"):
        load_density_tree(tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_coordinate_that_is_no_number_is_refused(value):
    points = points_of(uniform, 50, 4)
    points[7, 2] = value
    with pytest.raises(ScienceError, match="Point 7"):
        density_tree(points, 5)


def test_whoever_is_told_of_the_progress_may_cancel():
    told = []

    def stop_in_the_middle(done, total, unit="frames", *, note="", point=None):
        told.append((done, total, note))
        if done > total / 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        density_tree(points_of(uniform, 5000, 4), 5, on_progress=stop_in_the_middle)
    assert len(told) > 2
    assert told[-1][0] < 5000


def test_many_numbers_are_ordered_as_by_a_stable_sort():
    values = np.random.default_rng(0).integers(0, 50, 2000).astype(np.float32) / 7
    values[:3] = 0, np.inf, 1e-42
    assert np.array_equal(stable_order(values), np.argsort(values, kind="stable"))
    keys = values.view(np.uint32) | np.uint32(1 << 31)
    assert np.array_equal(stable_order(keys), np.argsort(keys, kind="stable"))
