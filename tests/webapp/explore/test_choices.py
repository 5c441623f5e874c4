"""Frames that people name by number, and how they are read."""

import tracemalloc

import numpy as np
import pytest

from webapp.datasets.scopes import ScopeError
from webapp.explore.choices import MOST_RANGES, frames_of_text


def test_numbers_and_ranges_are_joined_in_order():
    np.testing.assert_array_equal(frames_of_text("8, 2-4,3, 9 - 9", 10), [2, 3, 4, 8, 9])
    assert len(frames_of_text("", 10)) == 0


@pytest.mark.parametrize("text", ["10", "4-2", "0-99999999999", "a", "-3"])
def test_what_names_no_frames_of_the_data_set_is_refused(text):
    with pytest.raises(ScopeError):
        frames_of_text(text, 10)


def test_the_same_long_range_many_times_takes_no_more_memory_than_once():
    n_frames = 1 << 20
    text = ",".join([f"0-{n_frames - 1}"] * MOST_RANGES)
    tracemalloc.start()
    try:
        assert len(frames_of_text(text, n_frames)) == n_frames
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * n_frames
