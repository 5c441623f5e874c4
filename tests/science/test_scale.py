"""Levels and counts are two sides of one function, whichever the scale."""

import numpy as np
import pytest

from tests.science.synthetic import diffraction_frames
from workers.science.classifier_input import network_levels
from workers.science.factorvae import LearnRecipe
from workers.science.inputs import InputMap
from workers.science.scale import SCALES, from_levels, level_counts, level_thresholds, shown_levels, to_levels

STRETCH = {"log": np.log1p, "sqrt": np.sqrt, "none": lambda counts: counts}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("top", [1.0, 37.5, 65_535.0, 2e6])
def test_levels_follow_the_formula(scale, top):
    counts = np.random.default_rng(0).uniform(0, 1.3 * top, 20_000).astype("f4")
    place = 255 * STRETCH[scale](np.minimum(counts, top).astype("f8")) / STRETCH[scale](top)
    is_clear = np.abs(place % 1 - 0.5) > 1e-3  # at a border single and double precision may differ
    assert np.array_equal(to_levels(counts, scale, top)[is_clear], np.rint(place)[is_clear])


@pytest.mark.parametrize("scale", SCALES)
def test_each_level_comes_back_as_itself(scale):
    levels = np.arange(256, dtype="u1").reshape(16, 16)
    counts = from_levels(levels, scale, 1830.0)
    assert counts.dtype == np.float32
    assert counts[0, 0] == 0
    assert np.isclose(counts[-1, -1], 1830)
    assert np.array_equal(to_levels(counts, scale, 1830.0), levels)


@pytest.mark.parametrize("scale", SCALES)
def test_thresholds_lie_between_the_counts_of_their_levels(scale):
    thresholds, counts = level_thresholds(scale, 500.0), level_counts(scale, 500.0)
    assert (thresholds.shape, thresholds.dtype) == ((255,), np.float32)
    assert (counts[:-1] < thresholds).all()
    assert (thresholds < counts[1:]).all()


def test_pictures_are_as_bright_on_each_scale():
    counts = np.array([0.0, 3.0, 40.0, 900.0])
    drawn = {scale: shown_levels(scale, 900.0)[to_levels(counts, scale, 900.0)] for scale in SCALES}
    assert drawn["log"].tolist() == to_levels(counts, "log", 900.0).tolist()
    assert np.abs(drawn["sqrt"].astype(int) - drawn["log"]).max() < 6
    assert drawn["none"][-1] == 255


@pytest.mark.parametrize("scale", SCALES)
def test_what_is_no_count_is_dark_and_what_is_too_much_is_white(scale):
    assert to_levels([-5.0, np.nan, 0.0, 9.0, 1e9, np.inf], scale, 9.0).tolist() == [0, 0, 0, 255, 255, 255]


def _on_scale(frames, scale):
    top = float(frames.max())
    return to_levels(frames, scale, top), top


def test_what_networks_see_does_not_depend_on_the_scale_of_the_frames():
    frames, _ = diffraction_frames(8, 48)
    good = np.ones((48, 48), bool)
    (log, top), (root, _) = _on_scale(frames, "log"), _on_scale(frames, "sqrt")
    for form in ("polar", "image"):
        seen, _ = network_levels(log, good, top, form)
        same, _ = network_levels(root, good, top, form, "sqrt")
        wrong, _ = network_levels(root, good, top, form)
        bright = seen > 0.5  # where a step of either scale is small
        assert np.abs(seen - same)[bright].max() < 0.02 < np.abs(seen - wrong)[bright].mean()
    maps = [_input_map(top, good, scale) for scale in ("log", "sqrt")]
    features, same = maps[0].features(log), maps[1].features(root)
    assert np.median(np.abs(features - same)) < 0.02 * np.abs(features).mean()


def _input_map(top, good, stretch):
    one, zero = np.ones(1, "f4"), np.zeros(1, "f4")
    return InputMap(LearnRecipe(input="spectral"), top, good, mean=zero, scale=one, stretch=stretch)


def test_a_network_keeps_the_scale_and_an_old_one_is_logarithmic():
    tensors = _input_map(9.0, np.ones((8, 8), bool), "sqrt").tensors()
    assert InputMap.from_tensors(LearnRecipe(input="spectral"), tensors).stretch == "sqrt"
    del tensors["input.stretch"]
    assert InputMap.from_tensors(LearnRecipe(input="spectral"), tensors).stretch == "log"
