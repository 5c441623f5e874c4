import numpy as np

from workers.science.shapenet.exposures import (
    BLOCK,
    N_ANGLES,
    N_EXPOSURES,
    N_RADII,
    SIDE,
    Light,
    expose_block,
    intensity,
)
from workers.science.shapenet.particles import N_ACROSS, N_DEEP, draw_density


def ball(radius):
    z, y, x = np.meshgrid(
        *((np.arange(n) + 0.5) / n * 2 - 1 for n in (N_DEEP, N_ACROSS, N_ACROSS)), indexing="ij"
    )
    return (np.hypot(np.hypot(x, y), z) < radius).astype(np.float32)


def test_particles_are_bodies_of_many_shapes_and_the_same_numbers_give_the_same_one():
    drawn = [draw_density(np.random.default_rng(seed)) for seed in range(12)]
    for density in drawn:
        assert density.shape == (N_DEEP, N_ACROSS, N_ACROSS)
        assert density.min() >= 0
        assert density.max() > 0
        assert 0.005 < (density > 0).mean() < 0.95
    volumes = {round(float(density.mean()), 4) for density in drawn}
    assert len(volumes) == len(drawn)
    np.testing.assert_array_equal(drawn[3], draw_density(np.random.default_rng(3)))


def test_a_ball_has_the_fringes_of_a_ball_twice_as_many_if_twice_as_large():
    radius, middle = 0.9, SIDE // 2
    for fringes in (5.0, 10.0):
        row = intensity(ball(radius), Light(fringes, 1, (0.5, 0.5)), 0.0)[middle, middle:]
        minima = np.flatnonzero((row[1:-1] < row[:-2]) & (row[1:-1] < row[2:])) + 1
        expected = np.array([4.493, 7.725, 10.904]) / (2 * np.pi * fringes / SIDE * radius)
        np.testing.assert_allclose(minima[:3], expected, atol=0.8)


def test_at_wide_angles_a_tilted_particle_is_no_longer_point_symmetric():
    density = ball(0.9) * (np.arange(N_ACROSS) / N_ACROSS + np.arange(N_DEEP)[:, None] / N_DEEP < 1)[:, None]
    light = Light(6.0, 1, (0.0, 0.0))
    flat, deep = (intensity(density, light, angle) for angle in (0.0, np.radians(35)))
    assert np.corrcoef(flat.ravel(), flat[::-1, ::-1].ravel())[0, 1] > 0.999
    shown = np.log(deep)
    assert np.corrcoef(shown.ravel(), shown[::-1, ::-1].ravel())[0, 1] < 0.97


def test_a_block_of_exposures_is_the_same_again_and_another_one_is_not():
    first, again, other = expose_block(5, 0), expose_block(5, 0), expose_block(5, 1)
    assert first.shape == (BLOCK, N_EXPOSURES, N_RADII, N_ANGLES)
    assert first.dtype == np.float16
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.isfinite(first).all()
    assert first.min() >= 0
