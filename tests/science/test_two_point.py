import numpy as np
import pytest
import torch

from workers.science.two_point import GAIN, two_point_correlation

N_ANGLES = 64


def streaks(order: int) -> torch.Tensor:
    """Rings with as many maxima, on a mean of 10 counts."""
    angles = 2 * np.pi * torch.arange(N_ANGLES) / N_ANGLES
    return 10 * (1 + 0.5 * torch.cos(order * angles)).expand(1, 1, 4, N_ANGLES)


def test_a_ring_with_two_maxima_is_like_itself_after_half_a_turn():
    found = two_point_correlation(streaks(2))[0, 0, 0]
    # <(1 + a cos)(1 + a cos')> - 1 = a^2 / 2 * cos(turn), with a = 0.5
    assert found[N_ANGLES // 2] == pytest.approx(GAIN * 0.125, rel=0.02)
    assert found[N_ANGLES // 4] == pytest.approx(-GAIN * 0.125, rel=0.02)


def test_turning_or_mirroring_the_pattern_changes_nothing():
    counts = torch.rand(3, 1, 5, N_ANGLES)
    found = two_point_correlation(counts)
    assert torch.allclose(two_point_correlation(counts.roll(11, dims=-1)), found, atol=1e-5)
    assert torch.allclose(two_point_correlation(counts.flip(-1)), found, atol=1e-5)


def test_photon_noise_leaves_nothing_but_scatter_about_zero():
    counts = torch.poisson(torch.full((400, 1, 1, N_ANGLES), 4.0), torch.Generator().manual_seed(0))
    found = two_point_correlation(counts).mean(dim=(0, 1, 2))
    noise_at_no_turn = GAIN / 4
    assert found.abs().max() < 0.1 * noise_at_no_turn


def test_a_dark_ring_stays_finite():
    assert torch.isfinite(two_point_correlation(torch.zeros(1, 1, 2, N_ANGLES))).all()
