"""How the frames of a job are shared out."""

import itertools

import pytest

from webapp.jobs.kinds import KINDS, SHEET

SHARDED = [(kind.name, stage) for kind in KINDS.values() for stage in kind.stages if stage.is_sharded]


@pytest.mark.parametrize("n_frames", [1, 255, 256, 5000, 100_000, 1_000_000, 10_000_000])
@pytest.mark.parametrize(("name", "stage"), SHARDED)
def test_shards_cover_all_frames_and_begin_where_a_sheet_does(name, stage, n_frames):
    ranges = stage.ranges(n_frames)
    assert (ranges[0][0], ranges[-1][1]) == (0, n_frames)
    assert all(last == first for (_, last), (first, _) in itertools.pairwise(ranges))
    assert all(start % SHEET == 0 and 0 < stop - start <= stage.largest_shard for start, stop in ranges)


def test_a_network_is_loaded_for_more_frames_than_a_file_is_opened_for():
    """Loading it takes longer than the frames of a small shard."""
    shards = {name: len(stage.ranges(1_000_000)) for name, stage in SHARDED}
    assert shards["embed"] < shards["index"] / 3
    assert shards["embed"] >= 8, "enough for as many workers"
