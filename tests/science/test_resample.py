"""Averaging in compiled loops gives what the weights say, for every kind of number and hole."""

import numpy as np
import pytest

from workers.science.resample import MIN_COVERAGE, Resampler, weigh_axis
from workers.science.scale import SCALES, level_thresholds, to_levels

SHAPE = (50, 70)
CENTRES = [
    ((24.5, 34.5), 50.0, 12),
    ((20.0, 40.3), 66.0, 31),
    ((3.0, 60.0), 80.0, 20),
    ((24.5, 34.5), 20.0, 48),
]


def _expected(frames, usable, centre, side, size):
    rows, columns = (
        weigh_axis(length, position, side, size).astype(float)
        for length, position in zip(SHAPE, centre, strict=True)
    )
    values = np.where(usable, frames, 0).astype(float)
    sums = rows @ values @ columns.T
    coverage = rows @ np.broadcast_to(usable, frames.shape).astype(float) @ columns.T
    # where the coverage is at the limit itself, rounding decides
    sure = np.abs(coverage - MIN_COVERAGE) > 1e-4
    return np.where(coverage >= MIN_COVERAGE, sums / np.maximum(coverage, 1e-6), 0), sure


@pytest.mark.parametrize("dtype", ["u1", ">u2", "u4", "i2", "i4", "f2", "f4", ">f8"])
@pytest.mark.parametrize(("centre", "side", "size"), CENTRES)
def test_average_is_what_the_weights_say(dtype, centre, side, size):
    random = np.random.default_rng(0)
    frames = random.poisson(20, (19, *SHAPE)).astype(dtype)
    good = random.random(SHAPE) < 0.8
    good[10:14] = False
    usable = np.broadcast_to(good, frames.shape).copy()
    if dtype[-2] in "if" or dtype == "u4":
        bad = {"i": -1, "f": np.nan, "u": 2**32 - 1}[dtype[-2]]
        spots = random.random(frames.shape) < 0.1
        spots[::2] = False
        frames[spots] = bad
        frames[:, ~good] = bad
        usable &= ~spots
    else:
        frames[:, ~good] = 255
    expected, sure = _expected(frames, usable, centre, side, size)
    found = Resampler(mask=good, centre=centre, side=side, size=size).resample(frames)
    assert found.dtype == np.float32
    assert np.allclose(np.where(sure, found, 0), np.where(sure, expected, 0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("scale_max", [0.01, 30.0, 4e4, 1e10])
def test_levels_are_those_of_the_scale_to_the_bit(scale, scale_max):
    random = np.random.default_rng(0)
    frames = (scale_max * 10 ** random.uniform(-4, 0.5, (20, *SHAPE))).astype("f4")
    frames[3] *= -1
    frames[4, :, :20] = np.nan
    resampler = Resampler(mask=random.random(SHAPE) < 0.9, centre=(24.5, 34.5), side=50, size=24)
    levels = resampler.resample_levels(frames, level_thresholds(scale, scale_max))
    assert np.array_equal(levels, to_levels(resampler.resample(frames), scale, scale_max))
    assert len(np.unique(levels)) > 50


def test_a_frame_becomes_the_same_in_any_block():
    frames = np.random.default_rng(0).poisson(5, (40, *SHAPE)).astype("u2")
    resampler = Resampler(mask=np.ones(SHAPE, bool), centre=(24.0, 33.3), side=47.0, size=20)
    together = resampler.resample(frames)
    assert all(np.array_equal(resampler.resample(frames[n : n + 1])[0], together[n]) for n in range(40))
