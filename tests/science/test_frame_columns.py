"""What is measured of each frame is what NumPy says, for every kind of number."""

import numpy as np
import pytest

from workers.science.frame_columns import COLUMNS, FrameColumns

SHAPE = (70, 130)  # more pixels than one piece of the compiled loops


def _frames(dtype: str, n: int = 7) -> np.ndarray:
    random = np.random.default_rng(0)
    frames = random.poisson(3, (n, *SHAPE)) * random.integers(1, 60, (n, 1, 1))
    return frames.clip(None, 120).astype(dtype)


def _spoil(frames: np.ndarray) -> np.ndarray:
    """Put in what is no count; return what counts."""
    random = np.random.default_rng(1)
    spots = random.random(frames.shape) < 0.02
    kind = frames.dtype.kind
    if kind == "f":
        frames[spots] = random.choice([np.nan, np.inf, -np.inf], spots.sum())
    elif kind == "i":
        frames[spots] = -1
    elif frames.dtype.itemsize >= 4:
        frames[spots] = np.iinfo(frames.dtype).max
    else:
        frames[spots] = np.iinfo(frames.dtype).max
        spots[:] = False
    return ~spots


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"])
@pytest.mark.parametrize("has_mask", [False, True])
def test_columns_and_patterns_are_what_numpy_says(dtype, has_mask):
    frames = _frames(dtype)
    usable = _spoil(frames)
    good = np.random.default_rng(2).random(SHAPE) < 0.9 if has_mask else None
    columns = FrameColumns(SHAPE, good, 4.0)
    columns.add(0, frames[:5])
    columns.add(5, frames[5:])
    usable = usable & good if has_mask else usable
    values = np.where(usable, frames, np.nan).astype(float)
    found = columns.columns()
    assert set(found) == set(COLUMNS)
    assert np.allclose(found["total"], np.nansum(values, axis=(1, 2)))
    assert np.array_equal(found["maximum"], np.nanmax(values, axis=(1, 2)))
    assert np.array_equal(found["lit_pixels"], (values > 4).sum(axis=(1, 2)))
    peaks = np.nanmax(values, axis=(1, 2), keepdims=True)
    assert np.array_equal(found["n_at_maximum"], (values == peaks).sum(axis=(1, 2)))
    assert np.allclose(found["masked_share"], 1 - usable.mean(axis=(1, 2)))
    patterns = columns.patterns()
    assert np.allclose(patterns["total"], np.nansum(values, axis=0))
    assert np.array_equal(patterns["n"], usable.sum(axis=0))
    assert np.array_equal(patterns["sample_n"], patterns["n"])
    assert np.allclose(patterns["sample_squares"], np.nansum(values**2, axis=0))
    seen = patterns["n"] > 0
    assert np.array_equal(patterns["max"][seen], np.nanmax(values[:, seen], axis=0))


def test_variance_is_of_frames_chosen_by_their_number_whatever_the_blocks():
    frames = _frames("u2", n=20)
    whole, parts = (FrameColumns(SHAPE, None, 0.0, variance_step=3) for _ in range(2))
    whole.add(0, frames)
    for first, last in ((0, 4), (4, 5), (5, 20)):
        parts.add(first, frames[first:last])
    assert np.array_equal(whole.patterns()["sample_total"], frames[::3].sum(axis=0))
    assert np.array_equal(parts.patterns()["sample_squares"], whole.patterns()["sample_squares"])


def test_patterns_are_the_same_where_the_type_of_the_frames_changes():
    good = np.random.default_rng(3).random(SHAPE) < 0.9
    alone, mixed = FrameColumns(SHAPE, good, 0.0), FrameColumns(SHAPE, good, 0.0)
    frames = _frames("u2", n=9)
    alone.add(0, frames)
    for first, dtype in ((0, "u2"), (3, "i4"), (6, "u1")):
        mixed.add(first, frames[first : first + 3].astype(dtype))
    expected, found = alone.patterns(), mixed.patterns()
    assert all(np.array_equal(found[name][good], expected[name][good]) for name in expected)
    assert not found["n"][~good].any()
    assert not expected["n"][~good].any()
