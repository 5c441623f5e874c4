"""Spectra of rings know the shape, and neither the angle nor the brightness."""

import numpy as np
import pytest

from workers.science.polar import EMPTY
from workers.science.ring_spectra import N_BANDS, N_WINDOWS, n_spectra, ring_spectra

RADII, ANGLES = 48, 96


def roots_of(expected: np.ndarray, seed: int = 0) -> np.ndarray:
    counts = np.random.default_rng(seed).poisson(expected)
    return np.sqrt(counts + np.float32(EMPTY)).astype(np.float32)


def pattern(*, fringes: float = 8.0, order: int = 0, strength: float = 0.6, brightness: float = 200.0):
    """Rings on a falling profile, in phase or, with an order, varying over the angle."""
    radius = (np.arange(RADII) + 0.5)[:, None] / RADII
    angle = np.arange(ANGLES)[None, :] * 2 * np.pi / ANGLES
    rings = 1 + 0.8 * np.cos(2 * np.pi * fringes * radius)
    return brightness * (1 + 3 * np.exp(-4 * radius)) * rings * (1 + strength * np.cos(order * angle))


def spectra(maps: np.ndarray) -> np.ndarray:
    found = ring_spectra(maps)
    assert found.dtype == np.float32
    return found.reshape(len(maps), N_WINDOWS, -1, N_BANDS)


def test_rotation_changes_nothing():
    maps = roots_of(pattern(order=3))[None]
    turned = np.roll(maps, 17, axis=2)
    np.testing.assert_allclose(ring_spectra(turned), ring_spectra(maps), atol=1e-3)


def test_brightness_changes_little_and_shape_much():
    dim, bright = (ring_spectra(roots_of(pattern(order=2, brightness=b))[None]) for b in (40.0, 400.0))
    other = ring_spectra(roots_of(pattern(order=5, brightness=400.0))[None])
    assert np.linalg.norm(dim - bright) < 0.5 * np.linalg.norm(bright - other)


def test_an_order_over_the_angle_appears_at_its_place():
    found = spectra(roots_of(pattern(order=4, strength=0.5))[None])[0]
    elsewhere = [1, 2, 3, 5, 6, 7]
    assert (found[:, 4].max(axis=1) > 3 * found[:, elsewhere].max(axis=(1, 2))).all()


def test_more_fringes_appear_in_a_higher_band():
    few, many = (spectra(roots_of(pattern(fringes=f))[None])[0, 1, 0].argmax() for f in (6.0, 16.0))
    assert few < many


def test_counting_noise_alone_says_next_to_nothing():
    flat = ring_spectra(roots_of(np.full((40, RADII, ANGLES), 100.0)))
    ring = ring_spectra(roots_of(pattern(order=2))[None])
    assert np.median(flat) < 0.1 * ring.max()


@pytest.mark.parametrize("n_angles", [32, 64, 96])
def test_orders_stay_below_those_that_the_noise_is_taken_from(n_angles):
    maps = roots_of(np.full((2, 20, n_angles), 5.0))
    assert ring_spectra(maps).shape == (2, n_spectra(n_angles))


def test_empty_frames_give_finite_numbers():
    assert np.isfinite(ring_spectra(np.full((2, RADII, ANGLES), np.sqrt(EMPTY), np.float32))).all()
