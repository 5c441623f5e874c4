"""Neighbours found by blocks of all distances are those found by a walk through the tree."""

import numpy as np
import pytest
import torch

from workers.science.nearest import nearest_neighbours
from workers.science.nearest_device import nearest_by_blocks
from workers.science.point_tree import plant


def blobs(n, d, spread):
    rng = np.random.default_rng(0)
    return (3 * np.eye(d)[rng.integers(d, size=n)] + spread * rng.normal(size=(n, d))).astype(np.float32)


def compare(points, k, device, **blocks):
    tree = plant(points)
    ours, theirs = nearest_by_blocks(points, tree, k, device, **blocks), nearest_neighbours(tree, k)
    assert ours.squares.dtype == np.float32
    assert ours.rows.dtype == np.int32
    assert np.allclose(np.sqrt(ours.squares), np.sqrt(theirs.squares), rtol=1e-4, atol=1e-7)
    # Of points that are equally far to the last digit either may be taken.
    assert (ours.rows == theirs.rows).mean() > 0.95
    assert (ours.rows != np.arange(len(points))[:, None]).all()


@pytest.mark.parametrize(
    ("n", "k", "asking", "asked"), [(700, 9, 64, 100), (130, 20, 500, 7), (50, 49, 8, 16)]
)
@pytest.mark.parametrize("spread", [1, 1e-4])
def test_blocks_of_any_size_find_the_neighbours_that_the_tree_finds(n, k, asking, asked, spread):
    compare(blobs(n, 4, spread), k, torch.device("cpu"), asking=asking, asked=asked)


def test_identical_points_are_neighbours_of_each_other_and_not_of_themselves():
    points = np.ones((40, 4), np.float32)
    found = nearest_by_blocks(points, plant(points), 6, torch.device("cpu"), asking=7, asked=9)
    assert (found.squares == 0).all()
    assert (found.rows != np.arange(40)[:, None]).all()
    assert all(len(set(rows)) == 6 for rows in found.rows.tolist())


@pytest.mark.gpu
def test_an_accelerator_finds_the_neighbours_that_the_tree_finds():
    compare(blobs(60_000, 10, 1), 16, torch.device("cuda"))
