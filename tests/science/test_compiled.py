"""Compiled loops are kept beside the package, and work where nothing may be written."""

import subprocess
import sys
from pathlib import Path

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
