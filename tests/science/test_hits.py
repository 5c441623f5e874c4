"""Hits are told from empty frames, saturated pixels from bright ones, photons from units of the detector."""

import numpy as np
import pytest

from workers.science.hits import find_hit_threshold, find_saturation
from workers.science.photons import estimate_photon_scale


def test_frames_of_which_nearly_all_are_hits_are_hits():
    random = np.random.default_rng(3)
    lit = np.concatenate([np.exp(random.normal(8, 1, 950)), random.poisson(320, 50)]).clip(300, 16_000)
    threshold, words = find_hit_threshold(lit)
    assert 320 < threshold < 600
    assert (lit >= threshold).mean() > 0.9
    assert words.startswith("nearly all frames are hits")


def test_two_groups_of_frames_are_cut_between_them():
    random = np.random.default_rng(0)
    lit = np.concatenate([random.poisson(40, 800), random.poisson(900, 200)]).astype(float)
    threshold, words = find_hit_threshold(lit)
    assert (lit >= threshold).sum() == 200
    assert "Otsu" in words


def test_a_few_hits_stand_out_above_one_group():
    random = np.random.default_rng(0)
    lit = np.concatenate([random.poisson(400, 1000), [2000, 3000]]).astype(float)
    threshold, words = find_hit_threshold(lit)
    assert (lit >= threshold).sum() == 2
    assert "stands out" in words


def test_frames_that_hardly_differ_are_not_cut_in_two():
    random = np.random.default_rng(5)
    lit = np.concatenate([random.normal(4600, 20, 140), random.normal(4900, 30, 60)])
    threshold, words = find_hit_threshold(lit)
    assert threshold == 1
    assert "alike" in words


def test_background_shots_say_what_is_no_hit():
    lit = np.random.default_rng(0).poisson(100, 1000).astype(float)
    threshold, words = find_hit_threshold(lit, np.arange(1000) < 100)
    assert 140 < threshold < 165
    assert "background" in words


@pytest.mark.parametrize("lit", [[], [np.nan], [7.0], [0.0] * 50, [5.0] * 50 + [np.nan]])
def test_hit_threshold_of_hardly_any_frames_is_a_number(lit):
    assert find_hit_threshold(np.array(lit, float))[0] >= 1


def test_saturation_is_the_top_of_the_type_or_a_maximum_that_comes_again():
    assert find_saturation(np.array([3.0, 65_535.0]), np.dtype("u2")) == 65_535
    assert find_saturation(np.array([3.0, 9000.0, 16_383.0]), np.dtype("u2")) is None
    assert find_saturation(np.array([3.0, 16_383, 16_383, 16_383, np.nan]), np.dtype("i4")) == 16_383
    assert find_saturation(np.array([2.0, 2.0, 2.0, 1.0]), np.dtype("u1")) is None


def test_photons_of_a_counting_detector_are_the_total():
    frames = np.random.default_rng(0).poisson(0.3, (8, 64, 64)).astype("u2")
    scale = estimate_photon_scale(frames, None)
    assert scale.gain == 1
    assert "counts photons" in scale.words


@pytest.mark.parametrize("dark", [0.0, 500.0])
def test_gain_is_read_from_the_peak_of_single_photons(dark):
    random = np.random.default_rng(0)
    photons = random.poisson(0.15, (8, 128, 128))
    frames = (dark + 42.0 * photons + random.normal(0, 5, photons.shape)).astype("f4")
    scale = estimate_photon_scale(frames, None)
    assert scale.gain == pytest.approx(42, rel=0.05)
    counted = scale.count(frames.sum(axis=(1, 2), dtype=float), np.full(8, 128 * 128))
    assert np.allclose(counted, photons.sum(axis=(1, 2)), rtol=0.2)
    assert "peak of single photons" in scale.words


def test_without_a_peak_photons_are_the_total():
    frames = np.random.default_rng(0).normal(100, 9, (8, 64, 64)).astype("f4")
    scale = estimate_photon_scale(frames, None)
    assert scale.gain is None
    assert "no peak" in scale.words
