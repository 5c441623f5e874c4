import numpy as np

from workers.science.shapenet.builds import ALONE, SPHERE, in_company, one_body, two_bodies
from workers.science.shapenet.detector import SIDE, detect, draw_mask
from workers.science.shapenet.exposures import BLOCK, N_ANGLES, N_EXPOSURES, N_RADII, expose_block
from workers.science.shapenet.particles import N_ACROSS, N_DEEP, draw_particle
from workers.science.shapenet.scattering import Company, Light, intensity


def ball(radius):
    z, y, x = np.meshgrid(
        *((np.arange(n) + 0.5) / n * 2 - 1 for n in (N_DEEP, N_ACROSS, N_ACROSS)), indexing="ij"
    )
    return (np.hypot(np.hypot(x, y), z) < radius).astype(np.float32)


def test_particles_are_bodies_of_many_shapes_and_the_same_numbers_give_the_same_one():
    drawn = [draw_particle(np.random.default_rng(seed)) for seed in range(12)]
    for particle in drawn:
        assert particle.density.shape == (N_DEEP, N_ACROSS, N_ACROSS)
        assert particle.density.min() >= 0
        assert particle.density.max() > 0
        assert 0.005 < (particle.density > 0).mean() < 0.95
    volumes = {round(float(particle.density.mean()), 4) for particle in drawn}
    assert len(volumes) == len(drawn)
    np.testing.assert_array_equal(drawn[3].density, draw_particle(np.random.default_rng(3)).density)


def test_builds_say_how_a_particle_is_made_and_how_it_lies():
    across, along = np.eye(3)[[2, 0, 1]], np.eye(3)  # where the third axis of the body points
    flat, long, equal = np.array([1, 1, 0.5]), np.array([0.5, 0.5, 1]), np.ones(3)
    assert one_body(equal, (1.0, 1.0), across, 1.0) == SPHERE
    assert one_body(np.array([1, 1, 0.95]), (1.0, 1.0), across, 1.0) == "one equal round round solid"
    assert one_body(flat, (1.0, 1.0), across, 1.0) == "one flat round round solid across"
    assert one_body(long, (0.12, 1.0), along, 0.0) == "one long boxy round hollow along"
    assert one_body(equal, (1.4, 1.0), across, 3.0) == "one equal pointed round core across"
    assert two_bodies(equal, (1.0, 1.0), 0.0, 1.6, 0.5) == "two equal round beside apart"
    assert two_bodies(long, (0.12, 1.0), 0.99, 0.6, 0.9) == "two long edged behind touching"
    assert in_company(SPHERE) != SPHERE
    assert in_company(ALONE) == ALONE


def test_spheres_are_many_and_those_called_so_are_round():
    drawn = [draw_particle(np.random.default_rng(seed)) for seed in range(100)]
    spheres = [particle.density for particle in drawn if particle.build == SPHERE]
    assert len(spheres) >= 2
    assert all(np.allclose(density, spheres[0], atol=1e-3) for density in spheres)  # but for their turns
    np.testing.assert_allclose(spheres[0], spheres[0][::-1], atol=1e-3)
    np.testing.assert_allclose(spheres[0], spheres[0].swapaxes(1, 2), atol=1e-3)


def test_a_ball_has_the_fringes_of_a_ball_twice_as_many_if_twice_as_large():
    radius, middle = 0.9, SIDE // 2
    for fringes in (5.0, 10.0):
        row = intensity(ball(radius), Light(fringes, centre=(0.5, 0.5)))[middle, middle:]
        minima = np.flatnonzero((row[1:-1] < row[:-2]) & (row[1:-1] < row[2:])) + 1
        expected = np.array([4.493, 7.725, 10.904]) / (2 * np.pi * fringes / SIDE * radius)
        np.testing.assert_allclose(minima[:3], expected, atol=0.8)


def test_at_wide_angles_a_tilted_particle_is_no_longer_point_symmetric():
    density = ball(0.9) * (np.arange(N_ACROSS) / N_ACROSS + np.arange(N_DEEP)[:, None] / N_DEEP < 1)[:, None]
    flat, deep = (intensity(density, Light(6.0, angle)) for angle in (0.0, np.radians(35)))
    assert np.corrcoef(flat.ravel(), flat[::-1, ::-1].ravel())[0, 1] > 0.999
    shown = np.log(deep)
    assert np.corrcoef(shown.ravel(), shown[::-1, ::-1].ravel())[0, 1] < 0.97


def test_company_far_behind_gives_as_many_rings_as_it_says():
    light, n_rings = Light(2.0, np.radians(30)), 6
    alone, both = (intensity(ball(0.4), light, who) for who in (None, Company(1.0, n_rings, (0.0, 0.0))))
    middle = SIDE // 2
    ratio = (both / alone)[middle, middle:]  # two equal fields: 4 where they are in phase, 0 half a ring on
    q = (np.arange(middle) + 0.5) * light.step
    expected = 2 + 2 * np.cos(2 * np.pi * n_rings * light.depth_transfer(q) / light.depth_transfer(q[-1:]))
    assert np.corrcoef(ratio[: middle // 2], expected[: middle // 2])[0, 1] > 0.95


def test_a_detector_counts_as_many_photons_as_it_is_told_and_none_where_it_is_blind():
    random = np.random.default_rng(4)
    pattern = intensity(ball(0.8), Light(5.0))
    for _ in range(6):
        mask = draw_mask(random)
        counts = detect(random, pattern, 50.0, mask)
        assert counts.dtype == np.float32
        assert not counts[~mask].any()
        assert 5 < counts[mask].mean() < 55  # less where it saturates


def test_a_block_of_exposures_is_the_same_again_and_another_one_is_not():
    (first, builds), (again, _), (other, _) = expose_block(5, 0), expose_block(5, 0), expose_block(5, 1)
    assert first.shape == (BLOCK, N_EXPOSURES, N_RADII, N_ANGLES)
    assert first.dtype == np.float16
    assert len(builds) == BLOCK
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.isfinite(first).all()
    assert first.min() >= 0
