from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from workers.science.errors import Cancelled, RecipeError
from workers.science.latents import latent_weights
from workers.science.project import ProjectRecipe, project_points
from workers.science.recipe import read_recipe
from workers.science.reduction import (
    SLOW_TO_COMPILE,
    nearest_with_itself,
    principal_components,
    umap_coordinates,
)


def two_groups(n=40):
    rng = np.random.default_rng(0)
    return (rng.normal(size=(n, 4)) + 8 * (np.arange(n) % 2)[:, None]).astype(np.float32)


def test_the_map_is_the_same_for_the_same_seed_and_keeps_groups_apart():
    points = two_groups()
    first, again = (project_points(points, ProjectRecipe(), seed=3, threads=1) for _ in range(2))
    assert np.array_equal(first, again)
    assert first.dtype == np.float32
    assert first.shape == (40, 2)
    middles = first[::2].mean(axis=0), first[1::2].mean(axis=0)
    apart = np.linalg.norm(middles[0] - middles[1])
    assert apart > 2 * np.linalg.norm(first[::2] - middles[0], axis=1).mean()


def test_the_map_of_many_frames_rests_on_their_exact_neighbours(monkeypatch):
    points = two_groups(200)
    points[3] = points[5]
    expected = cKDTree(points.astype(float)).query(points, 15)[0]
    rows, distances = nearest_with_itself(points, 15, 1)
    assert np.array_equal(rows[:, 0], np.arange(200))
    assert np.allclose(distances, expected, atol=1e-5)
    assert np.allclose(np.linalg.norm(points[rows] - points[:, None], axis=2), expected, atol=1e-5)
    monkeypatch.setattr("workers.science.reduction.APPROXIMATE_FROM", 200)
    first, again = (project_points(points, ProjectRecipe(), seed=3, threads=1) for _ in range(2))
    assert np.array_equal(first, again)
    nearest = cKDTree(first).query(first, 6)[1]
    assert ((nearest - np.arange(200)[:, None]) % 2 == 0).mean() > 0.99  # of their own group


@pytest.mark.parametrize("n", [1, 2, 3, 10, 16, 20])
def test_few_frames_have_a_map_too(n):
    plane = project_points(two_groups(n), ProjectRecipe(), seed=0, threads=1)
    assert plane.shape == (n, 2)
    assert np.isfinite(plane).all()


def test_identical_frames_have_a_map_too():
    plane = project_points(np.ones((50, 3), np.float32), ProjectRecipe(), seed=0, threads=1)
    assert not plane.any()


def test_duplicates_among_other_frames_have_a_map_too():
    points = np.concatenate([two_groups(), np.zeros((40, 4), np.float32)])
    assert np.isfinite(project_points(points, ProjectRecipe(), seed=0, threads=1)).all()


def test_one_latent_is_enough():
    points = np.linspace(-1, 1, 30, dtype=np.float32)[:, None]
    assert np.isfinite(project_points(points, ProjectRecipe(), seed=0, threads=1)).all()
    assert umap_coordinates(points, n_dimensions=1, n_neighbors=50, min_dist=0, seed=0, threads=1).shape == (
        30,
        1,
    )


def test_what_umap_compiles_is_kept_for_the_next_process():
    project_points(two_groups(), ProjectRecipe(), seed=0, threads=1)
    for function in SLOW_TO_COMPILE:
        assert sum(function.stats.cache_hits.values()) + sum(function.stats.cache_misses.values()) >= 1
        stored = [path.name for path in Path(function.stats.cache_path).glob("*.nbi")]
        assert any(function.py_func.__name__ in name for name in stored)


def test_principal_components_keep_distances_where_two_dimensions_are_enough():
    rng = np.random.default_rng(1)
    flat = rng.normal(size=(20, 2)) @ rng.normal(size=(2, 5))
    plane = principal_components(flat.astype(np.float32), 2)
    distances = [np.linalg.norm(p[:, None] - p[None], axis=2) for p in (flat, plane)]
    assert np.allclose(*distances, atol=1e-4)
    assert np.allclose(principal_components(-flat.astype(np.float32), 2), -plane, atol=1e-4)


def test_pca_is_a_choice():
    points = two_groups()
    plane = project_points(points, ProjectRecipe(method="pca"), seed=0, threads=1)
    assert np.allclose(plane, principal_components(points, 2))


def test_latents_are_weighted_by_how_well_they_are_known():
    latents = np.array([[0, 5, 1, 9], [2, 5, 3, 1], [4, 5, 5, 2]], np.float32)
    figures = {"active_latents": [0, 1, 2], "kl_per_latent": [2.0, 1.0, 1.0, 0.0]}
    points = latent_weights(latents, figures).points(latents)
    assert np.allclose(points[:, 0], [-1.2247, 0, 1.2247], atol=1e-3)
    assert not points[:, 1].any()
    assert np.allclose(points[:, 2], points[:, 0] / np.e)


def test_without_an_active_latent_all_are_taken():
    figures = {"active_latents": [], "kl_per_latent": [0.0, 0.01]}
    latents = np.eye(2, dtype=np.float32)
    assert latent_weights(latents, figures).points(latents).shape == (2, 2)


@pytest.mark.parametrize("values", [{"method": "tsne"}, {"min_dist": -1}, {"n_neighbors": 1}, {"seed": 3}])
def test_a_recipe_that_makes_no_sense_is_refused(values):
    with pytest.raises(RecipeError):
        read_recipe(ProjectRecipe, values)


def test_umap_tells_how_far_it_is_and_can_be_stopped():
    points = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32)
    told = []

    def stop_at_half(done, total, unit="frames", *, note="", point=None):
        told.append((done, total, unit, note))
        if total and done > total / 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        umap_coordinates(
            points,
            n_dimensions=2,
            n_neighbors=10,
            min_dist=0.1,
            seed=0,
            threads=1,
            on_progress=stop_at_half,
            note="drawing",
        )
    assert {unit for _, _, unit, _ in told} == {"epochs"}
    assert {note for *_, note in told} == {"drawing"}
