"""A file that is still being written is described as it is now, and may grow afterwards."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from workers.science.errors import SourceError
from workers.science.io import describe_source, open_source
from workers.science.io.guard import Guard

# A process that writes frames as a detector does, one more or the end for each line that it is told.
WRITER = """
import sys, h5py, numpy as np
file = h5py.File(sys.argv[1], "w", libver="latest")
data = file.create_dataset("data", (2, 16, 16), "u2", maxshape=(None, 16, 16), chunks=(1, 16, 16))
data[:] = 7
file.flush()
if sys.argv[2] == "swmr":
    file.swmr_mode = True
print("ready", flush=True)
for line in sys.stdin:
    data.resize(len(data) + 1, 0)
    data[-1] = 8
    data.flush()
    print("ready", flush=True)
file.close()
"""


class Writer:
    """The writing process, seen from the test."""

    def __init__(self, path: Path, mode: str) -> None:
        command = [sys.executable, "-c", WRITER, str(path), mode]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def write_frame(self) -> None:
        self.process.stdin.write("more\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ready\n"

    def close(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0


@pytest.fixture
def written(tmp_path) -> Iterator[tuple[Path, Writer]]:
    writer = Writer(tmp_path / "run.h5", "swmr")
    yield tmp_path / "run.h5", writer
    writer.process.kill()
    writer.process.communicate()


def _describe(path: Path) -> dict:
    return describe_source(sources=[str(path)], roots=[str(path.parent)])


def test_frames_described_are_read_while_the_writer_goes_on_and_after_it_closed(written):
    path, writer = written
    description = _describe(path)
    assert [(item["file"], item["state"]) for item in description["states"]] == [(str(path), "growing")]
    assert description["files"][0]["fingerprint"].startswith("growing-")
    assert description["n_frames"] == 2
    for act in (writer.write_frame, writer.write_frame, writer.close):
        act()
        with open_source(description) as reader:
            np.testing.assert_array_equal(reader.read(0, 2), np.full((2, 16, 16), 7))
            with pytest.raises(ValueError, match="frames"):
                reader.read(2, 3)
    again = _describe(path)
    assert (again["n_frames"], again["states"]) == (4, [])
    assert not again["files"][0]["fingerprint"].startswith("growing-")


def test_file_whose_writer_fell_silent_is_stalled_and_read(written):
    path, _ = written
    os.utime(path, (time.time() - 3600,) * 2)
    description = _describe(path)
    assert [item["state"] for item in description["states"]] == ["stalled"]
    assert "60 min" in description["states"][0]["words"]
    with open_source(description) as reader:
        assert reader.read(1, 2)[0, 0, 0] == 7


def test_file_that_is_written_without_letting_others_read_is_refused_in_words(tmp_path):
    writer = Writer(tmp_path / "run.h5", "alone")
    with pytest.raises(SourceError, match=r"run\.h5: is open for writing"):
        _describe(tmp_path / "run.h5")
    writer.close()
    assert _describe(tmp_path / "run.h5")["n_frames"] == 2


def test_growing_file_that_was_replaced_or_cut_is_refused(written):
    path, _ = written
    description = _describe(path)
    whole = path.read_bytes()
    os.truncate(path, len(whole) - 1)
    with open_source(description) as reader, pytest.raises(SourceError, match="replaced or cut"):
        reader.read(0, 1)
    path.with_suffix(".new").write_bytes(whole)
    path.with_suffix(".new").rename(path)
    with open_source(description) as reader, pytest.raises(SourceError, match="replaced or cut"):
        reader.read(0, 1)


def test_fresh_file_that_does_not_end_where_it_says_is_growing_until_it_has_settled(tmp_path):
    with h5py.File(tmp_path / "run.h5", "w") as file:
        file["data"] = np.ones((2, 16, 16), "u2")
    assert _describe(tmp_path / "run.h5")["states"] == []
    with (tmp_path / "run.h5").open("ab") as file:
        file.write(bytes(4096))
    guard = Guard([str(tmp_path)])
    guard.read_head(str(tmp_path / "run.h5"), 1)
    assert [item["state"] for item in guard.states] == ["growing"]
    os.utime(tmp_path / "run.h5", (time.time() - 120,) * 2)
    guard.read_head(str(tmp_path / "run.h5"), 1)
    assert guard.states == []
