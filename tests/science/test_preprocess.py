"""Condensing centres, masks and scales frames, and finds by itself what that needs."""

import numpy as np
import pytest

from tests.science.synthetic import diffraction_frames
from workers.science.bad_pixels import find_dead_pixels, find_hot_pixels, find_noisy_pixels
from workers.science.beam_centre import find_centre
from workers.science.errors import RecipeError, SourceError
from workers.science.mask_reasons import REASONS, DrawnMask, Patterns
from workers.science.preprocess import (
    CondenseRecipe,
    Geometry,
    condense_frames,
    load_geometry,
    plan_geometry,
    save_geometry,
)
from workers.science.scale import from_levels, level_counts


def _geometry(shape, *, size=16, crop=None, centre=None, mask=None, scale_max=100.0):
    mask = np.ones(shape, bool) if mask is None else mask
    centre = centre or ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
    return Geometry(mask, centre, scale_max, size, float(crop or min(shape)))


def _plan(frames, file_mask=None, drawn=None, **recipe):
    mean, peak = frames.mean(axis=0, dtype="f4"), frames.max(axis=0).astype("f4")
    patterns = Patterns(mean, peak, len(frames), frames.var(axis=0, dtype="f4"))
    return plan_geometry(patterns, file_mask, CondenseRecipe.from_dict(recipe), drawn)


def test_levels_follow_the_formula_of_the_contract():
    frames = np.zeros((1, 16, 16), "u2")
    frames[0, 3, 4], frames[0, 5, 6], frames[0, 7, 8] = 10, 100, 1000
    condensed = condense_frames(frames, _geometry((16, 16)))[0]
    assert condensed.dtype == np.uint8
    assert condensed[3, 4] == round(255 * np.log1p(10) / np.log1p(100))
    assert condensed[5, 6] == 255
    assert condensed[7, 8] == 255
    assert np.count_nonzero(condensed) == 3


def test_scaling_down_keeps_the_mean_of_each_pixel():
    frames = np.random.default_rng(0).poisson(50, (5, 48, 48)).astype("u2")
    small = _geometry((48, 48)).resampler.resample(frames)
    assert np.allclose(small, frames.reshape(5, 16, 3, 16, 3).mean(axis=(2, 4)), rtol=1e-5)


def test_flat_frame_stays_flat_whatever_the_geometry():
    frames = np.full((2, 50, 70), 7, "u2")
    mask = np.random.default_rng(0).random((50, 70)) > 0.3
    for size, crop, centre in ((16, 41.3, (22.2, 30.7)), (64, 33.0, (25.0, 35.0)), (96, 50.0, None)):
        resampler = _geometry(frames.shape[1:], size=size, crop=crop, centre=centre, mask=mask).resampler
        small = resampler.resample(frames)
        assert np.allclose(small[:, resampler.small_mask], 7, rtol=1e-5)
        assert (small[:, ~resampler.small_mask] == 0).all()


def test_masked_pixels_do_not_bleed():
    frames = np.full((1, 32, 32), 10, "u2")
    mask = np.ones((32, 32), bool)
    mask[8:11, 8:11] = False
    frames[0, ~mask] = 60_000
    geometry = _geometry((32, 32), mask=mask)
    condensed = condense_frames(frames, geometry)[0]
    expected = round(255 * np.log1p(10) / np.log1p(100))
    assert set(np.unique(condensed)) == {0, expected}
    assert condensed[4, 4] == 0
    assert np.array_equal(condensed > 0, geometry.small_mask)


def test_values_that_are_no_counts_are_left_out_frame_by_frame():
    mean = 255 * np.log1p(10) / np.log1p(100)
    for dtype, bad in (("f4", np.nan), ("f4", np.inf), ("i4", -1), ("u4", 2**32 - 1)):
        frames = np.full((2, 32, 32), 10, dtype)
        frames[0, 4, 5] = bad
        frames[0, 16:18, 16:18] = bad
        condensed = condense_frames(frames, _geometry((32, 32)))
        assert condensed[0, 2, 2] == round(mean)  # three of four pixels are left
        assert condensed[0, 8, 8] == 0
        assert (condensed[1] == round(mean)).all()


