import numpy as np
import pytest

from workers.science.shapenet.exposures import expose_block
from workers.science.shapenet.rings import N_CHANNELS, N_HANDED, ring_channels


@pytest.fixture(scope="module")
def maps():
    return expose_block(11, 0)[0][:8, 0].astype(np.float32)


def test_channels_do_not_know_of_the_angle_in_the_plane(maps):
    channels = ring_channels(maps)
    assert channels.shape == (8, N_CHANNELS, maps.shape[1])
    assert channels.dtype == np.float32
    np.testing.assert_allclose(ring_channels(np.roll(maps, 17, axis=2)), channels, atol=2e-2)


def test_in_a_mirror_only_the_last_channels_change_and_only_their_sign(maps):
    channels, mirrored = ring_channels(maps), ring_channels(maps[:, :, ::-1])
    np.testing.assert_allclose(mirrored[:, :-N_HANDED], channels[:, :-N_HANDED], atol=2e-2)
    np.testing.assert_allclose(mirrored[:, -N_HANDED:], -channels[:, -N_HANDED:], atol=2e-2)
    assert np.abs(channels[:, -N_HANDED:]).max() > 0.1


def test_a_streak_with_its_orders_in_phase_differs_from_noise_of_the_same_power():
    angle = np.arange(96) * 2 * np.pi / 96
    orders = (2, 4, 6, 8)
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (48, len(orders)))
    streak = sum(np.cos(m * angle) for m in orders)[None, None].repeat(48, axis=1)
    other = sum(np.cos(m * angle + phases[:, i, None]) for i, m in enumerate(orders))[None]
    in_phase, random = (ring_channels((6 + 0.5 * part).astype(np.float32)) for part in (streak, other))
    np.testing.assert_allclose(in_phase[:, 3:16], random[:, 3:16], atol=0.02)  # the powers
    bispectrum = slice(22, 27)
    assert in_phase[:, bispectrum].mean() > random[:, bispectrum].mean() + 0.1


def test_an_empty_frame_has_finite_channels():
    assert np.isfinite(ring_channels(np.full((1, 48, 96), np.sqrt(0.375), np.float32))).all()
