"""What a reader keeps in memory, and what it reads before it is asked."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.frames.operations import OpenSource, bin_frame, runs
from workers.science.errors import SourceError
from workers.science.io import open_source

Register = Callable[..., Path]


def open_registered(register: Register, frames: NDArray) -> OpenSource:
    return OpenSource(open_source(json.loads(register(frames, chunks=(1, *frames.shape[1:])).read_text())))


def turn(source: OpenSource, *indices: int) -> None:
    for index in indices:
        source.frame(index)
        for _ in source.read_ahead():
            pass


def take_away(source: OpenSource, tmp_path: Path) -> None:
    source.reader.close()
    for path in (tmp_path / "root").iterdir():
        path.unlink()


@pytest.fixture
def large() -> NDArray:
    """Frames of a size at which each is read alone."""
    return np.random.default_rng(0).integers(0, 9, (12, 600, 900), dtype=np.uint16)


@pytest.mark.parametrize(("turned", "ahead"), [((3, 4), (5, 6)), ((8, 7), (6, 5))])
def test_who_turns_frames_finds_the_next_ones_read(register, large, tmp_path, turned, ahead):
    source = open_registered(register, large)
    turn(source, *turned)
    take_away(source, tmp_path)
    for index in ahead:
        np.testing.assert_array_equal(source.frame(index)[0], large[index])
    with pytest.raises(SourceError, match="does not exist"):
        source.frame(11 if ahead[0] < 6 else 0)


def test_who_jumps_about_waits_for_no_frame_that_nobody_wants(register, large, tmp_path):
    source = open_registered(register, large)
    turn(source, 9, 0, 6)
    take_away(source, tmp_path)
    with pytest.raises(SourceError):
        source.frame(7)


def test_small_frames_are_read_many_at_once(register, frames, tmp_path):
    source = open_registered(register, frames)
    source.frame(3)
    take_away(source, tmp_path)
    np.testing.assert_array_equal(source.frame(29)[0], frames[29])


def test_runs_join_neighbours_up_to_a_length():
    assert list(runs([1, 2, 3, 7, 8, 20], 2)) == [(1, 3), (3, 4), (7, 9), (20, 21)]
    assert list(runs([5], 10)) == [(5, 6)]


def test_a_square_without_any_value_has_none():
    frame = np.ones((4, 5), np.float32)
    frame[:2, :2], frame[3, 4] = np.nan, 7
    binned = bin_frame(frame, 2)
    assert binned.shape == (2, 3)
    assert np.isnan(binned[0, 0])
    assert binned[1, 2] == 4


def test_compiled_loops_are_loaded_before_a_reader_is_forked():
    asked = (
        "from workers.frames.__main__ import load_readers; load_readers();"
        "from workers.science.io.bitshuffle import undo_bitshuffle; print(len(undo_bitshuffle.signatures))"
    )
    answer = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert int(answer.stdout) == 4