def test_negative_floats_are_noise_and_average_out():
    frames = np.zeros((1, 32, 32), "f4")
    frames[0, ::2], frames[0, 1::2] = -3, 3
    assert (condense_frames(frames, _geometry((32, 32))) == 0).all()


def test_frame_is_centred_on_the_beam():
    frames = np.zeros((1, 60, 60), "u2")
    frames[0, 20, 33] = 50
    geometry = _geometry((60, 60), size=15, crop=15, centre=(20.0, 33.0))
    row, column = np.argwhere(condense_frames(frames, geometry)[0])[0]
    assert (row, column) == (7, 7)


def test_part_of_the_cut_out_outside_the_frame_is_masked():
    geometry = _geometry((40, 40), size=20, crop=40, centre=(5.0, 19.5))
    assert not geometry.small_mask[:6].any()
    assert geometry.small_mask[9:].all()


@pytest.mark.parametrize("side", [8, 20, 100])
def test_frames_smaller_than_the_result_are_scaled_up(side):
    frames, _ = diffraction_frames(4, side)
    condensed = condense_frames(frames, _geometry((side, side), size=96, scale_max=float(frames.max())))
    assert condensed.shape == (4, 96, 96)
    peak = np.unravel_index(condensed[1].argmax(), (96, 96))
    assert np.allclose(peak, 47.5, atol=96 / side + 1)


def test_condensing_does_not_depend_on_the_block():
    frames, _ = diffraction_frames(20, 64)
    geometry = _geometry((64, 64), size=24)
    together = condense_frames(frames, geometry)
    alone = np.concatenate([condense_frames(frame[None], geometry) for frame in frames])
    assert np.array_equal(together, alone)


def test_frames_of_another_detector_are_refused():
    with pytest.raises(SourceError, match="geometry is for"):
        condense_frames(np.zeros((1, 30, 30), "u2"), _geometry((32, 32)))


@pytest.mark.parametrize("shift", [(0, 0), (9, -7), (-11.5, 4.5)])
def test_beam_is_found_where_it_is(shift):
    frames, _ = diffraction_frames(40, 160, seed=3)
    top, left = (int(16 - part) for part in shift)
    cut = frames[:, top : top + 128, left : left + 128]
    expected = (79.5 - top, 79.5 - left)
    mask = np.ones((128, 128), bool)
    mask[int(expected[0]) - 4 : int(expected[0]) + 6, int(expected[1]) - 4 : int(expected[1]) + 6] = False
    mask[40:44] = False  # a gap between panels, off centre
    centre, correlation = find_centre(cut.mean(axis=0), mask, 40)
    assert np.allclose(centre, expected, atol=0.5)
    assert correlation > 0.9


def test_beam_is_found_in_a_large_frame():
    axis = np.arange(900.0)
    mean = 1e3 / (1 + ((axis[:, None] - 431) ** 2 + (axis - 467) ** 2) / 900)
    centre, _ = find_centre(mean, np.ones((900, 900), bool), 100)
    assert np.allclose(centre, (431, 467), atol=1)


def test_without_signal_or_symmetry_the_middle_is_taken():
    good = np.ones((64, 80), bool)
    noise = np.random.default_rng(0).poisson(5, (64, 80))
    for mean in (np.zeros((64, 80)), np.full((64, 80), 3.0), noise):
        assert find_centre(mean, good, 100) == ((31.5, 39.5), 0.0)
    assert find_centre(np.full((64, 80), np.nan), ~good, 100)[0] == (31.5, 39.5)


def test_given_centre_wins_and_must_be_inside():
    frames, _ = diffraction_frames(20, 64)
    geometry, _ = _plan(frames, centre_row=20.0, centre_column=30.5)
    assert geometry.centre == (20.0, 30.5)
    with pytest.raises(RecipeError, match="out of range"):
        _plan(frames, centre_row=200.0, centre_column=30.0)
    with pytest.raises(RecipeError, match="only one"):
        _plan(frames, centre_row=20.0)


