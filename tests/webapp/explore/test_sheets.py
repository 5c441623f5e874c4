"""A sheet shows each frame in its tile, masked pixels in a colour of their own."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from webapp.explore.sheets import _shrink, draw_picked, draw_sheet
from webapp.explore.thumbs import MASKED, TABLE


def _condensation(folder: Path, condensed: np.ndarray, mask: np.ndarray, scale: str = "log") -> Path:
    size = condensed.shape[1]
    np.save(folder / "condensed.npy", condensed)
    centre = np.full(2, (size - 1) / 2)
    facts = {"centre": centre, "crop": np.float64(size), "size": np.int64(size), "scale": np.str_(scale)}
    np.savez(folder / "geometry.npz", mask=mask, scale_max=np.float64(900), **facts)
    return folder


def _tiles(picture: bytes | None) -> np.ndarray:
    assert picture is not None
    sheet = np.asarray(Image.open(io.BytesIO(picture))).astype(int)
    assert sheet.shape == (1024, 1024, 3)
    return sheet.reshape(16, 64, 16, 64, 3).swapaxes(1, 2).reshape(256, 64, 64, 3)


@pytest.mark.parametrize("size", [24, 64, 96, 200])
def test_tiles_are_the_frames_row_by_row(tmp_path: Path, size: int) -> None:
    condensed = np.zeros((300, size, size), np.uint8)
    levels = np.random.default_rng(0).integers(0, 256, 300)
    condensed[:] = levels[:, None, None]
    mask = np.ones((size, size), bool)
    mask[: size // 2, : size // 2] = False
    condensed[:, ~mask] = 0
    _condensation(tmp_path, condensed, mask)
    first, second = (_tiles(draw_sheet(tmp_path, number)) for number in range(2))
    shown = np.concatenate([first, second])[:300]
    assert np.abs(shown[:, 40:, 40:].mean(axis=(1, 2)) - TABLE[levels]).max() < 6
    assert np.abs(shown[:, 8:24, 8:24] - np.array(MASKED)).max() < 12
    assert second[64:].max() < 12  # beside a bright tile JPEG is not quite black
    assert draw_sheet(tmp_path, 2) is None


def test_a_pixel_at_the_edge_of_the_mask_is_as_bright_as_its_good_part() -> None:
    good = np.ones((96, 96), np.float32)
    good[:, :50] = 0  # a third of column 33 of the thumbnail, in which each has 1.5 pixels
    levels, masked = _shrink(np.where(good, 200, 0).astype(np.uint8)[None], good)
    assert (levels[0, :, 33:] == 200).all()
    assert masked[:, :33].all()
    assert not masked[:, 33:].any()


def test_other_scales_are_drawn_by_the_logarithm_too(tmp_path: Path) -> None:
    dark = np.full((1, 64, 64), 85, np.uint8)  # 100 counts of 900 by their square root
    tile = _tiles(draw_sheet(_condensation(tmp_path, dark, np.ones((64, 64), bool), "sqrt"), 0))[0]
    level = round(255 * np.log1p(100) / np.log1p(900))
    assert np.abs(tile.mean(axis=(0, 1)) - TABLE[level]).max() < 4


def test_a_folder_without_condensed_frames_has_no_sheet(tmp_path: Path) -> None:
    assert draw_sheet(tmp_path, 0) is None


def test_picked_frames_stand_on_their_sheet_in_the_order_in_which_they_were_asked_for(tmp_path: Path) -> None:
    condensed = np.zeros((300, 64, 64), np.uint8)
    condensed[:] = (np.arange(300) % 256)[:, None, None]
    _condensation(tmp_path, condensed, np.ones((64, 64), bool))
    frames = (250, 3, 120, 3, 77, 9, 200, 31, 160, 64)
    picture = draw_picked(tmp_path, frames)
    assert picture is not None
    sheet = np.asarray(Image.open(io.BytesIO(picture))).astype(int)
    assert sheet.shape == (128, 512, 3)
    tiles = sheet.reshape(2, 64, 8, 64, 3).swapaxes(1, 2).reshape(16, 64, 64, 3)
    assert np.abs(tiles[:10, 8:-8, 8:-8].mean(axis=(1, 2)) - TABLE[list(frames)]).max() < 6
    assert tiles[10:, 8:-8, 8:-8].max() < 12
    assert draw_picked(tmp_path, (1, 300)) is None
    assert draw_picked(tmp_path, (-1,)) is None
