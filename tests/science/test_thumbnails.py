"""Thumbnails and pictures of patterns."""

import numpy as np
from PIL import Image

from workers.science.thumbnails import (
    INFERNO,
    MASKED_COLOUR,
    draw_pattern,
    make_tiles,
    write_pattern,
    write_strip,
)


def test_colours_grow_brighter_and_none_is_like_masked():
    luminance = INFERNO @ np.array((0.2126, 0.7152, 0.0722))
    assert (np.diff(luminance[::5]) > 0).all()
    distance = np.abs(INFERNO.astype(int) - MASKED_COLOUR).max(axis=1)
    assert distance.min() > 30


def test_tile_is_a_frame_with_its_mask():
    condensed = np.zeros((2, 96, 96), np.uint8)
    condensed[1] = 255
    mask = np.ones((96, 96), bool)
    mask[:48, :48] = False
    dark, bright = make_tiles(condensed, mask)
    assert bright.shape == (64, 64, 3)
    assert (bright[40:, :] == INFERNO[255]).all()
    assert (dark[40:, :] == INFERNO[0]).all()
    assert (bright[:31, :31] == MASKED_COLOUR).all()


def test_pattern_is_drawn_with_its_mask_and_scaled_down(tmp_path):
    pattern = np.ones((2100, 50), "f4")
    pattern[:, :10] = np.nan
    pattern[:, 30:] = 100
    picture = draw_pattern(pattern)
    assert picture.shape == (700, 17, 3)
    assert (picture[:, 0] == MASKED_COLOUR).all()
    assert picture[0, -1].sum() > picture[0, 8].sum()
    write_pattern(tmp_path / "all_masked.png", np.full((5, 5), np.nan))
    assert (np.asarray(Image.open(tmp_path / "all_masked.png")) == MASKED_COLOUR).all()


def test_strip_is_as_wide_as_its_pictures(tmp_path):
    write_strip(tmp_path / "a.png", [np.zeros((20, 10, 3), np.uint8)] * 3, side=40)
    assert Image.open(tmp_path / "a.png").size == (3 * 24 - 4, 40)