def test_dead_pixels_gaps_and_hole_are_found_and_dark_corners_are_not():
    frames, _ = diffraction_frames(200, 64)
    frames[:, 30:34, 30:34] = 0
    frames[:, 20] = 0
    frames[:, 40, 44] = 0
    frames[:, :6, :6] = 0
    mean, peak, good = frames.mean(axis=0), frames.max(axis=0), np.ones((64, 64), bool)
    corner = np.zeros((64, 64), bool)
    corner[:7, :7] = True
    mean[corner], peak[corner] = 0.01, 1  # two counts in 200 frames: too little to call a neighbour dead
    mean[:6, :6], peak[:6, :6] = 0, 0
    dead = find_dead_pixels(mean, peak, good, 200)
    assert dead[30:34, 30:34].all()
    assert dead[20].all()
    assert dead[40, 44]
    assert not dead[:6, :6].any()
    assert dead.sum() == 16 + 64 + 1


def test_hot_pixels_are_found_and_rings_are_not():
    frames, _ = diffraction_frames(100, 64)
    good = np.ones((64, 64), bool)
    assert not find_hot_pixels(frames.mean(axis=0), good, 100).any()
    frames[:, 5, 60], frames[:, 33, 20] = 65_535, 40_000
    hot = find_hot_pixels(frames.mean(axis=0), good, 100)
    assert hot[5, 60]
    assert hot[33, 20]
    assert hot.sum() == 2
    assert not find_hot_pixels(frames[0].astype("f4"), good, 1).any()


def test_noisy_pixels_are_found_and_changing_particles_are_not():
    frames, _ = diffraction_frames(200, 64)
    good = np.ones((64, 64), bool)
    frames[:, 2:, :2] = np.random.default_rng(1).poisson(0.02, (200, 62, 2))  # dark, where one count is much
    frames[7, 3, 60] = 30_000  # one cosmic ray
    flicker = np.random.default_rng(2).random((200, 3)) < 0.3
    for pixel, column in enumerate((1, 30, 58)):
        frames[flicker[:, pixel], 50, column] += 20_000
    mean, variance = frames.mean(axis=0), _variance_without_largest(frames)
    noisy = find_noisy_pixels(mean, variance, good, 200)
    assert np.argwhere(noisy).tolist() == [[50, 1], [50, 30], [50, 58]]
    assert not find_noisy_pixels(mean, variance, good, 20).any()


def _variance_without_largest(frames):
    return np.sort(frames.astype("f8"), axis=0)[:-1].var(axis=0)


def test_masks_are_combined_and_each_pixel_says_why():
    frames, _ = diffraction_frames(100, 64)
    frames[:, 5, 40], frames[:, 30, 30] = 65_535, 0
    file_mask, drawn = np.ones((64, 64), bool), np.zeros((64, 64), bool)
    file_mask[0], drawn[:2, :3] = False, True
    mask = DrawnMask(drawn, "drawn by vera, version 2")
    geometry, found = _plan(frames, file_mask, mask, hole_radius=2.0, drawn_mask="a" * 64, crop=50.0)
    assert geometry.reasons[0, 0] == REASONS["file"] | REASONS["drawn"]
    assert geometry.reasons[1, 0] == REASONS["drawn"]
    assert geometry.reasons[5, 40] == REASONS["hot"]
    assert geometry.reasons[30, 30] == REASONS["dead"]
    assert geometry.reasons[31, 31] == REASONS["hole"]
    assert np.array_equal(geometry.mask, geometry.reasons == 0)
    assert {"mask from file: 64 px", "drawn by vera, version 2: 6 px", "hot: 1 px"} <= set(found["done"])
    assert found["masked_by"]["drawn"] == 6
    assert any(line.startswith("crop 50 px about (31.") for line in found["done"])


def test_a_drawn_mask_of_another_detector_is_refused():
    frames, _ = diffraction_frames(4, 32)
    with pytest.raises(SourceError, match=r"drawn by vera.*Draw it again"):
        _plan(frames, None, DrawnMask(np.zeros((16, 32), bool), "drawn by vera, version 1"))


def test_a_bin_gives_the_size_and_keeps_whole_pixels_together():
    frames, _ = diffraction_frames(20, 66)
    geometry, found = _plan(frames, bin=3, crop=65.0, centre_row=32.0, centre_column=32.0)
    assert (geometry.size, geometry.crop) == (21, 63.0)
    inside = frames[:, 1:64, 1:64].reshape(20, 21, 3, 21, 3).mean(axis=(2, 4))
    assert np.allclose(geometry.resampler.resample(frames), inside, rtol=1e-5)
    assert "bin 3 × 3: 21 × 21 px" in found["done"]
    with pytest.raises(RecipeError, match="bin"):
        _plan(frames, bin=30)


