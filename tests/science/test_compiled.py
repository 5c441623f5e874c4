"""Compiled loops are kept beside the package, and work where nothing may be written."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from workers.science import kernels
from workers.science.frame_columns import FrameColumns
from workers.science.resample import Resampler
from workers.science.scale import level_thresholds
from workers.science.thumbnails import make_tiles
from workers.science.warm import load_kernels

MODULE = """
from workers.science.compiled import compiled

@compiled
def double(values):
    for j in range(len(values)):
        values[j] = 2 * values[j]
"""
CALL = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import loops
values = np.arange(3.0)
loops.double(values)
assert values.tolist() == [0, 2, 4]
print(sum(loops.double.stats.cache_hits.values()))
"""


def _call(folder: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-B", "-c", CALL, str(folder)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_second_process_finds_what_the_first_compiled(tmp_path):
    (tmp_path / "loops.py").write_text(MODULE)
    assert _call(tmp_path) == 0
    assert _call(tmp_path) == 1


def test_what_cannot_be_saved_or_is_damaged_is_compiled_again(tmp_path):
    (tmp_path / "loops.py").write_text(MODULE)
    cache = tmp_path / "__pycache__"
    cache.write_text("a file where the folder should be: nothing can be written, not even by root")
    assert _call(tmp_path) == 0
    assert _call(tmp_path) == 0
    cache.unlink()
    assert _call(tmp_path) == 0
    for path in cache.glob("*.nb?"):
        path.write_bytes(b"damaged")
    assert _call(tmp_path) == 0


def test_nothing_is_compiled_after_the_kernels_of_a_type_were_loaded():
    load_kernels("<u2")
    dispatchers = [value for value in vars(kernels).values() if hasattr(value, "signatures")]
    before = [len(dispatcher.signatures) for dispatcher in dispatchers]
    frames = np.random.default_rng(0).poisson(3, (20, 30, 40)).astype("u2")
    FrameColumns((30, 40), np.ones((30, 40), bool), 0.0).add(0, frames)
    resampler = Resampler(mask=np.ones((30, 40), bool), centre=(14.5, 19.5), side=30, size=12)
    make_tiles(resampler.resample_levels(frames, level_thresholds("log", 20.0)), np.ones((12, 12), bool))
    assert len(dispatchers) >= 7
    assert [len(dispatcher.signatures) for dispatcher in dispatchers] == before
