"""Views of a frame, and the directions that do not know of them."""

import numpy as np
import pytest
import torch

from workers.science.objective import inconsistency
from workers.science.views import LARGEST_STRETCH, LEAST_LIGHT, shift, stretch, thin
from workers.science.whitening import N_DIRECTIONS, fit_directions


def test_thinned_frames_keep_poisson_noise():
    counts = np.random.default_rng(0).poisson(50.0, (400, 16, 16)).astype(np.float32)
    seen = thin(counts, np.random.default_rng(1))
    means = seen.mean(axis=(1, 2))
    assert means.min() > 0.9 * LEAST_LIGHT * 50
    assert means.max() < 51
    np.testing.assert_allclose(seen.var(axis=(1, 2)).mean(), means.mean(), rtol=0.05)


def test_rings_move_outwards_by_at_most_the_largest_stretch():
    maps = np.zeros((200, 48, 8), np.float32)
    maps[:, 20] = 1
    place = (stretch(maps, np.random.default_rng(0)).argmax(axis=1)[:, 0] + 0.5) / 20.5
    assert place.min() >= 1
    assert place.max() <= LARGEST_STRETCH + 0.05
    assert place.std() > 0.05


def test_a_map_of_one_ring_can_be_stretched():
    assert stretch(np.ones((2, 1, 8), np.float32), np.random.default_rng(0)).shape == (2, 1, 8)


def test_centres_move_by_half_a_pixel():
    moved = shift(np.zeros((500, 2), np.float32), np.random.default_rng(0))
    assert set(np.unique(moved)) == {-0.5, 0.0, 0.5}


def many_views(n: int = 300) -> np.ndarray:
    """Features in which a loud nuisance hides a class."""
    random = np.random.default_rng(0)
    classes = random.integers(2, size=(n, 1, 1))
    nuisance = random.normal(0, 2, (n, 4, 1))
    noise = random.normal(0, 0.1, (n, 4, 6))
    mixed = nuisance * np.array([1, 1, 0.5, 0, 0, 0]) + classes * np.array([0, 1, 0, 0, 1, 0]) + noise
    return mixed.astype(np.float32)


def test_the_first_direction_tells_the_class_and_not_the_nuisance():
    views = many_views()
    classes = np.random.default_rng(0).integers(2, size=300)
    along = views @ fit_directions(views)
    assert abs(np.corrcoef(along[:, 0, 0], classes)[0, 1]) > 0.95
    within = (along - along.mean(axis=1, keepdims=True)).reshape(-1, along.shape[2])
    assert within.std(axis=0).max() <= 1.01


@pytest.mark.parametrize("views", [np.zeros((1, 2, 3), np.float32), np.ones((5, 2, 90), np.float32)])
def test_directions_of_identical_frames_are_finite(views):
    directions = fit_directions(views)
    assert directions.shape == (views.shape[2], min(views.shape[2], N_DIRECTIONS))
    assert np.isfinite(directions).all()


def test_views_that_agree_cost_less_than_views_that_do_not():
    z = torch.randn(32, 8, generator=torch.Generator().manual_seed(0))
    other = torch.randn(32, 8, generator=torch.Generator().manual_seed(1))
    alike = inconsistency(torch.cat([z, z + 0.01 * other]), 0.2)
    apart = inconsistency(torch.cat([z, other]), 0.2)
    assert float(alike) < 1 < 3 < float(apart)


def test_only_directions_count():
    z = torch.randn(20, 8, generator=torch.Generator().manual_seed(0))
    longer = z * torch.linspace(0.5, 5, 20)[:, None]
    torch.testing.assert_close(inconsistency(z, 0.2), inconsistency(longer, 0.2))