@pytest.mark.parametrize("scale", ["log", "sqrt", "none"])
def test_condensed_frames_come_back_as_counts_on_each_scale(scale):
    frames, _ = diffraction_frames(12, 64)
    geometry, found = _plan(frames, size=64, crop=64.0, scale=scale, centre_row=31.5, centre_column=31.5)
    counts = from_levels(condense_frames(frames, geometry), geometry.scale, geometry.scale_max)
    step = np.diff(level_counts(scale, geometry.scale_max)).max()
    assert np.abs(counts - np.minimum(frames, geometry.scale_max)).max() <= step
    assert any(line.startswith(f"scale {scale}, 255 = ") for line in found["done"])


def test_a_geometry_of_before_scales_could_be_chosen_is_logarithmic(tmp_path):
    np.savez(tmp_path / "geometry.npz", mask=np.ones((8, 8), bool), centre=(3.5, 3.5), scale_max=9.0, size=8)
    assert load_geometry(tmp_path).scale == "log"


def test_hot_pixel_is_masked_and_does_not_set_the_scale():
    frames, _ = diffraction_frames(100, 64)
    top = _plan(frames, size=32)[0].scale_max
    frames[:, 5, 40] = 65_535
    geometry, found = _plan(frames, size=32)
    assert found["hot"] == 1
    assert not geometry.mask[5, 40]
    assert np.isclose(geometry.scale_max, top, rtol=0.05)


def test_switches_of_the_recipe_are_obeyed():
    frames, _ = diffraction_frames(100, 64)
    frames[:, 5, 40], frames[:, 30, 30] = 65_535, 0
    file_mask = np.ones((64, 64), bool)
    file_mask[0] = False
    off = {"find_hot": False, "find_dead": False, "find_noisy": False, "use_file_mask": False}
    assert _plan(frames, file_mask, **off)[0].mask.all()
    geometry, _ = _plan(frames, file_mask, scale_max=77.0, hole_radius=5.0, size=40)
    assert not geometry.mask[[0, 5, 30], [0, 40, 30]].any()
    assert not geometry.mask[28:36, 31].any()
    assert (geometry.scale_max, geometry.size) == (77.0, 40)


@pytest.mark.parametrize(
    "values",
    [
        {"sise": 96},
        {"size": 2},
        {"size": 96.0},
        {"scale": "linear"},
        {"crop": -1.0},
        {"scale_max": 0.0},
        {"find_hot": 1},
        {"size": 64, "bin": 2},
        {"bin": 2.5},
        {"drawn_mask": None},
    ],
)
def test_recipes_that_make_no_sense_are_refused(values):
    with pytest.raises(RecipeError):
        CondenseRecipe.from_dict(values)


def test_all_masked_is_an_error_for_the_user():
    frames, _ = diffraction_frames(4, 32)
    with pytest.raises(SourceError, match="no pixel"):
        _plan(frames, np.zeros((32, 32), bool))


@pytest.mark.parametrize("n", [1, 10])
def test_one_frame_identical_and_empty_frames_get_a_plan(n):
    frames = np.repeat(diffraction_frames(2, 32)[0][1:], n, axis=0)
    geometry, found = _plan(frames, size=16)
    assert found["hot"] == 0
    assert condense_frames(frames, geometry).max() > 200
    dark, _ = _plan(np.zeros((n, 32, 32), "u2"), size=16)
    assert dark.mask.all()
    assert (condense_frames(np.zeros((n, 32, 32), "u2"), dark) == 0).all()


def test_geometry_survives_saving(tmp_path):
    frames, _ = diffraction_frames(20, 64)
    geometry, found = _plan(frames, size=24, scale="sqrt", hole_radius=3.0)
    save_geometry(geometry, tmp_path, found)
    loaded = load_geometry(tmp_path)
    assert loaded.scale == "sqrt"
    assert np.array_equal(loaded.reasons, geometry.reasons)
    assert np.array_equal(condense_frames(frames, loaded), condense_frames(frames, geometry))
    assert loaded.centre == geometry.centre
    with pytest.raises(SourceError, match=r"geometry\.npz"):
        load_geometry(tmp_path / "nothing")
